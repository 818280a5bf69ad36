extension Timestamp: CustomStringConvertible, Codable {
    /// `2026-11-23T02:14:07.120Z`: UTC, with as many groups of three decimals as it takes to lose nothing.
    package var description: String {
        let (days, rest) = nanoseconds.flooredDivision(by: 86_400_000_000_000)
        let (year, month, day) = Self.date(daysSinceEpoch: days)
        let seconds = rest / 1_000_000_000
        let fraction = rest % 1_000_000_000
        var text = "\(Self.pad(Int64(year), 4))-\(Self.pad(Int64(month), 2))-\(Self.pad(Int64(day), 2))"
        text +=
            "T\(Self.pad(seconds / 3600, 2)):\(Self.pad(seconds / 60 % 60, 2)):\(Self.pad(seconds % 60, 2))"
        if fraction % 1_000_000 != 0 {
            text += "." + Self.pad(fraction, 9)
        } else if fraction != 0 {
            text += "." + Self.pad(fraction / 1_000_000, 3)
        }
        return text + "Z"
    }

    /// `02:14:07`, for people who know the day; UTC.
    package var timeOfDay: String {
        let seconds = nanoseconds.flooredDivision(by: 86_400_000_000_000).remainder / 1_000_000_000
        return "\(Self.pad(seconds / 3600, 2)):\(Self.pad(seconds / 60 % 60, 2)):\(Self.pad(seconds % 60, 2))"
    }

    /// Reads RFC 3339 (section 5.6) with any offset and up to nine decimals (further ones are dropped).
    ///
    /// Returns nil for anything else and for moments that 64 bits of nanoseconds do not reach (before September
    /// 1677, after April 2262). A leap second counts as the second after it.
    package init?(rfc3339 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        self.init(rfc3339: bytes[...])
    }

    /// The same from bytes, for log lines.
    package init?(rfc3339 bytes: ArraySlice<UInt8>) {
        var reader = DigitReader(bytes: bytes)
        guard let year = reader.number(digits: 4), reader.take("-"),
            let month = reader.number(digits: 2), reader.take("-"),
            let day = reader.number(digits: 2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(digits: 2), reader.take(":"),
            let minute = reader.number(digits: 2), reader.take(":"),
            let second = reader.number(digits: 2),
            (1677...2262).contains(year), (1...12).contains(month), (1...31).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.take(".") || reader.take(",") {
            guard let digits = reader.fraction() else { return nil }
            fraction = digits
        }
        var offset: Int64 = 0
        if !(reader.take("Z") || reader.take("z")) {
            let negative = reader.take("-")
            guard negative || reader.take("+"), let hours = reader.number(digits: 2) else { return nil }
            _ = reader.take(":")
            guard let minutes = reader.number(digits: 2), hours < 24, minutes < 60 else { return nil }
            offset = Int64(hours * 3600 + minutes * 60) * (negative ? -1 : 1)
        }
        guard reader.isAtEnd else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second) - offset
        // Toward zero before the multiplication, so that the very first moment is reached too.
        let isNegative = seconds < 0 && fraction > 0
        let whole = isNegative ? seconds + 1 : seconds
        let (product, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowed) = product.addingReportingOverflow(
            isNegative ? fraction - 1_000_000_000 : fraction
        )
        guard !overflow, !overflowed else { return nil }
        self.init(nanoseconds: sum)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected a time like 2026-11-23T02:14:07Z, found \"\(text.prefix(64))\""
            )
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// Days from 1970-01-01 to a date of the Gregorian calendar.
    ///
    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    package static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int64 {
        let y = Int64(month <= 2 ? year - 1 : year)
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The inverse of ``daysSinceEpoch(year:month:day:)``; same source, `civil_from_days`.
    package static func date(daysSinceEpoch days: Int64) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shifted + 2) / 5 + 1)
        let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, day)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// Reads fixed runs of ASCII digits.
private struct DigitReader {
    var bytes: ArraySlice<UInt8>

    var isAtEnd: Bool { bytes.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let first = bytes.first, UInt32(first) == character.value else { return false }
        bytes = bytes.dropFirst()
        return true
    }

    mutating func number(digits: Int) -> Int? {
        guard bytes.count >= digits else { return nil }
        var value = 0
        for byte in bytes.prefix(digits) {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        bytes = bytes.dropFirst(digits)
        return value
    }

    /// Nanoseconds of the digits after the point; nil when there is none.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var count = 0
        while let byte = bytes.first, (0x30...0x39).contains(byte) {
            if count < 9 { value = value * 10 + Int64(byte - 0x30) }
            count += 1
            bytes = bytes.dropFirst()
        }
        guard count > 0 else { return nil }
        for _ in 0..<max(0, 9 - count) { value *= 10 }
        return value
    }
}
