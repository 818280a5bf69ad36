internal import COpenSSL
import MusterCore

/// An X.509 certificate and what Muster reads from it.
///
/// Reading a certificate says nothing about who issued it: see ``CertificateAuthority/verifies(_:)``.
package struct Certificate: Hashable, Sendable, CustomStringConvertible {
    let handle: CertificateHandle
    package let der: [UInt8]
    /// SHA-256 of the DER of SubjectPublicKeyInfo.
    package let publicKeyID: Digest
    /// The URIs among its alternative names, in the certificate's order.
    package let uris: [String]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// Lower-case hexadecimal.
    package let serial: String
    /// Whether it may act as a TLS server, and says so.
    package let isServer: Bool
    /// Whether it may act as a TLS client, and says so.
    package let isClient: Bool
    /// Whether it may issue others.
    package let isAuthority: Bool

    /// Reads DER; exactly one certificate and nothing after it.
    package init(der: [UInt8]) throws(IdentityError) {
        guard der.count <= Encoding.certificateBytesMax else {
            throw IdentityError(.malformed, "a certificate of \(der.count) bytes is too large to be one")
        }
        OpenSSLErrors.clear()
        let pointer = Encoding.readingDER(
            der,
            { d2i_X509(nil, $0, $1) },
            free: { X509_free($0) }
        )
        guard let pointer else {
            throw IdentityError(
                .malformed,
                "not a certificate in DER",
                cause: OpenSSLErrors.drain().text
            )
        }
        try self.init(CertificateHandle(owning: pointer), der: der)
    }

    /// Reads the first certificate of a PEM text.
    package init(pem: [UInt8]) throws(IdentityError) {
        guard let first = try Self.list(pem: pem).first else {
            throw IdentityError(.malformed, "no certificate in PEM: no BEGIN CERTIFICATE found")
        }
        self = first
    }

    init(_ handle: CertificateHandle, der known: [UInt8]? = nil) throws(IdentityError) {
        let pointer = handle.pointer
        guard let der = known ?? handle.der, let keyDER = handle.publicKeyDER,
            let notBefore = CertificateHandle.timestamp(X509_get0_notBefore(pointer)),
            let notAfter = CertificateHandle.timestamp(X509_get0_notAfter(pointer))
        else { throw IdentityError(.malformed, "a certificate without a key or with an impossible validity") }
        let flags = X509_get_extension_flags(pointer)
        let usage = flags & UInt32(EXFLAG_XKUSAGE) != 0 ? X509_get_extended_key_usage(pointer) : 0
        self.handle = handle
        self.der = der
        self.publicKeyID = SHA256.hash(keyDER)
        self.uris = handle.uris
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.serial = handle.serial
        self.isServer = usage & UInt32(XKU_SSL_SERVER) != 0
        self.isClient = usage & UInt32(XKU_SSL_CLIENT) != 0
        self.isAuthority = flags & UInt32(EXFLAG_CA) != 0
    }

    /// All certificates of a PEM text, in order; empty when it holds none.
    package static func list(pem: [UInt8]) throws(IdentityError) -> [Certificate] {
        guard pem.count <= Encoding.certificateBytesMax else {
            throw IdentityError(.malformed, "a certificate file of \(pem.count) bytes is too large")
        }
        OpenSSLErrors.clear()
        var handles: [CertificateHandle] = []
        _ = Encoding.reading(pem) { bio -> Bool? in
            while let pointer = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) {
                handles.append(CertificateHandle(owning: pointer))
            }
            return true
        }
        let errors = OpenSSLErrors.drain()
        // The end of the text shows as "no start line"; anything else is a broken certificate.
        guard errors.codes.allSatisfy({ ERR_GET_REASON($0) == PEM_R_NO_START_LINE }) else {
            throw IdentityError(.malformed, "a certificate in PEM is broken", cause: errors.text)
        }
        var list: [Certificate] = []
        for handle in handles { list.append(try Certificate(handle)) }
        return list
    }

    package var pem: [UInt8] {
        Encoding.writing { PEM_write_bio_X509($0, handle.pointer) } ?? []
    }

    /// The identity of an agent: the one URI names it, and it is the digest of the certificate's own key.
    ///
    /// Nil for a certificate that is no agent's, such as one that may act as a server.
    package var agentID: AgentID? {
        guard isClient, !isServer, !isAuthority, uris == [Self.agentURI(publicKeyID)] else { return nil }
        return publicKeyID
    }

    /// Whether it is a coordinator's: it may act as a server and carries the coordinator's URI.
    package var isCoordinator: Bool { isServer && !isAuthority && uris.contains(Self.coordinatorURI) }

    /// Whether the moment lies within its validity.
    package func isValid(at moment: Timestamp) -> Bool { notBefore <= moment && moment <= notAfter }

    /// The URI that a coordinator's certificate carries and an agent's never does.
    package static let coordinatorURI = "muster://coordinator"

    /// The URI that names an agent.
    package static func agentURI(_ id: AgentID) -> String { "muster://agent/\(id)" }

    package var description: String {
        "certificate \(serial) of \(uris.first ?? "key \(publicKeyID.short)"), valid \(notBefore) to \(notAfter)"
    }

    package static func == (left: Certificate, right: Certificate) -> Bool { left.der == right.der }

    package func hash(into hasher: inout Hasher) { hasher.combine(der) }
}
