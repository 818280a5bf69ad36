/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720: finds accidents, not attackers.
enum Checksum {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }

    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let table = Self.table
        var value = UInt32.max
        for byte in bytes { value = value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
        return ~value
    }
}
