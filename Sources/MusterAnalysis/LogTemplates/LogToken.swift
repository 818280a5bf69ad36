/// One piece of a log line: a constant word, or a variable part.
struct LogToken {
    /// What stands for a variable part.
    static let variable: UInt32 = 0
    /// Set in the hash of every word.
    static let constant: UInt32 = 1
    /// Set in the hash of a word that looks like a name: with a dot or an underscore inside.
    static let name: UInt32 = 2

    static let seed: UInt32 = 0x811C_9DC5

    @inline(__always)
    static func hash(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 0x0100_0193 }

    /// Hash of the word's bytes; ``variable`` for a variable part.
    var hash: UInt32
    /// Where it stands in the line; a variable part may span several words.
    var start: UInt32
    var end: UInt32
}

/// What a byte may be in a log line, as flags.
enum LogByte {
    static let letter: UInt8 = 1
    static let digit: UInt8 = 2
    /// Stands inside a word when a letter or a digit follows it.
    static let connector: UInt8 = 4
    static let blank: UInt8 = 8
    static let hexLetter: UInt8 = 16
    /// A slash of either kind, `@`, `.`, as one flag each, so that a word's flags tell what it holds.
    static let slash: UInt8 = 32
    static let at: UInt8 = 64
    static let dot: UInt8 = 128

    static let wordPart = letter | digit

    /// Flags of each of the 256 bytes.
    static let flags: [UInt8] = (0..<256).map { value -> UInt8 in
        switch UInt8(value) {
        case 0x30...0x39: digit
        case 0x41...0x46, 0x61...0x66: letter | hexLetter
        case 0x47...0x5A, 0x67...0x7A, 0x80...0xFF, 0x5F: letter
        case 0x2E: connector | dot
        case 0x2F, 0x5C: connector | slash
        case 0x40: connector | at
        case 0x2D, 0x24: connector
        case 0...0x20, 0x7F: blank
        default: 0
        }
    }
}
