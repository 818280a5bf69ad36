/// Which three bytes in a row may begin a secret, or a name that speaks of one.
///
/// A set of 32768 bits, five of each byte, so that letters of either case are equal. What collides is looked at for
/// nothing, and then left alone.
struct MaskTriggers: Sendable {
    private let bits: [UInt8]

    static let mask = 0x7FFF

    init(names: [[UInt8]], words: [[UInt8]]) {
        var bits = [UInt8](repeating: 0, count: (Self.mask + 1) / 8)
        for three in SecretNames.stems + TokenShape.all.map(\.prefix) + names + words {
            guard three.count >= 3 else { continue }
            let gram = three.prefix(3).reduce(0) { Self.next($0, $1) }
            bits[gram >> 3] |= 1 << UInt8(gram & 7)
        }
        self.bits = bits
    }

    @inline(__always)
    static func next(_ gram: Int, _ byte: UInt8) -> Int { (gram << 5 | Int(byte & 0x1F)) & mask }

    func withBits<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bits.withUnsafeBufferPointer(body)
    }

    /// The first three letters or digits in a row; nil when there are none.
    static func longestRun(_ name: [UInt8]) -> [UInt8]? {
        let runs = name.split { !ByteKind.isWord($0) || $0 == UInt8(ascii: "_") }
        return runs.first { $0.count >= 3 }.map { Array($0.prefix(3)) }
    }
}

/// What a byte is, to the masker.
enum ByteKind {
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    @inline(__always) static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
    @inline(__always) static func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
    @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Letters, digits and `_`; bytes of other scripts belong to words too.
    @inline(__always) static func isWord(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    /// Of names such as `x-api-key` and `spring.datasource.password`.
    static func isName(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// Of tokens: base64 of both kinds, and dots between parts.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
            UInt8(ascii: "~"):
            true
        default: isWord(byte) && byte < 0x80
        }
    }

    static func isQuote(_ byte: UInt8) -> Bool { byte == 0x22 || byte == 0x27 || byte == 0x60 }
}
