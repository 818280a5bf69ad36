/// Finds where the message of a log line begins: after time, level, host, program, process, thread, component.
///
/// Knows no format, only what the fields of any header look like. The moment is what is looked for first: what
/// stands before it, and a few kinds of fields after it, is header. A line that has no moment near its start has
/// no header. Taking a word too much off a message does little harm, as every line of its statement loses the
/// same; a field too little splits a statement over hosts and processes.
struct LogHeader {
    /// Fields that are looked at.
    private static let fieldsMax = 16
    /// Bytes that are looked at.
    private static let bytesMax = 384

    private let bytes: UnsafeBufferPointer<UInt8>
    private let flags: UnsafeBufferPointer<UInt8>
    private let end: Int
    /// Where the next field starts.
    private var place = 0

    /// The place of the first byte of the message; the end of the line when nothing follows the header.
    static func messageStart(
        _ bytes: UnsafeBufferPointer<UInt8>,
        flags: UnsafeBufferPointer<UInt8>
    ) -> Int {
        var header = LogHeader(bytes: bytes, flags: flags)
        header.run()
        return header.place
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, flags: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        self.flags = flags
        end = min(bytes.count, Self.bytesMax)
    }

    private mutating func run() {
        guard let time = findMoment() else {
            place = 0
            skipLeadingLevel()
            return
        }
        place = time.end
        if barredFields() { return }
        let hasLevel = skipToLevel()
        if skipNumbersAndGroups() { return }
        if skipComponent(afterLevel: hasLevel) {
            _ = skipNumbersAndGroups()
        } else if !hasLevel {
            if time.mayNameHost { skipHostAndProgram() } else { skipDashedComponent() }
        }
    }

    // MARK: Fields

    private func byte(_ at: Int) -> UInt8 { at < end && at >= 0 ? bytes[at] : 0x20 }
    private func flag(_ at: Int) -> UInt8 { flags[Int(byte(at))] }
    private func isBlank(_ at: Int) -> Bool { flag(at) == LogByte.blank }

    private func afterBlanks(_ at: Int) -> Int {
        var at = at
        while at < end, isBlank(at) { at += 1 }
        return at
    }

    /// The end of the run of bytes that are neither blank nor a bar.
    private func fieldEnd(_ at: Int) -> Int {
        var at = at
        while at < end, !isBlank(at), bytes[at] != UInt8(ascii: "|") { at += 1 }
        return at
    }

    /// A field without the brackets and marks around it.
    private func core(_ from: Int, _ to: Int) -> Range<Int> {
        var (from, to) = (from, to)
        while from < to, flag(from) & (LogByte.wordPart | LogByte.slash) == 0 { from += 1 }
        while to > from, flag(to - 1) & LogByte.wordPart == 0 { to -= 1 }
        return from..<to
    }

    // MARK: Moment

    private struct Moment {
        var end: Int
        /// Whether the manner is syslog's, in which a host and a program follow.
        var mayNameHost: Bool
    }

    /// The last part of a moment near the start of the line.
    private func findMoment() -> Moment? {
        var at = afterBlanks(0)
        var found: Moment?
        var fieldsLeft = 5
        var count = 0
        while at < end, fieldsLeft > 0, count < Self.fieldsMax {
            let stop = fieldEnd(at)
            let inner = core(at, stop)
            if let kind = temporal(inner) {
                let calendar = kind == .calendarName
                let manner = found?.mayNameHost ?? false || calendar || kind == .zoned
                found = Moment(end: calendar ? (found?.end ?? 0) : stop, mayNameHost: manner)
                fieldsLeft = 4
                if calendar { fieldsLeft = 3 }
            } else if found != nil, found?.end != 0, isColonEnd(stop) || level(inner, loose: false) {
                break
            }
            fieldsLeft -= 1
            count += 1
            at = afterBlanks(stop)
            while at < end, bytes[at] == UInt8(ascii: "|") { at = afterBlanks(at + 1) }
        }
        guard let found, found.end > 0 else { return compactMoment() }
        return found
    }

    private func isColonEnd(_ stop: Int) -> Bool {
        byte(stop - 1) == UInt8(ascii: ":") && !(stop >= 2 && flag(stop - 2) & LogByte.digit != 0)
    }

    private enum Temporal { case plain, zoned, calendarName }

    /// What of a moment a field is, if anything.
    private func temporal(_ range: Range<Int>) -> Temporal? {
        let length = range.count
        guard length >= 2 else { return nil }
        let first = bytes[range.lowerBound]
        if flags[Int(first)] & LogByte.digit == 0 {
            guard length == 3, LogWords.isCalendarName(bytes, range.lowerBound) else { return nil }
            return .calendarName
        }
        var groups = 1
        var groupLength = 0
        var longest = 0
        var colons = 0
        var dots = 0
        var dashes = 0
        var hasZone = false
        var previousWasDigit = true
        for at in range {
            let value = bytes[at]
            switch value {
            case 0x30...0x39:
                if !previousWasDigit {
                    groups += 1
                    groupLength = 0
                }
                groupLength += 1
                longest = max(longest, groupLength)
                previousWasDigit = true
                continue
            case UInt8(ascii: ":"): colons += 1
            case UInt8(ascii: "."), UInt8(ascii: ","): dots += 1
            case UInt8(ascii: "-"): dashes += 1
            case UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "+"): break
            case UInt8(ascii: "T"), UInt8(ascii: "Z"): hasZone = true
            default: return nil
            }
            previousWasDigit = false
        }
        if groups == 1 {
            // Seconds or milliseconds since 1970, in this century.
            let isEpoch = length == 10 || length == 13
            return isEpoch && first == UInt8(ascii: "1") ? .plain : nil
        }
        // `10.0.0.1:80` is no moment.
        if dots >= 3, dashes == 0 { return nil }
        if groups == 2 {
            // `03-17` before a time of the day.
            let next = core(afterBlanks(range.upperBound), fieldEnd(afterBlanks(range.upperBound)))
            guard longest <= 2, !next.isEmpty, isTimeOfDay(next) else { return nil }
            return .plain
        }
        guard colons >= 2 || groups >= 3 && length >= 8 else { return nil }
        return hasZone ? .zoned : .plain
    }

    private func isTimeOfDay(_ range: Range<Int>) -> Bool {
        var colons = 0
        for at in range {
            if bytes[at] == UInt8(ascii: ":") {
                colons += 1
            } else if flags[Int(bytes[at])] & (LogByte.digit | LogByte.dot) == 0,
                bytes[at] != UInt8(ascii: ",")
            {
                return false
            }
        }
        return colons >= 2
    }

    /// `081109 203615`: a date and a time without marks.
    private func compactMoment() -> Moment? {
        let at = afterBlanks(0)
        let stop = fieldEnd(at)
        let next = afterBlanks(stop)
        let nextStop = fieldEnd(next)
        guard isNumber(at..<stop), isNumber(next..<nextStop), nextStop - next == 6,
            [6, 8].contains(stop - at)
        else { return nil }
        return Moment(end: nextStop, mayNameHost: false)
    }

    private func isNumber(_ range: Range<Int>) -> Bool {
        !range.isEmpty && range.allSatisfy { flags[Int(bytes[$0])] & LogByte.digit != 0 }
    }

    // MARK: After the moment

    /// `|component|process|`: fields that bars divide, the last of which is the message.
    private mutating func barredFields() -> Bool {
        var at = afterBlanks(place)
        guard byte(at) == UInt8(ascii: "|") else { return false }
        for _ in 0..<4 {
            let start = afterBlanks(at + 1)
            let stop = fieldEnd(start)
            let next = afterBlanks(stop)
            guard next < end, bytes[next] == UInt8(ascii: "|") else { break }
            at = next
        }
        place = afterBlanks(at + 1)
        return true
    }

    /// Goes behind the level, if there is one among the next fields.
    private mutating func skipToLevel() -> Bool {
        var at = afterBlanks(place)
        for number in 0..<5 {
            guard at < end else { return false }
            let stop = fieldEnd(at)
            let inner = core(at, stop)
            let isBracketed = byte(at) == UInt8(ascii: "[") || byte(at) == UInt8(ascii: "<")
            if level(inner, loose: number == 0 || isBracketed) {
                place = stop
                return true
            }
            if isColonEnd(stop) { return false }
            at = afterBlanks(stop)
        }
        return false
    }

    /// Whether a word names a level; in small letters too when its place says so.
    private func level(_ range: Range<Int>, loose: Bool) -> Bool {
        LogWords.isLevel(bytes, range.lowerBound, range.upperBound, anyCase: loose)
    }

    /// A line without a moment may still begin with its level.
    private mutating func skipLeadingLevel() {
        let at = afterBlanks(0)
        let stop = fieldEnd(at)
        let inner = core(at, stop)
        guard inner.count > 1, level(inner, loose: byte(at) == UInt8(ascii: "[")),
            inner.upperBound < stop
        else { return }
        place = afterBlanks(stop)
    }

    /// Goes behind process and thread numbers, groups in square brackets, dashes.
    ///
    /// - Returns: whether a dash was the last, behind which the message begins.
    private mutating func skipNumbersAndGroups() -> Bool {
        var endsWithDash = false
        for _ in 0..<8 {
            let at = afterBlanks(place)
            guard at < end else { break }
            let stop = fieldEnd(at)
            let isDashed = stop - at == 1 && isDash(at)
            if bytes[at] == UInt8(ascii: "[") {
                guard let close = closing(at), afterBlanks(close) < bytes.count else { break }
                place = close
            } else if isNumber(core(at, stop)) && stop - at <= 12 || isDashed
                || byte(stop - 1) == UInt8(ascii: "]")
            {
                place = stop
            } else {
                break
            }
            endsWithDash = isDashed
        }
        place = afterBlanks(place)
        return endsWithDash
    }

    private func isDash(_ at: Int) -> Bool {
        let value = byte(at)
        return value == UInt8(ascii: "-") || value == UInt8(ascii: "|") || value == UInt8(ascii: ":")
            || value == UInt8(ascii: ",")
    }

    /// The place behind the bracket that closes one.
    private func closing(_ open: Int) -> Int? {
        var depth = 0
        var at = open
        while at < end {
            if bytes[at] == UInt8(ascii: "[") { depth += 1 }
            if bytes[at] == UInt8(ascii: "]") {
                depth -= 1
                if depth == 0 {
                    at += 1
                    while at < end, bytes[at] == UInt8(ascii: ":") || bytes[at] == UInt8(ascii: ",") {
                        at += 1
                    }
                    return at
                }
            }
            at += 1
        }
        return nil
    }

    /// `name:`, `name[12]:`, and after a level also `name   :`, a name in a padded column, and `a.b.Name`.
    private mutating func skipComponent(afterLevel: Bool) -> Bool {
        let at = place
        let stop = fieldEnd(at)
        guard stop > at, stop - at <= 80 else { return false }
        let next = afterBlanks(stop)
        if byte(stop - 1) == UInt8(ascii: ":"), stop < end {
            place = next
            return true
        }
        guard afterLevel else { return false }
        if byte(next) == UInt8(ascii: ":"), isBlank(next + 1) {
            place = afterBlanks(next + 1)
            return true
        }
        let isName = (at..<stop).allSatisfy { flag($0) & (LogByte.wordPart | LogByte.connector) != 0 }
        let isLetters = isName && (at..<stop).allSatisfy { flag($0) & LogByte.digit == 0 }
        let isDotted = isLetters && (at..<stop).contains { flag($0) & LogByte.dot != 0 }
        guard isDotted || isLetters && next - stop >= 2 else { return false }
        place = next
        return true
    }

    /// `name - `, where the name may be a few words.
    private mutating func skipDashedComponent() {
        var at = place
        for _ in 0..<4 {
            let stop = fieldEnd(at)
            guard stop < end, byte(stop - 1) != UInt8(ascii: ":") else { return }
            let next = afterBlanks(stop)
            if stop - at == 1, bytes[at] == UInt8(ascii: "-") {
                place = next
                return
            }
            at = next
        }
    }

    /// `host program[12]:` or `host program:`, where the program may be several words.
    private mutating func skipHostAndProgram() {
        let host = place
        place = afterBlanks(fieldEnd(host))
        var at = place
        for number in 0..<6 {
            guard at < end else { return }
            let stop = fieldEnd(at)
            guard byte(stop - 1) == UInt8(ascii: ":") else {
                at = afterBlanks(stop)
                continue
            }
            if byte(stop - 2) == UInt8(ascii: "]") || number < 3 { place = afterBlanks(stop) }
            return
        }
    }
}
