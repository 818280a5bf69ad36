import MusterCore

/// A line of text, perhaps with a time at its start and a word that tells its level.
enum PlainLine {
    /// How far into the line a level is looked for.
    private static let levelBytesMax = 160

    static func parse(_ line: ArraySlice<UInt8>, now: Timestamp, zoneOffsetSeconds: Int) -> ParsedLine {
        var parsed = ParsedLine()
        parsed.isPlain = true
        parsed.text = line
        var rest = line
        if let time = LeadingTime(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds) {
            parsed.at = time.at
            rest = line[time.end...].trimmed
        }
        parsed.message = rest
        parsed.level = level(rest.prefix(levelBytesMax))
        return parsed
    }

    /// Time and level alone, as ``parse(_:now:zoneOffsetSeconds:)`` tells them.
    static func timeAndLevel(
        _ line: ArraySlice<UInt8>,
        now: Timestamp,
        zoneOffsetSeconds: Int
    ) -> (at: Timestamp?, level: LogLevel?) {
        guard let time = LeadingTime(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds) else {
            return (nil, level(line.prefix(levelBytesMax)))
        }
        return (time.at, level(line[time.end...].trimmed.prefix(levelBytesMax)))
    }

    /// The first word that is a level and is written like one: `ERROR`, `[error]`, `error:`, `<err>`.
    ///
    /// A lower-case word in a sentence is none, and neither is a syslog priority, which few files keep.
    private static func level(_ text: ArraySlice<UInt8>) -> LogLevel? {
        text.withUnsafeBufferPointer { bytes in
            var place = 0
            var words = 0
            while place < bytes.count, words < 12 {
                let start = place
                while place < bytes.count, bytes[place].isLetter { place += 1 }
                guard place > start else {
                    place += 1
                    continue
                }
                words += 1
                guard LogLevel.mayBe(count: place - start, first: bytes[start]),
                    let level = LogLevel(word: text[(text.startIndex + start)..<(text.startIndex + place)])
                else { continue }
                let before = start > 0 ? bytes[start - 1] : 0x20
                let after = place < bytes.count ? bytes[place] : 0x20
                let isUpper = bytes[start..<place].allSatisfy { $0 & 0x20 == 0 }
                if isUpper, isBoundary(before), isBoundary(after) { return level }
                let isEnclosed = before == UInt8(ascii: "[") || before == UInt8(ascii: "<")
                if isEnclosed || after == UInt8(ascii: ":"), isBoundary(before) { return level }
            }
            return nil
        }
    }

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
