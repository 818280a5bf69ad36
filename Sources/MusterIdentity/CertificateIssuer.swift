internal import COpenSSL
import MusterCore

/// What goes into a certificate, and the making of it.
struct CertificateIssuer {
    var commonName: String
    /// The key that the certificate is for.
    var subjectKey: OpaquePointer
    var notBefore: Timestamp
    var notAfter: Timestamp
    /// Extensions in order, in the syntax of x509v3_config(5); identifiers of keys are added by ``issue``.
    var extensions: [(nid: Int32, value: String)]

    /// Signs it; without an issuer by itself.
    func issue(signedBy key: TLSKey, issuer: Certificate?) throws(IdentityError) -> Certificate {
        OpenSSLErrors.clear()
        guard let pointer = X509_new() else { throw .library("no certificate could be made") }
        let handle = CertificateHandle(owning: pointer)
        let signer = issuer?.handle.pointer ?? pointer
        guard X509_set_version(pointer, 2) == 1, setSerial(of: pointer),
            DistinguishedName.set(X509_get_subject_name(pointer), commonName: commonName),
            X509_set_issuer_name(pointer, X509_get_subject_name(signer)) == 1,
            setValidity(of: pointer),
            X509_set_pubkey(pointer, subjectKey) == 1
        else { throw .library("no certificate could be made") }
        let keyIdentifiers = [
            (NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid:always"),
        ]
        for (nid, value) in extensions + keyIdentifiers {
            guard muster_add_extension(pointer, signer, nid, value) == 1 else {
                throw .library("the certificate could not be given \"\(value)\"")
            }
        }
        guard X509_sign(pointer, key.handle.pointer, EVP_sha256()) > 0 else {
            throw .library("the certificate could not be signed")
        }
        // Read back from its bytes, so that nothing is kept that the bytes do not say.
        guard let der = handle.der else { throw .library("the certificate could not be written") }
        return try Certificate(der: der)
    }

    /// 20 random bytes, positive (RFC 5280, section 4.1.2.2).
    private func setSerial(of certificate: OpaquePointer) -> Bool {
        var bytes = SecureRandom.bytes(20)
        bytes[0] = bytes[0] & 0x3F | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { return false }
        defer { BN_free(number) }
        return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
    }

    private func setValidity(of certificate: OpaquePointer) -> Bool {
        let from = ASN1_TIME_set(nil, Int(notBefore.seconds.rounded(.down)))
        let to = ASN1_TIME_set(nil, Int(notAfter.seconds.rounded(.down)))
        defer {
            ASN1_TIME_free(from)
            ASN1_TIME_free(to)
        }
        guard let from, let to else { return false }
        return X509_set1_notBefore(certificate, from) == 1 && X509_set1_notAfter(certificate, to) == 1
    }
}
