import MusterCore
import MusterIdentity
import NIOSSL

/// What an agent's certificate shows of its holder.
struct PeerCertificate: Equatable, Sendable {
    let agent: AgentID
    /// The key of the authority that issued it.
    let authority: Digest
    let expires: Timestamp
    /// It has expired not too long ago: good for a renewal and nothing else.
    let isExpired: Bool

    /// Judges a certificate that a handshake showed; the handshake itself proves that the peer holds its key.
    ///
    /// - Parameters:
    ///   - der: The certificate; whatever came with it is not looked at, because authorities issue directly.
    ///   - authorities: Who may have issued it.
    ///   - graceMax: How long after its end it may still renew.
    ///   - now: The wall clock.
    /// - Throws: ``FleetError`` with the code `refused` and the reason.
    init(
        der: [UInt8],
        authorities: [CertificateAuthority],
        graceMax: Duration,
        at now: Timestamp
    ) throws(FleetError) {
        let certificate: Certificate
        do {
            certificate = try Certificate(der: der)
        } catch {
            throw FleetError(.refused, "the certificate can't be read", cause: error)
        }
        let name = certificate.uris.first.map { " of \($0)" } ?? ""
        guard let authority = authorities.first(where: { $0.verifies(certificate) }) else {
            throw FleetError(
                .refused,
                "the certificate\(name) was not issued by this coordinator's authority"
            )
        }
        guard now >= certificate.notBefore else {
            throw FleetError(
                .refused,
                "the certificate\(name) is not valid before \(certificate.notBefore); compare the clocks"
            )
        }
        guard !certificate.isServer else {
            throw FleetError(.refused, "the certificate\(name) is a coordinator's, not an agent's")
        }
        guard let agent = certificate.agentID else {
            throw FleetError(.refused, "the certificate\(name) does not name the identity of its own key")
        }
        guard now <= certificate.notAfter + graceMax else {
            throw FleetError(
                .refused,
                "the certificate\(name) expired at \(certificate.notAfter), too long ago to be renewed; join again"
            )
        }
        self.agent = agent
        self.authority = authority.certificate.publicKeyID
        self.expires = certificate.notAfter
        self.isExpired = now > certificate.notAfter
    }

    /// Why a handshake failed, from what TLS said, without numbers and file names.
    static func handshakeFailure(_ error: any Error) -> String {
        guard let error = error as? NIOSSLError, case .handshakeFailed(let inner) = error else {
            return "TLS handshake failed: \(error)"
        }
        let words: String
        switch inner {
        case .sslError(let stack), .unknownError(let stack):
            let reasons = stack.map { entry in
                // "Error: 268435703 error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at …"
                let text = "\(entry)"
                guard let marker = text.firstRange(of: "OPENSSL_internal:") else { return text }
                return String(text[marker.upperBound...].prefix { $0 != " " })
            }
            words = reasons.isEmpty ? "no reason given" : reasons.joined(separator: ", ")
        case .zeroReturn, .syscallError: words = "the other side closed the connection"
        default: words = "\(inner)"
        }
        return "TLS handshake failed: \(words)"
    }
}

/// A certificate and what was found of it.
final class ShownCertificate {
    let der: [UInt8]
    let verdict: Result<PeerCertificate, FleetError>

    init(der: [UInt8], verdict: Result<PeerCertificate, FleetError>) {
        self.der = der
        self.verdict = verdict
    }
}
