/// Cuts bytes into lines, words and numbers without making text of them.
extension Collection<UInt8> where SubSequence == ArraySlice<UInt8> {
    /// Lines without their line breaks.
    var lines: [ArraySlice<UInt8>] { split(separator: 0x0A) }

    /// Words between blanks.
    var words: [ArraySlice<UInt8>] { split { $0 == 0x20 || $0 == 0x09 } }
}

extension ArraySlice<UInt8> {
    /// A whole number in decimal digits; nil for anything else and for what does not fit.
    var decimal: Int? {
        guard !isEmpty else { return nil }
        var value = 0
        for byte in self {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowed) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !overflowed else { return nil }
            value = sum
        }
        return value
    }

    /// A whole number in hexadecimal digits.
    var hexadecimal: UInt64? {
        guard !isEmpty, count <= 16 else { return nil }
        var value: UInt64 = 0
        for byte in self {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt64(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    /// A number such as `0.42`; nil for anything else, also for infinities.
    var number: Double? {
        guard let first, count <= 32,
            first == 0x2D || first == 0x2B || first == 0x2E || (0x30...0x39).contains(first)
        else { return nil }
        guard let value = Double(String(decoding: self, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    var text: String { String(decoding: self, as: UTF8.self) }

    /// Without blanks at either end.
    var trimmed: ArraySlice<UInt8> {
        var slice = self
        while let first = slice.first, first == 0x20 || first == 0x09 { slice.removeFirst() }
        while let last = slice.last, last == 0x20 || last == 0x09 || last == 0x0D { slice.removeLast() }
        return slice
    }

    func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { buffer in zip(self, buffer).allSatisfy { $0 == $1 } }
    }
}
