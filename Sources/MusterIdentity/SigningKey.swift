internal import COpenSSL

/// A person's key for signing plans and runbooks: Ed25519.
package final class SigningKey: Sendable {
    private let handle: KeyHandle
    /// The 32 bytes that a host's policy lists.
    package let publicKey: [UInt8]

    private init(handle: KeyHandle) throws(IdentityError) {
        guard handle.isEd25519 else {
            throw IdentityError(
                .unsupported,
                "the key is no Ed25519 key, the only kind that signs plans here"
            )
        }
        var publicKey = [UInt8](repeating: 0, count: 32)
        var count = publicKey.count
        OpenSSLErrors.clear()
        guard EVP_PKEY_get_raw_public_key(handle.pointer, &publicKey, &count) == 1, count == 32 else {
            throw .library("the public half of the key could not be read")
        }
        self.handle = handle
        self.publicKey = publicKey
    }

    /// Makes a new key.
    package static func generate() throws(IdentityError) -> SigningKey {
        OpenSSLErrors.clear()
        guard let pointer = muster_generate_ed25519() else {
            throw .library("no new Ed25519 key could be made")
        }
        return try SigningKey(handle: KeyHandle(owning: pointer))
    }

    /// Reads an unencrypted private key from PEM.
    package convenience init(pem: [UInt8]) throws(IdentityError) {
        try self.init(handle: KeyHandle(pem: pem))
    }

    /// Longest passphrase in bytes: as much as OpenSSL takes.
    package static let passphraseBytesMax = 1024

    /// Reads a private key from PEM that a passphrase encrypts.
    package convenience init(pem: [UInt8], passphrase: [UInt8]) throws(IdentityError) {
        try self.init(handle: KeyHandle(pem: pem, passphrase: passphrase))
    }

    /// Whether a PEM file says that it is encrypted.
    package static func isEncrypted(pem: [UInt8]) -> Bool {
        let text = String(decoding: pem, as: UTF8.self)
        return text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || text.contains("Proc-Type: 4,ENCRYPTED")
    }

    /// PKCS #8 in PEM, encrypted as `openssl pkey` reads it: a stolen file is worth no more than its passphrase.
    package func pem(passphrase: [UInt8]) throws(IdentityError) -> [UInt8] {
        precondition(
            (1...Self.passphraseBytesMax).contains(passphrase.count),
            "a passphrase of \(passphrase.count) bytes"
        )
        return try handle.pem(passphrase: passphrase)
    }

    /// PKCS #8 in PEM, unencrypted: for a file that only its owner can read.
    package var pem: [UInt8] { handle.pem }

    /// The 64 bytes of the signature over exactly these bytes.
    ///
    /// What is signed starts with a prefix of `SigningDomain`; ``Sealing`` makes such bytes.
    package func sign(_ bytes: [UInt8]) throws(IdentityError) -> [UInt8] {
        OpenSSLErrors.clear()
        guard let context = EVP_MD_CTX_new() else { throw .library("the bytes could not be signed") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, handle.pointer) == 1,
            EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1, count == 64
        else { throw .library("the bytes could not be signed") }
        return signature
    }

    /// Whether the signature over exactly these bytes was made with the private half of the key.
    package static func verify(signature: [UInt8], of bytes: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == 64, publicKey.count == 32,
            let pointer = EVP_PKEY_new_raw_public_key(NID_ED25519, nil, publicKey, publicKey.count)
        else { return false }
        let key = KeyHandle(owning: pointer)
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            OpenSSLErrors.clear()
        }
        return EVP_DigestVerifyInit(context, nil, nil, nil, key.pointer) == 1
            && EVP_DigestVerify(context, signature, signature.count, bytes, bytes.count) == 1
    }
}
