import NIOSSL
import Synchronization

/// The certificate of the HTTPS port, which can be replaced while it is open.
final class APICertificate: Sendable {
    private struct Parts: Sendable {
        var chain: [NIOSSLCertificateSource]
        var key: NIOSSLPrivateKeySource
    }

    private let present: Mutex<Parts>

    /// - Throws: ``OperationError`` with the code `unavailable` when certificate and key can't be used.
    init(_ identity: CoordinatorIdentity) throws(OperationError) {
        present = Mutex(try Self.read(identity))
    }

    func replace(_ identity: CoordinatorIdentity) throws(OperationError) {
        let new = try Self.read(identity)
        present.withLock { $0 = new }
    }

    /// How TLS serves; every handshake looks the certificate up.
    func configuration() -> TLSConfiguration {
        let first = present.withLock { $0 }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: first.chain,
            privateKey: first.key
        )
        // Senders of webhooks are as old as they are; agents, which are ours, have 1.3 on their own port.
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // A client that leaves without a goodbye must not hold up the coordinator's end.
        tls.shutdownTimeout = .seconds(1)
        tls.sslContextCallback = { _, promise in
            let parts = self.present.withLock { $0 }
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = parts.chain
            override.privateKey = parts.key
            promise.succeed(override)
        }
        return tls
    }

    private static func read(_ identity: CoordinatorIdentity) throws(OperationError) -> Parts {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(
                identity.certificate.pem + identity.authority.certificate.pem
            )
            return Parts(
                chain: chain.map { .certificate($0) },
                key: .privateKey(try NIOSSLPrivateKey(bytes: identity.key.pem, format: .pem))
            )
        } catch {
            throw OperationError(
                .unavailable,
                "the API's certificate or key can't be used; make them anew with muster-coordinator init",
                cause: error
            )
        }
    }
}
