internal import COpenSSL
import MusterCore

/// Owns one private or public key of OpenSSL.
///
/// `@unchecked Sendable`: the key is never changed after `init`, and OpenSSL locks what it caches inside it.
final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes ownership.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    /// Reads an unencrypted private key.
    convenience init(pem: [UInt8]) throws(IdentityError) {
        guard pem.count <= Encoding.keyBytesMax else {
            throw IdentityError(.malformed, "a key file of \(pem.count) bytes is too large to be one")
        }
        OpenSSLErrors.clear()
        let key = Encoding.reading(pem) { bio in
            // Without a callback of ours OpenSSL would ask for a passphrase on the terminal.
            PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key else {
            let cause = OpenSSLErrors.drain().text
            throw IdentityError(
                .malformed,
                "not an unencrypted private key in PEM: nothing between BEGIN and END PRIVATE KEY could be read",
                cause: cause
            )
        }
        self.init(owning: key)
    }

    /// Reads a private key that a passphrase encrypts.
    convenience init(pem: [UInt8], passphrase: [UInt8]) throws(IdentityError) {
        guard pem.count <= Encoding.keyBytesMax else {
            throw IdentityError(.malformed, "a key file of \(pem.count) bytes is too large to be one")
        }
        OpenSSLErrors.clear()
        let key = Encoding.reading(pem) { bio in
            passphrase.withUnsafeBytes { bytes in
                muster_read_encrypted(
                    bio,
                    bytes.assumingMemoryBound(to: CChar.self).baseAddress,
                    Int32(bytes.count)
                )
            }
        }
        guard let key else {
            let cause = OpenSSLErrors.drain().text
            throw IdentityError(.malformed, "the key can't be read with this passphrase", cause: cause)
        }
        self.init(owning: key)
    }

    deinit { EVP_PKEY_free(pointer) }

    /// PKCS #8 in PEM, unencrypted.
    var pem: [UInt8] {
        let bytes = Encoding.writing { PEM_write_bio_PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
        guard let bytes else { preconditionFailure("a key in memory could not be written as PEM") }
        return bytes
    }

    /// PKCS #8 in PEM, encrypted with a passphrase.
    func pem(passphrase: [UInt8]) throws(IdentityError) -> [UInt8] {
        OpenSSLErrors.clear()
        let bytes = Encoding.writing { bio in
            passphrase.withUnsafeBytes { bytes in
                muster_write_encrypted(
                    bio,
                    pointer,
                    bytes.assumingMemoryBound(to: CChar.self).baseAddress,
                    Int32(bytes.count)
                )
            }
        }
        guard let bytes else { throw .library("the key could not be encrypted") }
        return bytes
    }

    /// SubjectPublicKeyInfo in DER.
    var publicDER: [UInt8] { Encoding.der { i2d_PUBKEY(pointer, $0) } ?? [] }

    var isP256: Bool { Self.isP256(publicDER: publicDER) }

    var isEd25519: Bool { EVP_PKEY_get_base_id(pointer) == NID_ED25519 }

    /// Whether it is an uncompressed point on P-256 under its named curve.
    ///
    /// One key has exactly one such encoding, so that it can't have two identities.
    static func isP256(publicDER der: [UInt8]) -> Bool { der.count == 91 && der.starts(with: p256Prefix) }

    /// SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING of 65 bytes that start with 04 }.
    private static let p256Prefix: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
        0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]
}
