internal import COpenSSL

/// Randomness that may become a secret.
package enum SecureRandom {
    /// Fresh bytes of OpenSSL's generator, which the kernel seeds.
    package static func bytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Going on with predictable bytes would be worse than ending.
            guard RAND_priv_bytes(buffer.baseAddress, Int32(count)) == 1 else {
                preconditionFailure("the system gave no randomness: \(OpenSSLErrors.drain().text)")
            }
            initialized = count
        }
    }
}

/// Comparison whose duration tells nothing about where two secrets differ.
package enum ConstantTime {
    /// Whether both hold the same bytes; different lengths are told apart at once.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
