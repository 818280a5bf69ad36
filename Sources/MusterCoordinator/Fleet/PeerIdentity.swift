import MusterCore
import MusterIdentity
import NIOSSL

/// Who a certificate belongs to, and in words why it is not accepted.
enum PeerIdentity {
    /// The identity that a verified agent's certificate gives.
    ///
    /// TLS has checked the chain already; dates are checked again because a resumed session skips that.
    static func agent(
        of der: [UInt8],
        authority: CertificateAuthority,
        at now: Timestamp
    ) throws(FleetError) -> AgentID {
        let certificate: Certificate
        do {
            certificate = try Certificate(der: der)
        } catch {
            throw FleetError(.refused, "the certificate can't be read", cause: error)
        }
        if let fault = fault(of: certificate, authority: authority, at: now) {
            throw FleetError(.refused, fault)
        }
        return certificate.publicKeyID
    }

    /// Why a handshake failed, from the certificate if one was shown and from what TLS said.
    static func explanation(
        of error: any Error,
        certificate der: [UInt8]?,
        authority: CertificateAuthority,
        at now: Timestamp
    ) -> String {
        let words = words(of: error)
        guard words.contains("CERTIFICATE_VERIFY_FAILED") else { return "TLS handshake failed: \(words)" }
        guard let der, let certificate = try? Certificate(der: der),
            let fault = fault(of: certificate, authority: authority, at: now)
        else { return "the certificate is not one that this coordinator's authority issued to an agent" }
        return fault
    }

    /// What keeps a certificate from being an agent's of this coordinator, now; nil when nothing does.
    private static func fault(
        of certificate: Certificate,
        authority: CertificateAuthority,
        at now: Timestamp
    ) -> String? {
        let name = certificate.uris.first.map { " of \($0)" } ?? ""
        guard authority.verifies(certificate) else {
            return "the certificate\(name) was not issued by this coordinator's authority"
        }
        guard now >= certificate.notBefore else {
            return "the certificate\(name) is not valid before \(certificate.notBefore); compare the clocks"
        }
        guard now <= certificate.notAfter else {
            return "the certificate\(name) expired at \(certificate.notAfter); join again"
        }
        guard !certificate.isServer else {
            return "the certificate\(name) is a coordinator's, not an agent's"
        }
        guard certificate.agentID != nil else {
            return "the certificate\(name) does not name the identity of its own key"
        }
        return nil
    }

    /// What TLS said, without numbers and file names.
    private static func words(of error: any Error) -> String {
        guard let error = error as? NIOSSLError, case .handshakeFailed(let inner) = error else {
            return "\(error)"
        }
        switch inner {
        case .sslError(let stack), .unknownError(let stack):
            let reasons = stack.map { entry in
                // "Error: 268435703 error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER at …"
                let text = "\(entry)"
                guard let marker = text.firstRange(of: "OPENSSL_internal:") else { return text }
                return String(text[marker.upperBound...].prefix { $0 != " " })
            }
            return reasons.isEmpty ? "no reason given" : reasons.joined(separator: ", ")
        case .zeroReturn, .syscallError: return "the other side closed the connection"
        default: return "\(inner)"
        }
    }
}
