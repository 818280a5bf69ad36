import MusterCore

extension Timestamp {
    /// A date and a second of the day; nil for dates that no clock of ours shows.
    init?(year: Int, month: Int, day: Int, seconds: Int, offset: Int) {
        guard (1970...2261).contains(year), (1...12).contains(month), (1...31).contains(day),
            (0...86_400).contains(seconds), abs(offset) <= 86_400
        else { return nil }
        let days = Timestamp.daysSinceEpoch(year: year, month: month, day: day)
        self.init(nanoseconds: (days * 86_400 + Int64(seconds - offset)) * 1_000_000_000)
    }

    /// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
    ///
    /// The unit is the one that puts the moment between 2001 and 2261, where the nanoseconds of `Int64` end.
    init?(epoch number: Double) {
        switch number {
        case 1e9..<9.2e9: self.init(seconds: number)
        case 1e12..<9.2e12: self.init(nanoseconds: Int64(number * 1e6))
        case 1e15..<9.2e15: self.init(nanoseconds: Int64(number * 1e3))
        case 1e18..<9.2e18: self.init(nanoseconds: Int64(number))
        default: return nil
        }
    }

    static func month(_ bytes: ArraySlice<UInt8>) -> Int? {
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return names.firstIndex { bytes.elementsEqual($0.utf8) }.map { $0 + 1 }
    }
}

/// Finds the time that a plain line begins with.
struct LeadingTime {
    var at: Timestamp
    /// Where the rest of the line begins.
    var end: Int

    /// Understands RFC 3339 with `T` or a blank and with or without zone, `2026/11/23 09:29:08` and the
    /// `Nov 23 09:29:08` of syslog, each perhaps in brackets.
    ///
    /// `now` supplies the year to syslog's form: the one that puts it nearest before tomorrow.
    init?(_ line: ArraySlice<UInt8>, now: Timestamp, zoneOffsetSeconds: Int) {
        var start = line.startIndex
        let bracket = line.first == UInt8(ascii: "[")
        if bracket { start += 1 }
        let text = line[start...]
        guard let first = text.first else { return nil }
        if (0x30...0x39).contains(first) {
            guard let found = Self.numeric(text, zoneOffsetSeconds) else { return nil }
            self = found
        } else if (0x41...0x5A).contains(first) {
            guard let found = Self.syslog(text, now, zoneOffsetSeconds) else { return nil }
            self = found
        } else {
            return nil
        }
        if bracket, end < line.endIndex, line[end] == UInt8(ascii: "]") { end += 1 }
    }

    private init(at: Timestamp, end: Int) {
        self.at = at
        self.end = end
    }

    /// `2026-11-23T09:29:04.399Z`, `2026-11-23 09:29:04,399`, `2026/11/23 09:29:08`, with ` UTC` perhaps.
    private static func numeric(_ text: ArraySlice<UInt8>, _ zone: Int) -> LeadingTime? {
        let s = text.startIndex
        guard text.count >= 19, let year = text[s..<(s + 4)].decimal,
            let month = text[(s + 5)..<(s + 7)].decimal,
            let day = text[(s + 8)..<(s + 10)].decimal, let hour = text[(s + 11)..<(s + 13)].decimal,
            let minute = text[(s + 14)..<(s + 16)].decimal, let second = text[(s + 17)..<(s + 19)].decimal,
            text[s + 4] == text[s + 7], text[s + 4] == UInt8(ascii: "-") || text[s + 4] == UInt8(ascii: "/"),
            text[s + 10] == 0x20 || text[s + 10] == UInt8(ascii: "T"),
            text[s + 13] == UInt8(ascii: ":"), text[s + 16] == UInt8(ascii: ":"), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        var end = s + 19
        var fraction: Int64 = 0
        if end < text.endIndex, text[end] == UInt8(ascii: ".") || text[end] == UInt8(ascii: ",") {
            var unit: Int64 = 100_000_000
            end += 1
            while end < text.endIndex, (0x30...0x39).contains(text[end]) {
                fraction += Int64(text[end] - 0x30) * unit
                unit /= 10
                end += 1
            }
        }
        var offset = zone
        let rest = text[end...]
        if rest.first == UInt8(ascii: "Z") {
            offset = 0
            end += 1
        } else if rest.starts(with: " UTC") || rest.starts(with: " GMT") {
            offset = 0
            end += 4
        } else if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            rest.count >= 5,
            let hours = rest[(end + 1)..<(end + 3)].decimal
        {
            let colon = rest[end + 3] == UInt8(ascii: ":") ? 1 : 0
            guard rest.count >= 5 + colon, let minutes = rest[(end + 3 + colon)..<(end + 5 + colon)].decimal
            else {
                return nil
            }
            offset = (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
            end += 5 + colon
        }
        let seconds = hour * 3600 + minute * 60 + second
        guard let at = Timestamp(year: year, month: month, day: day, seconds: seconds, offset: offset) else {
            return nil
        }
        return LeadingTime(at: at + .nanoseconds(fraction), end: end)
    }

    /// `Nov 23 09:29:08` or `Nov  3 09:29:08`.
    private static func syslog(_ text: ArraySlice<UInt8>, _ now: Timestamp, _ zone: Int) -> LeadingTime? {
        let s = text.startIndex
        guard text.count >= 15, let month = Timestamp.month(text[s..<(s + 3)]), text[s + 3] == 0x20,
            let day = text[(s + 4)..<(s + 6)].trimmed.decimal, text[s + 6] == 0x20,
            let hour = text[(s + 7)..<(s + 9)].decimal, text[s + 9] == UInt8(ascii: ":"),
            let minute = text[(s + 10)..<(s + 12)].decimal, text[s + 12] == UInt8(ascii: ":"),
            let second = text[(s + 13)..<(s + 15)].decimal, hour < 24, minute < 60, second <= 60
        else { return nil }
        let tomorrow = now + .seconds(86_400)
        let year = Timestamp.date(daysSinceEpoch: tomorrow.nanoseconds / 86_400_000_000_000).year
        let seconds = hour * 3600 + minute * 60 + second
        for year in [year, year - 1] {
            if let at = Timestamp(year: year, month: month, day: day, seconds: seconds, offset: zone),
                at <= tomorrow
            {
                return LeadingTime(at: at, end: s + 15)
            }
        }
        return nil
    }
}
