import MusterCore
import MusterIdentity
import NIOSSL
import Synchronization

/// Keys and certificates of the agents' port, replaced as a whole when they change; connections keep what they began with.
final class FleetTrust: Sendable {
    private struct State {
        var identity: CoordinatorIdentity
        var tls: NIOSSLContext
    }

    private let state: Mutex<State>

    /// - Throws: ``FleetError`` with the code `listen` when certificate and key can't be used.
    init(_ identity: CoordinatorIdentity) throws(FleetError) {
        state = Mutex(State(identity: identity, tls: try Self.context(identity)))
    }

    var identity: CoordinatorIdentity { state.withLock { $0.identity } }

    /// For the next connection.
    var tls: NIOSSLContext { state.withLock { $0.tls } }

    /// Uses other keys and certificates from now on.
    func replace(_ identity: CoordinatorIdentity) throws(FleetError) {
        let new = State(identity: identity, tls: try Self.context(identity))
        state.withLock { $0 = new }
    }

    private static func context(_ identity: CoordinatorIdentity) throws(FleetError) -> NIOSSLContext {
        do {
            let own = try NIOSSLCertificate(bytes: identity.certificate.der, format: .der)
            let roots = try identity.authorities.map {
                try NIOSSLCertificate(bytes: $0.certificate.der, format: .der)
            }
            var tls = TLSConfiguration.makeServerConfiguration(
                // The authority goes with it, so that hosts that join can pin it.
                certificateChain: [.certificate(own), .certificate(roots[0])],
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key.pem, format: .pem))
            )
            tls.minimumTLSVersion = .tlsv13
            tls.shutdownTimeout = .seconds(1)
            tls.applicationProtocols = [FleetGateway.protocolName]
            tls.trustRoots = .certificates(roots)
            // Hosts that join have no certificate yet. One that is shown is judged by ``PeerCertificate`` in TLS's place:
            // one that has expired may still renew.
            tls.certificateVerification = .optionalVerification
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw FleetError(
                .listen,
                "the coordinator's certificate and key can't be used for TLS",
                cause: error
            )
        }
    }
}
