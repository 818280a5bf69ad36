import MusterCore

/// A line of text, perhaps with a time at its start and a word that tells its level.
enum PlainLine {
    /// How far into the line a level is looked for.
    private static let levelBytesMax = 160

    static func parse(_ line: ArraySlice<UInt8>, now: Timestamp, zoneOffsetSeconds: Int) -> ParsedLine {
        var parsed = ParsedLine()
        var rest = line
        if let time = LeadingTime(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds) {
            parsed.at = time.at
            rest = line[time.end...].trimmed
        }
        parsed.message = rest
        parsed.level = level(rest.prefix(levelBytesMax))
        return parsed
    }

    /// The first word that is a level and is written like one: `ERROR`, `[error]`, `error:`, `<err>`.
    ///
    /// A lower-case word in a sentence is none, and neither is a syslog priority, which few files keep.
    private static func level(_ text: ArraySlice<UInt8>) -> LogLevel? {
        var index = text.startIndex
        var words = 0
        while index < text.endIndex, words < 12 {
            let word = text[index...].prefix { isLetter($0) }
            guard !word.isEmpty else {
                index += 1
                continue
            }
            words += 1
            let end = word.endIndex
            let before = index > text.startIndex ? text[index - 1] : 0x20
            let after = end < text.endIndex ? text[end] : 0x20
            index = end
            guard let level = LogLevel(word: word) else { continue }
            let upper = word.allSatisfy { (0x41...0x5A).contains($0) }
            let standsAlone = isBoundary(before) && isBoundary(after)
            let enclosed = before == UInt8(ascii: "[") || before == UInt8(ascii: "<")
            if upper, standsAlone { return level }
            if enclosed || after == UInt8(ascii: ":"), isBoundary(before) { return level }
        }
        return nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }

    private static func isBoundary(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ":"), UInt8(ascii: "|"), UInt8(ascii: ","),
            UInt8(ascii: "-"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
