import MusterCore
import MusterIdentity
import MusterWire
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A small TLS client that speaks frames, and whatever else a test wants to send.
final class TestAgent: Sendable {
    /// A key with a certificate for it.
    struct Credentials: Sendable {
        var key: TLSKey
        var certificate: Certificate
        var id: AgentID { key.publicKeyID }
    }

    private struct Inbox {
        var decoder = FrameDecoder()
        var envelopes: [WireEnvelope] = []
        var isClosed = false
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let agent: TestAgent
        init(agent: TestAgent) { self.agent = agent }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            agent.inbox.withLock { inbox in
                inbox.decoder.append(bytes.readableBytesView)
                while let envelope = try? inbox.decoder.next() { inbox.envelopes.append(envelope) }
            }
        }

        func channelInactive(context: ChannelHandlerContext) { agent.inbox.withLock { $0.isClosed = true } }

        // The tests look at what the coordinator says, not at how the client's TLS ends.
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let inbox = Mutex(Inbox())
    private let counter = Mutex(EnvelopeCounter())
    private let line = Mutex<(any Channel)?>(nil)

    /// Connects without TLS.
    static func plain(port: Int) async throws -> TestAgent {
        let agent = TestAgent()
        try await agent.connect(port: port, tls: nil)
        return agent
    }

    /// Connects with TLS, with a certificate if `credentials` are given.
    static func secure(
        port: Int,
        trusting authority: CertificateAuthority,
        credentials: Credentials?,
        protocols: [String] = ["muster/1"],
        newestTLS: TLSVersion? = nil
    ) async throws -> TestAgent {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: authority.certificate.der, format: .der)]
        )
        tls.certificateVerification = .noHostnameVerification
        tls.applicationProtocols = protocols
        tls.maximumTLSVersion = newestTLS
        if let credentials {
            let certificate = try NIOSSLCertificate(bytes: credentials.certificate.der, format: .der)
            tls.certificateChain = [.certificate(certificate)]
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: credentials.key.pem, format: .pem))
        }
        let agent = TestAgent()
        try await agent.connect(port: port, tls: try NIOSSLContext(configuration: tls))
        return agent
    }

    private func connect(port: Int, tls: NIOSSLContext?) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: nil)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(Receiver(agent: self))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        line.withLock { $0 = channel }
    }

    private var channel: (any Channel)? { line.withLock { $0 } }

    func send(_ body: WireEnvelope.OneOf_Body) throws {
        var envelope = WireEnvelope(body)
        counter.withLock { $0.stamp(&envelope) }
        send(bytes: try Frame.encode(envelope))
    }

    /// Sends an envelope as it is.
    func send(envelope: WireEnvelope) throws { send(bytes: try Frame.encode(envelope)) }

    /// Sends bytes as they are.
    func send(bytes: [UInt8]) {
        guard let channel else { return }
        channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil)
    }

    /// Stops reading, as a hung process would.
    func stopReading() async throws { try await channel?.setOption(.autoRead, value: false).get() }

    /// The next message; nil when none comes within fifteen seconds or the connection ended.
    func next() async -> WireEnvelope.OneOf_Body? {
        var body: WireEnvelope.OneOf_Body?
        await eventually {
            self.inbox.withLock { inbox in
                // Envelopes that only acknowledge are no messages.
                while let first = inbox.envelopes.first {
                    inbox.envelopes.removeFirst()
                    self.counter.withLock { try? $0.accept(first) }
                    if let found = first.body {
                        body = found
                        return true
                    }
                }
                return inbox.isClosed
            }
        }
        return body
    }

    /// Highest of our messages that the coordinator says it took.
    var acknowledged: UInt64 {
        inbox.withLock { inbox in
            max(inbox.envelopes.map(\.acknowledged).max() ?? 0, counter.withLock { $0.acknowledged })
        }
    }

    /// Whether the coordinator closes the connection within fifteen seconds.
    func isClosed() async -> Bool { await eventually { self.inbox.withLock { $0.isClosed } } }

    func close() { channel?.close(promise: nil) }

    /// Says Hello and waits for the answer.
    func hello(
        name: String = "web-1",
        services: [String: String] = [:],
        capabilities: [String] = [],
        ledger: LedgerHead? = nil
    ) async throws -> WireEnvelope.OneOf_Body? {
        try sayHello(name: name, services: services, capabilities: capabilities, ledger: ledger)
        return await next()
    }

    /// Says Hello.
    func sayHello(
        name: String = "web-1",
        services: [String: String] = [:],
        capabilities: [String] = [],
        ledger: LedgerHead? = nil
    ) throws {
        var hello = WireHello()
        hello.version = "0.1.0"
        hello.capabilities = capabilities
        hello.inventory.name = name
        hello.inventory.services = services.map { service in
            var wire = WireService()
            wire.name = service.key
            wire.version = service.value
            return wire
        }
        hello.sentAtNs = FleetClock.now().nanoseconds
        if let ledger { hello.ledger = WireLedgerHead(ledger) }
        try send(.hello(hello))
    }
}

/// Waits until something holds; false after fifteen seconds, which only a machine full of other tests needs.
@discardableResult
func eventually(_ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(15)
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}
