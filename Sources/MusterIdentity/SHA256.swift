internal import COpenSSL
import MusterCore

/// SHA-256, at once or piece by piece.
///
///     var hash = SHA256()
///     hash.update(first)
///     hash.update(second)
///     let digest = hash.finalize()
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256 or no memory: \(OpenSSLErrors.drain().text)")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    package mutating func update(_ bytes: some Sequence<UInt8>) {
        let added: Void? = bytes.withContiguousStorageIfAvailable { update($0) }
        if added == nil { Array(bytes).withUnsafeBufferPointer { update($0) } }
    }

    /// The digest of everything added.
    package consuming func finalize() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        let done = bytes.withUnsafeMutableBufferPointer { EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        guard done == 1, let digest = Digest(bytes: bytes) else {
            preconditionFailure("SHA-256 did not finish: \(OpenSSLErrors.drain().text)")
        }
        return digest
    }

    /// The digest of some bytes.
    package static func hash(_ bytes: some Sequence<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    private func update(_ bytes: UnsafeBufferPointer<UInt8>) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256 refused bytes")
    }
}
