/// SipHash-2-4 (Aumasson, Bernstein 2012) under a key made of a salt.
///
/// With a salt that is new for every question the hashes of two questions can't be joined, and every host that is
/// asked the same question hashes the same user to the same number.
package struct KeyedHash: Hashable, Sendable {
    private let key: (UInt64, UInt64)

    /// A salt of 16 bytes is the key itself; one of any other length is hashed into a key.
    package init(salt: [UInt8]) {
        if salt.count == 16 {
            key = (Self.word(salt[0..<8]), Self.word(salt[8..<16]))
        } else {
            key = (
                Self.hash(salt, key: (0, 0)),
                Self.hash(salt, key: (0x6D75_7374_6572_2F73, 0x616C_742F_7631_0000))
            )
        }
    }

    package func hash(_ value: some Sequence<UInt8>) -> UInt64 { Self.hash(value, key: key) }

    /// The same for bytes that lie in memory, eight at a time.
    package func hash(_ value: ArraySlice<UInt8>) -> UInt64 {
        value.withUnsafeBytes { bytes in
            var state = State(key: key)
            var place = 0
            while bytes.count - place >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                state.absorb(UInt64(littleEndian: word))
                place += 8
            }
            var last = UInt64(truncatingIfNeeded: bytes.count) << 56
            for index in place..<bytes.count { last |= UInt64(bytes[index]) << (8 * UInt64(index - place)) }
            state.absorb(last)
            return state.finish()
        }
    }

    package static func == (left: KeyedHash, right: KeyedHash) -> Bool { left.key == right.key }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(key.0)
        hasher.combine(key.1)
    }

    private static func hash(_ value: some Sequence<UInt8>, key: (UInt64, UInt64)) -> UInt64 {
        var state = State(key: key)
        var block: UInt64 = 0
        var length: UInt64 = 0
        for byte in value {
            block |= UInt64(byte) << (8 * (length & 7))
            length &+= 1
            if length & 7 == 0 {
                state.absorb(block)
                block = 0
            }
        }
        state.absorb(block | length << 56)
        return state.finish()
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(key: (UInt64, UInt64)) {
            v0 = 0x736F_6D65_7073_6575 ^ key.0
            v1 = 0x646F_7261_6E64_6F6D ^ key.1
            v2 = 0x6C79_6765_6E65_7261 ^ key.0
            v3 = 0x7465_6462_7974_6573 ^ key.1
        }

        mutating func absorb(_ block: UInt64) {
            v3 ^= block
            round()
            round()
            v0 ^= block
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = v1 << 13 | v1 >> 51
            v1 ^= v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = v3 << 16 | v3 >> 48
            v3 ^= v2
            v0 &+= v3
            v3 = v3 << 21 | v3 >> 43
            v3 ^= v0
            v2 &+= v1
            v1 = v1 << 17 | v1 >> 47
            v1 ^= v2
            v2 = v2 << 32 | v2 >> 32
        }
    }
}
