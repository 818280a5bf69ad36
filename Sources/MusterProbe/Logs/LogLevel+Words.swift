import MusterCore

extension LogLevel {
    /// The words that loggers write for a level, lower-case; a search for lines of a level looks for these.
    static func words(_ level: LogLevel) -> [String] {
        switch level {
        case .debug: ["trace", "debug", "finest", "finer", "fine", "verbose"]
        case .info: ["info", "notice", "log", "information", "config"]
        case .warning: ["warn", "warning"]
        case .error: ["error", "err", "severe", "failure"]
        case .fatal: ["fatal", "panic", "crit", "critical", "emerg", "emergency", "alert"]
        }
    }

    /// Reads a level's word in any case, allocating nothing; nil for other words.
    init?(word: ArraySlice<UInt8>) {
        guard let letter = word.first, Self.mayBe(count: word.count, first: letter) else { return nil }
        let (first, second) = Self.number(word)
        guard let known = Self.known.first(where: { $0.second == second && $0.first == first }) else {
            return nil
        }
        self = known.level
    }

    /// Whether a word of so many bytes that begins with a letter may be one: most words of a line are none.
    static func mayBe(count: Int, first: UInt8) -> Bool {
        count <= bytesMax && first.isLetter && counts[Int(first & 0x1F)] >> UInt16(count) & 1 == 1
    }

    /// The longest word.
    private static let bytesMax = 11

    /// For each letter of the alphabet from 1 a bit for each length of a word that begins with it.
    private static let counts: [UInt16] = {
        var counts = [UInt16](repeating: 0, count: 32)
        for word in allCases.flatMap({ words($0) }) {
            for letter in word.utf8.prefix(1) { counts[Int(letter & 0x1F)] |= 1 << UInt16(word.utf8.count) }
        }
        return counts
    }()

    /// The words as numbers of sixteen bytes, which compare at once.
    private static let known: [(first: UInt64, second: UInt64, level: LogLevel)] = allCases.flatMap { level in
        words(level).map { word in
            let (first, second) = number(word.utf8)
            return (first, second, level)
        }
    }

    /// The last sixteen bytes as one number, letters small.
    private static func number(_ word: some Sequence<UInt8>) -> (first: UInt64, second: UInt64) {
        var (first, second): (UInt64, UInt64) = (0, 0)
        for byte in word {
            (first, second) = (first << 8 | second >> 56, second << 8 | UInt64(byte.lowercased))
        }
        return (first, second)
    }
}
