/// Integers as stored files hold them: LEB128, and little-endian words.
extension [UInt8] {
    mutating func append(varint value: Int) {
        var rest = UInt64(bitPattern: Int64(value))
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(word value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// A moment in nanoseconds, in eight bytes.
    mutating func append(moment: Int64) {
        let bits = UInt64(bitPattern: moment)
        append(word: UInt32(truncatingIfNeeded: bits))
        append(word: UInt32(truncatingIfNeeded: bits >> 32))
    }

    /// A text with its length before it.
    mutating func append(text: String) {
        append(varint: text.utf8.count)
        append(contentsOf: text.utf8)
    }
}

/// Reads stored bytes from front to back without trusting them; nil at the first thing that is not there.
struct StoredReader {
    let bytes: [UInt8]
    private(set) var next: Int
    let end: Int

    /// Reads a range, cut to what there is.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        end = min(max(0, range.upperBound), bytes.count)
        next = min(max(0, range.lowerBound), end)
    }

    var left: Int { end - next }

    /// A number that is not negative.
    mutating func varint() -> Int? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard next < end else { return nil }
            let byte = bytes[next]
            next += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return Int(value) }
        }
        return nil
    }

    mutating func word() -> UInt32? {
        guard left >= 4 else { return nil }
        defer { next += 4 }
        return (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[next + $1]) << UInt32($1 * 8) }
    }

    mutating func moment() -> Int64? {
        guard left >= 8, let low = word(), let high = word() else { return nil }
        return Int64(bitPattern: UInt64(high) << 32 | UInt64(low))
    }

    mutating func byte() -> UInt8? {
        guard next < end else { return nil }
        next += 1
        return bytes[next - 1]
    }

    /// The range of the next `count` bytes.
    mutating func skip(_ count: Int) -> Range<Int>? {
        guard count >= 0, count <= left else { return nil }
        defer { next += count }
        return next..<(next + count)
    }

    mutating func text() -> String? {
        guard let count = varint(), let range = skip(count) else { return nil }
        return String(decoding: bytes[range], as: UTF8.self)
    }
}
