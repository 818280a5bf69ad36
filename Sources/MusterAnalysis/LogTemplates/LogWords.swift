/// Words of any log that are values rather than text.
enum LogWords {
    /// Up to eight bytes as one number, so that a word is compared at once.
    @inline(__always)
    private static func packed(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ stop: Int
    ) -> UInt64 {
        var value: UInt64 = 0
        for place in start..<min(stop, start + 8) { value = value << 8 | UInt64(bytes[place]) }
        return value
    }

    private static func packed(_ text: StaticString) -> UInt64 {
        text.withUTF8Buffer { packed($0, 0, $0.count) }
    }

    private static let truthValues: WordSet = WordSet([
        packed("true"), packed("false"), packed("True"), packed("False"), packed("TRUE"), packed("FALSE"),
        packed("null"), packed("NULL"), packed("nil"), packed("None"), packed("NaN"),
    ])

    private static let units: WordSet = WordSet([
        packed("B"), packed("KB"), packed("kB"), packed("MB"), packed("GB"), packed("TB"), packed("KiB"),
        packed("MiB"), packed("GiB"), packed("TiB"), packed("bytes"), packed("byte"), packed("Bytes"),
        packed("ns"), packed("us"), packed("ms"), packed("s"), packed("sec"), packed("secs"), packed("msec"),
        packed("second"), packed("seconds"), packed("min"), packed("mins"), packed("minute"),
        packed("minutes"), packed("hour"), packed("hours"), packed("day"), packed("days"), packed("Hz"),
        packed("MHz"), packed("GHz"), packed("K"), packed("M"), packed("G"), packed("AM"), packed("PM"),
    ])

    private static let calendar: WordSet = WordSet([
        packed("Mon"), packed("Tue"), packed("Wed"), packed("Thu"), packed("Fri"), packed("Sat"),
        packed("Sun"), packed("Jan"), packed("Feb"), packed("Mar"), packed("Apr"), packed("May"),
        packed("Jun"), packed("Jul"), packed("Aug"), packed("Sep"), packed("Oct"), packed("Nov"),
        packed("Dec"),
    ])

    static func isTruthValue(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ stop: Int) -> Bool {
        // Of those letters none is frequent at the start of a word.
        guard stop - start <= 5, stop - start >= 3,
            bytes[start] | 0x20 == UInt8(ascii: "t") || bytes[start] | 0x20 == UInt8(ascii: "f")
                || bytes[start] | 0x20 == UInt8(ascii: "n")
        else { return false }
        return truthValues.contains(packed(bytes, start, stop))
    }

    static func isUnit(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ stop: Int) -> Bool {
        stop - start <= 7 && units.contains(packed(bytes, start, stop))
    }

    /// Whether three letters name a day of the week or a month.
    static func isCalendarName(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        (0x41...0x5A).contains(bytes[start]) && calendar.contains(packed(bytes, start, start + 3))
    }
}

extension LogWords {
    private static let levels: WordSet = WordSet([
        packed("trace"), packed("debug"), packed("info"), packed("notice"), packed("warn"),
        packed("warning"), packed("error"), packed("err"), packed("severe"), packed("fatal"),
        packed("crit"), packed("critical"), packed("alert"), packed("emerg"), packed("panic"),
        packed("verbose"), packed("fine"), packed("finer"), packed("finest"), packed("failure"),
    ])

    /// Whether a word names a level: in capitals, or in any case when its place speaks for it.
    ///
    /// One capital letter of those that Android and others use is a level too.
    static func isLevel(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ start: Int,
        _ stop: Int,
        anyCase: Bool
    ) -> Bool {
        let length = stop - start
        guard length >= 1, length <= 8 else { return false }
        if length == 1 {
            switch bytes[start] {
            case UInt8(ascii: "V"), UInt8(ascii: "D"), UInt8(ascii: "I"), UInt8(ascii: "W"),
                UInt8(ascii: "E"),
                UInt8(ascii: "F"):
                return true
            default: return false
            }
        }
        var value: UInt64 = 0
        for place in start..<stop {
            let byte = bytes[place]
            guard byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A else { return false }
            guard anyCase || byte & 0x20 == 0 else { return false }
            value = value << 8 | UInt64(byte | 0x20)
        }
        return levels.contains(value)
    }
}

/// A few words of up to eight bytes; most words that are not among them are told by one bit.
private struct WordSet {
    private var bits: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var words: [UInt64] = []

    init(_ words: [UInt64]) {
        self.words = words
        for word in words {
            let bit = Self.bit(word)
            withUnsafeMutableBytes(of: &bits) { $0[bit >> 3] |= 1 << (bit & 7) }
        }
    }

    @inline(__always)
    private static func bit(_ word: UInt64) -> Int { Int((word &* 0x9E37_79B9_7F4A_7C15) >> 56) }

    @inline(__always)
    func contains(_ word: UInt64) -> Bool {
        let bit = Self.bit(word)
        let isMaybe = withUnsafeBytes(of: bits) { $0[bit >> 3] >> (bit & 7) & 1 == 1 }
        return isMaybe && words.contains(word)
    }
}
