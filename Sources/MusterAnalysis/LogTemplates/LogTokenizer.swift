/// Cuts a message into words and variable parts.
///
/// What is a variable part can be told from the word itself or from where it stands: numbers and whatever holds
/// a digit, a number's unit, paths, addresses, object names with `@`, long hexadecimal words, truth values, what
/// follows `=`, dates. Punctuation and blanks are not part of what is compared: two lines that differ in
/// nothing else come from one statement far more often than not, and so a list of variable parts is one
/// variable part, however long it is.
struct LogTokenizer {
    /// Tokens of one line that are looked at; what follows has no influence.
    static let tokensMax = 64
    /// Bytes of one line that are looked at.
    static let bytesMax = 4_096
    /// How far the end of a quoted value is looked for.
    private static let quotedMax = 256

    private let bytes: UnsafeBufferPointer<UInt8>
    private let flags: UnsafeBufferPointer<UInt8>
    private let output: UnsafeMutableBufferPointer<LogToken>
    private let end: Int
    private var count = 0
    /// After `key=`, until the value has come.
    private var valueAt = -1
    /// Whether the last token is a variable part that ends with a plain number, which may have a unit.
    private var endsWithNumber = false

    /// Cuts `bytes` and writes the tokens into `output`, which has room for ``tokensMax``.
    ///
    /// - Returns: how many tokens there are.
    static func scan(
        _ bytes: UnsafeBufferPointer<UInt8>,
        from start: Int,
        flags: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<LogToken>
    ) -> Int {
        var tokenizer = LogTokenizer(
            bytes: bytes,
            flags: flags,
            output: output,
            end: min(bytes.count, start + bytesMax)
        )
        tokenizer.run(from: start)
        return tokenizer.count
    }

    private init(
        bytes: UnsafeBufferPointer<UInt8>,
        flags: UnsafeBufferPointer<UInt8>,
        output: UnsafeMutableBufferPointer<LogToken>,
        end: Int
    ) {
        self.bytes = bytes
        self.flags = flags
        self.output = output
        self.end = end
    }

    /// The byte at a place; a blank beyond the end.
    @inline(__always)
    private func byte(_ place: Int) -> UInt8 { place < end && place >= 0 ? bytes[place] : 0x20 }

    @inline(__always)
    private func flag(_ place: Int) -> UInt8 { flags[Int(byte(place))] }

    private mutating func run(from start: Int) {
        var place = start
        while place < end, count < Self.tokensMax {
            let kind = flags[Int(bytes[place])]
            let beginsPath = kind & LogByte.slash != 0 && flag(place + 1) & ~LogByte.blank != 0
            if kind & LogByte.wordPart != 0 || beginsPath {
                place = word(from: place)
            } else {
                place = kind == LogByte.blank ? place + 1 : mark(at: place)
            }
        }
        if valueAt >= 0 { variable(valueAt, valueAt) }
    }

    /// Reads a word and decides what it is.
    private mutating func word(from start: Int) -> Int {
        var place = start
        var seen: UInt8 = 0
        var slashes = 0
        var plainHex = true
        var plainNumber = true
        var hasUnderscore = false
        var hash: UInt32 = LogToken.seed
        while place < end {
            let value = bytes[place]
            let kind = flags[Int(value)]
            if kind & LogByte.wordPart == 0 {
                guard kind & LogByte.connector != 0 else { break }
                let next = flag(place + 1)
                if kind & LogByte.slash != 0 {
                    slashes += 1
                    if next & ~LogByte.blank == 0, place > start { break }
                } else if next & (LogByte.wordPart | LogByte.slash) == 0 {
                    break
                }
                plainHex = false
                if kind & LogByte.dot == 0 { plainNumber = false }
            } else if kind & LogByte.digit == 0 {
                plainNumber = false
                if kind & LogByte.hexLetter == 0 { plainHex = false }
                if value == 0x5F, place > start { hasUnderscore = true }
            }
            seen |= kind
            hash = LogToken.hash(hash, value)
            place += 1
        }
        let isName = seen & LogByte.dot != 0 || hasUnderscore
        let word = hash & ~LogToken.name | LogToken.constant | (isName ? LogToken.name : 0)
        decide(start, place, word, seen, slashes, plainHex, plainNumber)
        return max(place, start + 1)
    }

    private mutating func decide(
        _ start: Int,
        _ stop: Int,
        _ hash: UInt32,
        _ seen: UInt8,
        _ slashes: Int,
        _ plainHex: Bool,
        _ plainNumber: Bool
    ) {
        if valueAt >= 0 {
            // What follows an empty value is the next key.
            guard isKey(until: stop) else { return variable(start, stop, isNumber: plainNumber) }
            variable(valueAt, valueAt)
            constant(hash, start, stop)
            return
        }
        let length = stop - start
        if seen & LogByte.digit != 0 || seen & LogByte.at != 0 || plainHex && length >= 8 {
            return variable(start, stop, isNumber: plainNumber)
        }
        if slashes > 0, slashes > 1 || seen & LogByte.dot != 0 || flag(start) & LogByte.slash != 0, length > 1
        {
            return variable(start, stop)
        }
        if byte(stop) == UInt8(ascii: ":") {
            // `host.example:80`, `C:\`, `https://`, and a hardware address.
            if seen & LogByte.dot != 0, flag(stop + 1) & LogByte.digit != 0 { return variable(start, stop) }
            if length == 1, byte(stop + 1) == UInt8(ascii: "\\") { return variable(start, stop) }
            if byte(stop + 1) == UInt8(ascii: "/"), byte(stop + 2) == UInt8(ascii: "/") {
                return variable(start, stop)
            }
            if plainHex, length <= 4, isHexPair(stop + 1), byte(stop + 3) == UInt8(ascii: ":") {
                return variable(start, stop)
            }
        }
        if plainHex, length <= 4, byte(start - 1) == UInt8(ascii: ":"), lastIsVariable(endingAt: start - 1) {
            return variable(start, stop)
        }
        if length <= 12, endsWithNumber, LogWords.isUnit(bytes, start, stop), isNear(start) {
            return variable(start, stop)
        }
        if length <= 9, LogWords.isTruthValue(bytes, start, stop) { return variable(start, stop) }
        if length == 3, LogWords.isCalendarName(bytes, start), isDate(start, stop) {
            return variable(start, stop)
        }
        constant(hash, start, stop)
    }

    /// A mark that belongs to no word.
    private mutating func mark(at place: Int) -> Int {
        let value = bytes[place]
        if value == UInt8(ascii: "=") {
            if isAssignment(place) {
                if valueAt >= 0 { variable(valueAt, valueAt) }
                valueAt = place + 1
            }
            return place + 1
        }
        guard valueAt >= 0 else { return place + 1 }
        switch value {
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"),
            UInt8(ascii: "|"):
            variable(valueAt, valueAt)
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let limit = min(end, place + Self.quotedMax)
            var stop = place + 1
            while stop < limit, bytes[stop] != value { stop += 1 }
            guard stop < limit else { break }
            variable(place, stop + 1)
            return stop + 1
        default: break
        }
        return place + 1
    }

    private func isAssignment(_ place: Int) -> Bool {
        func isOperator(_ value: UInt8) -> Bool {
            switch value {
            case UInt8(ascii: "="), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "!"),
                UInt8(ascii: "~"):
                true
            default: false
            }
        }
        return !isOperator(byte(place - 1)) && !isOperator(byte(place + 1))
    }

    /// Whether `=` stands right after a word, so that the word is a key.
    private func isKey(until stop: Int) -> Bool {
        byte(stop) == UInt8(ascii: "=") && isAssignment(stop)
    }

    private func isHexPair(_ place: Int) -> Bool {
        let hex = LogByte.digit | LogByte.hexLetter
        return flag(place) & hex != 0 && flag(place + 1) & hex != 0
    }

    /// Whether only blanks and one mark lie between the last token and a word.
    private func isNear(_ start: Int) -> Bool {
        count > 0 && start - Int(output[count - 1].end) <= 1
    }

    private func lastIsVariable(endingAt place: Int) -> Bool {
        count > 0 && output[count - 1].hash == LogToken.variable && Int(output[count - 1].end) == place
    }

    /// Whether a name of a month or a day stands beside a number or another such name.
    private func isDate(_ start: Int, _ stop: Int) -> Bool {
        var next = stop
        while byte(next) == 0x20, next < end { next += 1 }
        if next - stop <= 2, flag(next) & LogByte.digit != 0 { return true }
        if next + 3 <= end, LogWords.isCalendarName(bytes, next), flag(next + 3) & LogByte.wordPart == 0 {
            return true
        }
        return count > 0 && output[count - 1].hash == LogToken.variable
            && start - Int(output[count - 1].end) <= 1
    }

    private mutating func constant(_ hash: UInt32, _ start: Int, _ stop: Int) {
        guard count < Self.tokensMax else { return }
        output[count] = LogToken(hash: hash, start: UInt32(start), end: UInt32(stop))
        count += 1
        endsWithNumber = false
    }

    private mutating func variable(_ start: Int, _ stop: Int, isNumber: Bool = false) {
        valueAt = -1
        endsWithNumber = isNumber
        if count > 0, output[count - 1].hash == LogToken.variable {
            output[count - 1].end = UInt32(stop)
            return
        }
        guard count < Self.tokensMax else { return }
        output[count] = LogToken(hash: LogToken.variable, start: UInt32(start), end: UInt32(stop))
        count += 1
    }
}
