internal import COpenSSL
import MusterCore

/// Called by OpenSSL in the handshake, in place of its own verification; 1 accepts the peer.
func verifyCoordinator(_ store: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let store,
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let stored = SSL_get_ex_data(OpaquePointer(ssl), 0)
    else { return 0 }
    let connection = Unmanaged<TLSClientConnection>.fromOpaque(stored).takeUnretainedValue()
    let verification = CoordinatorVerification(store: store, trust: connection.trust)
    guard let objection = verification.objection() else { return 1 }
    connection.objection = objection
    if X509_STORE_CTX_get_error(store) == X509_V_OK {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
    }
    return 0
}

/// Judges the chain that a coordinator presents.
struct CoordinatorVerification {
    let store: OpaquePointer
    let trust: TLSClientConfiguration.Trust

    /// Why the chain is not acceptable; nil when it is.
    func objection() -> String? {
        guard let trusted = muster_certificates_new() else { return "no memory to verify its certificate" }
        defer { muster_certificates_free(trusted) }
        let anchors: [CertificateHandle]
        switch trust {
        case .authorities(let authorities):
            anchors = authorities.map(\.handle)
        case .pin(let pin):
            guard let anchor = presented().first(where: { isAnchor($0, pin: pin) }) else {
                return "it presents no CA whose key has the digest \(pin.short)… that the join token names"
            }
            anchors = [anchor]
        }
        for anchor in anchors where muster_certificates_push(trusted, anchor.pointer) == 0 {
            return "no memory to verify its certificate"
        }
        return withExtendedLifetime(anchors) {
            X509_STORE_CTX_set0_trusted_stack(store, trusted)
            guard X509_verify_cert(store) == 1 else { return chainObjection() }
            return leafObjection()
        }
    }

    /// What the peer sent, its own certificate first.
    private func presented() -> [CertificateHandle] {
        guard let stack = X509_STORE_CTX_get0_untrusted(store) else { return [] }
        return (0..<max(0, muster_certificates_count(stack))).compactMap { index in
            muster_certificate(stack, index).map { CertificateHandle(sharing: $0) }
        }
    }

    private func isAnchor(_ certificate: CertificateHandle, pin: Digest) -> Bool {
        guard let key = certificate.publicKeyDER, SHA256.hash(key) == pin else { return false }
        return X509_get_extension_flags(certificate.pointer) & UInt32(EXFLAG_CA) != 0
            && X509_self_signed(certificate.pointer, 1) == 1
    }

    private func chainObjection() -> String {
        let code = X509_STORE_CTX_get_error(store)
        let reason = X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
            guard let pointer = X509_STORE_CTX_get_current_cert(store),
                let certificate = try? Certificate(CertificateHandle(sharing: pointer))
            else { return reason }
            let range = "valid \(certificate.notBefore) to \(certificate.notAfter)"
            return "\(reason) (\(range)); check this host's clock too"
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "issued by a CA that this agent does not trust: \(reason)"
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return "not issued by the CA that it names: \(reason)"
        default:
            return reason
        }
    }

    private func leafObjection() -> String? {
        guard let pointer = X509_STORE_CTX_get0_cert(store),
            let leaf = try? Certificate(CertificateHandle(sharing: pointer))
        else { return "its certificate is not readable" }
        guard leaf.isServer else { return "the certificate is not for a server (serverAuth is missing)" }
        guard leaf.isCoordinator else {
            return "the certificate does not carry the URI \(Certificate.coordinatorURI)"
        }
        return nil
    }
}
