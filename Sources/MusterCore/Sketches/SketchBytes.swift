/// Writes the serialised form of a sketch: a version, then LEB128 integers and raw words.
struct SketchWriter {
    private(set) var bytes: [UInt8]

    init(version: UInt8) { self.bytes = [version] }

    mutating func append(byte: UInt8) { bytes.append(byte) }

    mutating func append(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Eight bytes, little-endian.
    mutating func append(bits: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
    }
}

/// Reads what ``SketchWriter`` wrote, and nothing else, without trusting it.
struct SketchReader {
    private var rest: ArraySlice<UInt8>

    /// Nil when the version is another.
    init?(_ bytes: [UInt8], version: UInt8) {
        guard bytes.first == version else { return nil }
        self.rest = bytes.dropFirst()
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    /// Nil when the value is greater than `max` or not in its shortest form.
    mutating func integer(max: UInt64) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            guard byte & 0x80 == 0 else { continue }
            return value <= max && (byte != 0 || shift == 0) ? value : nil
        }
        return nil
    }

    mutating func bits() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            value |= UInt64(rest.popFirst() ?? 0) << shift
        }
        return value
    }
}

extension Int {
    /// The sum, or the largest integer when it doesn't fit; for counts that strangers send.
    package func saturatingAdd(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
