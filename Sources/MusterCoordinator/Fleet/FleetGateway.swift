import Logging
import MusterCore
import MusterWire
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// The port that agents dial: TLS 1.3 with our own authority, one long connection each.
///
/// Run it in a service group. It answers ``Fleet`` and ``FleetAdministration`` from before it runs: hosts are
/// then simply not connected.
package final class FleetGateway: Service {
    /// What both sides must agree on in the handshake.
    package static let protocolName = "muster/1"

    let hub: FleetHub
    let store: any FleetStore
    let configuration: FleetConfiguration
    let logger: Logger
    private let desk: CertificateDesk
    private let group: any EventLoopGroup
    private let onListening: (@Sendable (Int) -> Void)?

    /// Prepares everything but the port.
    ///
    /// - Parameters:
    ///   - configuration: Address, deadlines and bounds.
    ///   - identity: Keys and certificates to begin with; see ``use(_:)``.
    ///   - store: The record of hosts and tokens.
    ///   - group: Threads for the connections.
    ///   - logger: Where refusals and connections are told.
    ///   - freezes: Those that a host has to keep to; called on event loops, must not block.
    ///   - onListening: Called once with the port when connections are accepted.
    /// - Throws: ``FleetError`` with the code `listen` when certificate and key can't be used.
    package init(
        configuration: FleetConfiguration = FleetConfiguration(),
        identity: CoordinatorIdentity,
        store: any FleetStore,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger,
        freezes: @escaping @Sendable (FleetHost) -> [Freeze] = { _ in [] },
        onListening: (@Sendable (Int) -> Void)? = nil
    ) throws(FleetError) {
        self.configuration = configuration
        self.store = store
        self.group = group
        self.logger = logger
        self.onListening = onListening
        let trust = try FleetTrust(identity)
        let hub = FleetHub(
            configuration: configuration,
            trust: trust,
            group: group,
            freezes: freezes,
            logger: logger
        )
        self.hub = hub
        self.desk = CertificateDesk(
            trust: trust,
            store: store,
            registry: hub.registry,
            counters: hub.counters,
            configuration: configuration,
            logger: logger,
            onRefusal: { hub.tell(.identityRefused(reason: $0, address: $1)) }
        )
    }

    /// What was counted since the start.
    package var counts: FleetCounts { hub.counters.snapshot }

    /// Loads the record: who belongs to the fleet is known from then on, connected or not.
    ///
    /// - Throws: ``FleetError`` when the record can't be read.
    package func load() async throws(FleetError) {
        hub.registry.load(try await store.hosts())
    }

    /// Uses other keys and certificates for every connection from now on.
    ///
    /// Connected agents whose certificate is of an authority that is being replaced are asked to renew; those whose
    /// authority is not among them any more are cut off.
    ///
    /// - Throws: ``FleetError`` with the code `listen` when certificate and key can't be used; then all stays as it was.
    package func use(_ identity: CoordinatorIdentity) throws(FleetError) { try hub.use(identity) }

    /// Opens the port, and serves until the service group shuts down.
    ///
    /// Call ``load()`` first.
    package func run() async throws {
        let port = try await listen()
        logger.info(
            "listening for agents",
            metadata: ["address": "\(configuration.address)", "port": "\(port.localAddress?.port ?? 0)"]
        )
        onListening?(port.localAddress?.port ?? 0)
        await withTaskGroup(of: Void.self) { tasks in
            // Two: while one waits for the database, the other signs.
            for _ in 0..<2 { tasks.addTask { await self.desk.serve(self.hub.requests) } }
            tasks.addTask { await self.saveRegularly() }
            tasks.addTask { for await _ in self.hub.saves { await self.saveUnsaved() } }
            // Returns at shutdown and at cancellation alike.
            try? await gracefulShutdown()
            await drain(port)
            tasks.cancelAll()
        }
        await saveUnsaved()
    }

    private func listen() async throws(FleetError) -> any Channel {
        let hub = hub
        let watermark = configuration.writeBufferBytesMax
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(hub: hub))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: watermark / 4, high: watermark)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let gate = GateHandler(hub: hub)
                    let agent = AgentChannelHandler(hub: hub, gate: gate)
                    let tls = NIOSSLServerHandler(context: hub.trust.tls) { [weak agent] chain, verdict in
                        agent?.verify(chain, verdict) ?? verdict.succeed(.failed)
                    }
                    try channel.pipeline.syncOperations.addHandlers([gate, tls, agent])
                }
            }
        do {
            return try await bootstrap.bind(host: configuration.address, port: configuration.port).get()
        } catch {
            let place = "\(configuration.address):\(configuration.port)"
            throw FleetError(.listen, "can't listen for agents on \(place)", cause: error)
        }
    }

    /// Stops accepting, lets agents finish for a moment, and closes what is left.
    private func drain(_ port: any Channel) async {
        port.close(promise: nil)
        var drain = WireDrain()
        drain.graceMs = UInt32(clamping: Int64(configuration.drainGrace.inMilliseconds))
        for link in hub.links.all { link.post(.drain(drain)) }
        let waited = ContinuousClock.now + configuration.drainGrace
        while !hub.links.all.isEmpty, ContinuousClock.now < waited, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for link in hub.links.all { link.end(LinkEnd(.stopping, "the coordinator stops")) }
        hub.stopRequests()
    }

    private func saveRegularly() async {
        while (try? await Task.sleep(for: .seconds(5))) != nil { await saveUnsaved() }
    }

    func saveUnsaved() async {
        let hosts = hub.registry.takeUnsaved(at: configuration.now())
        do throws(FleetError) {
            try await store.save(hosts)
        } catch {
            hub.registry.returnUnsaved(hosts)
            logger.error("hosts could not be saved", metadata: ["reason": "\(error)"])
        }
    }
}
