/// The form in which a host keeps many small sketches in memory.
///
/// About one byte for each bucket in use: its distance to the bucket before in the upper half and its count in the
/// lower, both from 1 to 15; a zero byte comes before those that are larger, then both as LEB128. Before the buckets
/// stand their number and the number of zeros. Exact minimum and maximum are not kept: a sketch that was read back
/// has those of its outermost buckets, within the relative error.
extension QuantileSketch {
    package func appendCompact(to bytes: inout [UInt8]) {
        bytes.append(leb128: counts.count { $0 > 0 })
        bytes.append(leb128: zeros)
        var last = Self.indexMin - 1
        for (position, here) in counts.enumerated() where here > 0 {
            let distance = offset + position - last
            if distance < 16, here < 16 {
                bytes.append(UInt8(distance << 4 | here))
            } else {
                bytes.append(0)
                bytes.append(leb128: distance)
                bytes.append(leb128: here)
            }
            last = offset + position
        }
    }

    /// Adds what ``appendCompact(to:)`` wrote at `place`, and moves `place` behind it.
    ///
    /// For bytes of this process only. What is cut off counts as empty.
    package mutating func addCompact(_ bytes: [UInt8], at place: inout Int) {
        let buckets = bytes.leb128(at: &place)
        let none = bytes.leb128(at: &place)
        if none > 0 {
            addRange(minimum: 0, maximum: 0)
            zeros = zeros.saturatingAdd(none)
            count = count.saturatingAdd(none)
        }
        var index = Self.indexMin - 1
        for bucket in 0..<max(0, buckets) {
            guard place < bytes.count else { return }
            let packed = Int(bytes[place])
            place += 1
            let distance = packed == 0 ? bytes.leb128(at: &place) : packed >> 4
            let here = packed == 0 ? bytes.leb128(at: &place) : packed & 0xF
            index += distance
            guard here > 0, (Self.indexMin...Self.indexMax).contains(index) else { continue }
            if bucket == 0 || bucket == buckets - 1 {
                let value = Self.value(of: index)
                addRange(minimum: value, maximum: value)
            }
            addBucket(index, here)
            count = count.saturatingAdd(here)
        }
    }

    /// Moves `place` behind what ``appendCompact(to:)`` wrote there.
    package static func skipCompact(_ bytes: [UInt8], at place: inout Int) {
        let buckets = bytes.leb128(at: &place)
        _ = bytes.leb128(at: &place)
        for _ in 0..<max(0, buckets) {
            guard place < bytes.count else { return }
            place += 1
            guard bytes[place - 1] == 0 else { continue }
            _ = bytes.leb128(at: &place)
            _ = bytes.leb128(at: &place)
        }
    }
}

extension [UInt8] {
    /// Appends a number that is not negative, seven bits a byte, the lowest first.
    package mutating func append(leb128 value: Int) {
        var rest = UInt64(clamping: value)
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Reads what ``append(leb128:)`` wrote, and moves `place` behind it; 0 at the end of the bytes.
    package func leb128(at place: inout Int) -> Int {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while place < count, shift < 63 {
            let byte = self[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { break }
            shift += 7
        }
        return Int(clamping: value)
    }
}
