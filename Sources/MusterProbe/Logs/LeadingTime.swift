import MusterCore

/// The time that a line begins with, in one of the forms that programs write.
///
/// What may stand before it: a bracket, the `<34>1` of syslog's protocols, the level letter of klog, a short word
/// and a time in seconds that supercomputers write. The forms, `f` standing for a fraction of any length:
///
///     2026-11-23T09:29:04.fZ       also with a blank, slashes, dots, a comma, a zone, and after a dash
///     26/11/23 09:29:04            day and month of two digits after the year
///     20261123-09:29:04:f          also with a blank
///     261123 092904                also with colons
///     23/Nov/2026:09:29:04 +0100
///     Nov 23 09:29:04              syslog; the year is the one that puts it nearest before tomorrow
///     Mon Nov 23 09:29:04.f 2026
///     11-23 09:29:04.f             also `[11.23 09:29:04]` and klog's `I1123 09:29:04.f`
///     1795600000.f                 seconds, milliseconds or more since 1970
struct LeadingTime {
    /// Bytes of a line that are looked at.
    static let bytesMax = 80

    var at: Timestamp
    /// Where the rest of the line begins.
    var end: Int

    /// Nil when the line begins otherwise.
    ///
    /// - Parameters:
    ///   - line: Of which the first 80 bytes are looked at.
    ///   - now: Supplies the year to forms that leave it out.
    ///   - zoneOffsetSeconds: Of times that name no zone, east of UTC.
    init?(_ line: ArraySlice<UInt8>, now: Timestamp, zoneOffsetSeconds: Int) {
        let found = line.prefix(Self.bytesMax).withUnsafeBufferPointer {
            bytes -> (at: Timestamp, end: Int)? in
            var scanner = TimeScanner(bytes: bytes, now: now, zone: zoneOffsetSeconds)
            return scanner.run().map { ($0, scanner.place) }
        }
        guard let found else { return nil }
        at = found.at
        end = line.startIndex + found.end
    }
}

/// Reads the forms of ``LeadingTime`` from the start of a line.
private struct TimeScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    let now: Timestamp
    let zone: Int
    var place = 0

    init(bytes: UnsafeBufferPointer<UInt8>, now: Timestamp, zone: Int) {
        self.bytes = bytes
        self.now = now
        self.zone = zone
    }

    private struct Moment {
        var year: Int?
        var month = 0
        var day = 0
        var seconds = 0
        var fraction: Int64 = 0
        var offset: Int?
    }

    // MARK: Reading

    private func byte(_ at: Int) -> UInt8 { at < bytes.count ? bytes[at] : 0 }
    private func isDigit(_ at: Int) -> Bool { byte(at) &- 0x30 < 10 }
    private func isLetter(_ at: Int) -> Bool { (byte(at) | 0x20) &- 0x61 < 26 }

    private func digits(from start: Int) -> Int {
        var end = start
        while end < bytes.count, isDigit(end) { end += 1 }
        return end - start
    }

    private mutating func take(_ wanted: UInt8) -> Bool {
        guard byte(place) == wanted else { return false }
        place += 1
        return true
    }

    /// A number of just so many digits, up to 19.
    private mutating func number(_ count: Int) -> Int? {
        guard count > 0, place + count <= bytes.count else { return nil }
        var value = 0
        for at in place..<(place + count) {
            guard isDigit(at) else { return nil }
            value = value &* 10 &+ Int(bytes[at] - 0x30)
        }
        place += count
        return value
    }

    // MARK: Forms

    mutating func run() -> Timestamp? {
        skipPriority()
        let hasBracket = take(UInt8(ascii: "["))
        // klog: a letter for the level, right before month and day.
        if byte(place) &- 0x44 <= 0x57 - 0x44, digits(from: place + 1) == 4, byte(place + 5) == 0x20 {
            place += 1
        }
        skipLabel()
        var moment = Moment()
        let isRead = isDigit(place) ? readNumbers(&moment) : readWords(&moment)
        guard isRead, let at = timestamp(moment) else { return nil }
        if hasBracket { _ = take(UInt8(ascii: "]")) }
        return at
    }

    /// `<34>` and `<34>1 `.
    private mutating func skipPriority() {
        guard byte(0) == UInt8(ascii: "<") else { return }
        let count = digits(from: 1)
        guard (1...3).contains(count), byte(count + 1) == UInt8(ascii: ">") else { return }
        place = count + 2
        if isDigit(place), byte(place + 1) == 0x20 { place += 2 }
    }

    /// A label of up to twelve bytes in front of a time in seconds.
    private mutating func skipLabel() {
        guard !isDigit(place) else { return }
        var end = place
        while end < place + 12, byte(end) > 0x20 { end += 1 }
        if end > place, byte(end) == 0x20, digits(from: end + 1) == 10, byte(end + 11) == 0x20 {
            place = end + 1
        }
    }

    private mutating func readNumbers(_ moment: inout Moment) -> Bool {
        let count = digits(from: place)
        let mark = byte(place + count)
        switch (count, mark) {
        case (4, UInt8(ascii: "-")), (4, UInt8(ascii: "/")), (4, UInt8(ascii: ".")):
            return readDate(yearDigits: 4, mark, &moment) && readTime(&moment)
        case (2, UInt8(ascii: "/")) where isLetter(place + 3): return readNamedMonth(&moment)
        case (2, UInt8(ascii: "/")): return readDate(yearDigits: 2, mark, &moment) && readTime(&moment)
        case (2, UInt8(ascii: "-")), (2, UInt8(ascii: ".")):
            return readDay(&moment, separator: mark) && readTime(&moment)
        case (4, 0x20): return readDay(&moment, separator: nil) && readTime(&moment)
        case (8, _): return readDate(yearDigits: 4, nil, &moment) && readTime(&moment)
        case (6, _): return readDate(yearDigits: 2, nil, &moment) && readTime(&moment)
        case (10, _), (13, _), (16, _), (19, _): return readEpoch(count, &moment)
        default: return false
        }
    }

    private mutating func readDate(yearDigits: Int, _ mark: UInt8?, _ moment: inout Moment) -> Bool {
        guard let year = number(yearDigits) else { return false }
        moment.year = yearDigits == 2 ? 2000 + year : year
        if mark != nil { place += 1 }
        return readDay(&moment, separator: mark)
    }

    private mutating func readDay(_ moment: inout Moment, separator: UInt8?) -> Bool {
        guard let month = number(2) else { return false }
        if let separator {
            guard byte(place) == separator else { return false }
            place += 1
        }
        guard let day = number(2) else { return false }
        (moment.month, moment.day) = (month, day)
        return true
    }

    /// `23/Nov/2026:09:29:04 +0100`.
    private mutating func readNamedMonth(_ moment: inout Moment) -> Bool {
        guard let day = number(2), take(UInt8(ascii: "/")), readMonth(&moment), take(UInt8(ascii: "/")),
            let year = number(4)
        else {
            return false
        }
        (moment.day, moment.year) = (day, year)
        return readTime(&moment)
    }

    private mutating func readMonth(_ moment: inout Moment) -> Bool {
        guard let month = Timestamp.month(byte(place), byte(place + 1), byte(place + 2)) else { return false }
        moment.month = month
        place += 3
        return true
    }

    /// `Nov 23 09:29:04` or `Mon Nov 23 09:29:04 2026`; a day of one digit after one or two blanks.
    private mutating func readWords(_ moment: inout Moment) -> Bool {
        guard isLetter(place), isLetter(place + 1), isLetter(place + 2), byte(place + 3) == 0x20 else {
            return false
        }
        if isLetter(place + 4) { place += 4 }
        guard readMonth(&moment), take(UInt8(ascii: " ")) else { return false }
        _ = take(UInt8(ascii: " "))
        let count = digits(from: place)
        guard count == 1 || count == 2, let day = number(count) else { return false }
        moment.day = day
        guard readTime(&moment) else { return false }
        if byte(place) == 0x20, digits(from: place + 1) == 4, !isDigit(place + 5), byte(place + 5) != 0x2D {
            place += 1
            moment.year = number(4)
        }
        return true
    }

    /// What follows the date: a mark, the time of day, a fraction, a zone.
    private mutating func readTime(_ moment: inout Moment) -> Bool {
        switch byte(place) {
        case 0x20, UInt8(ascii: "T"), UInt8(ascii: "-"), UInt8(ascii: ":"): place += 1
        default: return false
        }
        let isPacked = digits(from: place) == 6
        // `9:5:3` of programs that pad nothing.
        guard let hour = number(isPacked ? 2 : min(2, digits(from: place))) else { return false }
        let mark = byte(place)
        guard isPacked || mark == UInt8(ascii: ":") || mark == UInt8(ascii: ".") else { return false }
        if !isPacked { place += 1 }
        guard let minute = number(isPacked ? 2 : min(2, digits(from: place))) else { return false }
        if !isPacked {
            guard byte(place) == mark else { return false }
            place += 1
        }
        guard let second = number(isPacked ? 2 : min(2, digits(from: place))), hour < 24, minute < 60,
            second <= 60
        else { return false }
        moment.seconds = hour * 3600 + minute * 60 + second
        readFraction(&moment)
        return readZone(&moment)
    }

    private mutating func readFraction(_ moment: inout Moment) {
        switch byte(place) {
        case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: ":"):
            guard isDigit(place + 1) else { return }
        default: return
        }
        place += 1
        var unit: Int64 = 100_000_000
        while isDigit(place) {
            moment.fraction += Int64(bytes[place] - 0x30) * unit
            unit /= 10
            place += 1
        }
    }

    private mutating func readZone(_ moment: inout Moment) -> Bool {
        if take(UInt8(ascii: "Z")) {
            moment.offset = 0
            return true
        }
        var at = place
        if byte(at) == 0x20 { at += 1 }
        if at > place, [0x55, 0x47].contains(byte(at)), [0x54, 0x4D].contains(byte(at + 1)),
            [0x43, 0x54].contains(byte(at + 2)), !isLetter(at + 3)
        {
            place = at + 3
            moment.offset = 0
            return true
        }
        let sign = byte(at)
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), isDigit(at + 1), isDigit(at + 2) else {
            return true
        }
        let hasColon = byte(at + 3) == UInt8(ascii: ":")
        guard isDigit(at + (hasColon ? 4 : 3)), isDigit(at + (hasColon ? 5 : 4)) else { return true }
        place = at + 1
        guard let hours = number(2) else { return false }
        if hasColon { place += 1 }
        guard let minutes = number(2) else { return false }
        moment.offset = (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
        return true
    }

    private mutating func readEpoch(_ count: Int, _ moment: inout Moment) -> Bool {
        guard let whole = number(count) else { return false }
        // Else it is any number.
        guard byte(place) <= 0x20 || byte(place) == UInt8(ascii: ".") || byte(place) == UInt8(ascii: "]")
        else {
            return false
        }
        readFraction(&moment)
        let unit: Int64 = count == 10 ? 1_000_000_000 : count == 13 ? 1_000_000 : count == 16 ? 1_000 : 1
        let (nanoseconds, overflow) = Int64(whole).multipliedReportingOverflow(by: unit)
        guard !overflow, nanoseconds >= 1_000_000_000_000_000_000 else { return false }
        let day = nanoseconds / 86_400_000_000_000
        let date = Timestamp.date(daysSinceEpoch: day)
        (moment.year, moment.month, moment.day) = (date.year, date.month, date.day)
        let rest = nanoseconds - day * 86_400_000_000_000
        moment.seconds = Int(rest / 1_000_000_000)
        if count > 10 { moment.fraction = rest % 1_000_000_000 }
        moment.offset = 0
        return true
    }

    // MARK: The moment

    private func timestamp(_ moment: Moment) -> Timestamp? {
        func at(year: Int) -> Timestamp? {
            Timestamp(
                year: year,
                month: moment.month,
                day: moment.day,
                seconds: moment.seconds,
                offset: moment.offset ?? zone
            ).map { $0 + .nanoseconds(moment.fraction) }
        }
        if let year = moment.year { return at(year: year) }
        let tomorrow = now + .seconds(86_400)
        let year = Timestamp.date(daysSinceEpoch: tomorrow.nanoseconds / 86_400_000_000_000).year
        for year in [year, year - 1] {
            if let at = at(year: year), at <= tomorrow { return at }
        }
        return nil
    }
}
