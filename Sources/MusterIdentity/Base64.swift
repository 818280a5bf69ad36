/// Base64 of RFC 4648, in the ordinary and in the URL alphabet.
///
/// Reading is strict: no white space, no stray bits, padding exactly as written by ``text(_:)`` or absent as
/// in ``urlText(_:)``. Two different texts are therefore never the same bytes.
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let urlAlphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// The ordinary alphabet with padding.
    package static func text(_ bytes: [UInt8]) -> String { encode(bytes, alphabet, padded: true) }

    /// The URL alphabet without padding.
    package static func urlText(_ bytes: [UInt8]) -> String { encode(bytes, urlAlphabet, padded: false) }

    /// Reads the ordinary alphabet; nil for anything that ``text(_:)`` would not write.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 4) else { return nil }
        let padding = digits.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return decode(digits.dropLast(padding), alphabet)
    }

    /// Reads the URL alphabet; nil for anything that ``urlText(_:)`` would not write.
    package static func urlBytes(_ text: some StringProtocol) -> [UInt8]? {
        decode(Array(text.utf8)[...], urlAlphabet)
    }

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], padded: Bool) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= 8 * UInt32(3 - group.count)
            for digit in 0...group.count { text.append(alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)]) }
            if padded { text += repeatElement(UInt8(ascii: "="), count: 3 - group.count) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(_ digits: ArraySlice<UInt8>, _ alphabet: [UInt8]) -> [UInt8]? {
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var bits: UInt32 = 0
        var bitsUsed = 0
        for digit in digits {
            guard let value = value(of: digit, alphabet) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitsUsed += 6
            guard bitsUsed >= 8 else { continue }
            bitsUsed -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitsUsed)))
            bits &= (1 << UInt32(bitsUsed)) - 1
        }
        return bits == 0 ? bytes : nil
    }

    private static func value(of digit: UInt8, _ alphabet: [UInt8]) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case alphabet[62]: 62
        case alphabet[63]: 63
        default: nil
        }
    }
}
