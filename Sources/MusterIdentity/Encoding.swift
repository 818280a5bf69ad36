internal import COpenSSL

/// Moves bytes in and out of OpenSSL.
enum Encoding {
    /// Largest PEM file of a key.
    static let keyBytesMax = 16 << 10
    /// Largest certificate or request in DER, and largest PEM file of certificates.
    static let certificateBytesMax = 64 << 10

    /// Lets `read` take something out of bytes.
    static func reading<Value>(_ bytes: [UInt8], _ read: (OpaquePointer) -> Value?) -> Value? {
        bytes.withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { return nil }
            defer { BIO_free(bio) }
            return read(bio)
        }
    }

    /// The bytes that `write` writes; nil unless it returns 1.
    static func writing(_ write: (OpaquePointer) -> Int32) -> [UInt8]? {
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { return nil }
        var start: UnsafeMutablePointer<CChar>?
        let count = muster_memory_bytes(bio, &start)
        guard let start, count > 0 else { return nil }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The DER that one of OpenSSL's i2d functions writes.
    static func der(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8]? {
        let count = Int(encode(nil))
        guard count > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var cursor = buffer.baseAddress
            initialized = max(0, Int(encode(&cursor)))
        }
    }

    /// What one of OpenSSL's d2i functions reads; nil unless it takes exactly all bytes.
    static func readingDER(
        _ bytes: [UInt8],
        _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?,
        free: (OpaquePointer) -> Void
    ) -> OpaquePointer? {
        bytes.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            guard let value = decode(&cursor, buffer.count) else { return nil }
            guard cursor == buffer.baseAddress.map({ $0 + buffer.count }) else {
                free(value)
                return nil
            }
            return value
        }
    }
}
