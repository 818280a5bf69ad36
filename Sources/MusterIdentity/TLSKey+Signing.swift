internal import COpenSSL
import MusterCore

extension TLSKey {
    /// SubjectPublicKeyInfo in DER, 91 bytes; its SHA-256 is ``publicKeyID``.
    package var publicKey: [UInt8] { handle.publicDER }

    /// A signature over exactly these bytes: ECDSA with SHA-256 in DER, at most 72 bytes.
    ///
    /// What is signed starts with a prefix of `SigningDomain`: TLS never signs bytes that begin like that.
    package func sign(_ bytes: [UInt8]) throws(IdentityError) -> [UInt8] {
        OpenSSLErrors.clear()
        guard let context = EVP_MD_CTX_new() else { throw .library("the bytes could not be signed") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Self.signatureBytesMax)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, handle.pointer) == 1,
            EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1
        else { throw .library("the bytes could not be signed") }
        return Array(signature.prefix(count))
    }

    /// Whether the signature over exactly these bytes was made with the private half of a P-256 key.
    ///
    /// `publicKey` is SubjectPublicKeyInfo in DER, in its one form that ``publicKey`` writes.
    package static func verify(signature: [UInt8], of bytes: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count <= signatureBytesMax, KeyHandle.isP256(publicDER: publicKey) else {
            return false
        }
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        let pointer = Encoding.readingDER(
            publicKey,
            { d2i_PUBKEY(nil, $0, $1) },
            free: { EVP_PKEY_free($0) }
        )
        guard let pointer else { return false }
        let key = KeyHandle(owning: pointer)
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key.pointer) == 1
            && EVP_DigestVerify(context, signature, signature.count, bytes, bytes.count) == 1
    }

    private static var signatureBytesMax: Int { 72 }
}
