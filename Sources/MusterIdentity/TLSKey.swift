internal import COpenSSL
import MusterCore

/// The private key of an agent, a coordinator or a CA: P-256.
///
/// Agents make theirs on the host; only a request for a certificate leaves it.
package final class TLSKey: Sendable {
    let handle: KeyHandle
    /// SHA-256 of the DER of SubjectPublicKeyInfo: the identity of whoever holds the key.
    package let publicKeyID: Digest

    private init(handle: KeyHandle) throws(IdentityError) {
        guard handle.isP256 else {
            throw IdentityError(.unsupported, "the key is not on curve P-256, the only one used for TLS here")
        }
        self.handle = handle
        self.publicKeyID = SHA256.hash(handle.publicDER)
    }

    /// Makes a new key.
    package static func generate() throws(IdentityError) -> TLSKey {
        OpenSSLErrors.clear()
        guard let pointer = muster_generate_p256() else { throw .library("no new P-256 key could be made") }
        return try TLSKey(handle: KeyHandle(owning: pointer))
    }

    /// Reads an unencrypted private key from PEM.
    package convenience init(pem: [UInt8]) throws(IdentityError) {
        try self.init(handle: KeyHandle(pem: pem))
    }

    /// PKCS #8 in PEM, unencrypted: for a file that only its owner can read.
    package var pem: [UInt8] { handle.pem }

    /// A PKCS #10 request in DER for a certificate of this key.
    ///
    /// `name` becomes the common name, cut to the 64 characters that X.509 allows; nobody trusts it.
    package func certificateRequest(name: String) throws(IdentityError) -> [UInt8] {
        OpenSSLErrors.clear()
        guard let request = X509_REQ_new() else { throw .library("no certificate request could be made") }
        defer { X509_REQ_free(request) }
        guard X509_REQ_set_version(request, 0) == 1,
            DistinguishedName.set(X509_REQ_get_subject_name(request), commonName: name),
            X509_REQ_set_pubkey(request, handle.pointer) == 1,
            X509_REQ_sign(request, handle.pointer, EVP_sha256()) > 0,
            let der = Encoding.der({ i2d_X509_REQ(request, $0) })
        else { throw .library("no certificate request could be made") }
        return der
    }
}

/// Subjects and issuers of certificates: one common name.
enum DistinguishedName {
    /// Sets the common name of an empty name; false without memory.
    static func set(_ name: OpaquePointer?, commonName: String) -> Bool {
        let text = Array(String(commonName.unicodeScalars.prefix(64)).utf8)
        let value = text.isEmpty ? Array("unnamed".utf8) : text
        return X509_NAME_add_entry_by_NID(
            name,
            NID_commonName,
            Int32(MBSTRING_FLAG),
            value,
            Int32(value.count),
            -1,
            0
        ) == 1
    }
}
