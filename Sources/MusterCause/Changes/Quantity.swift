/// A number of a text, in the base unit of what it measures.
struct Quantity: Hashable {
    enum Dimension: Hashable {
        case plain
        /// Seconds.
        case time
        case bytes
    }

    var value: Double
    var dimension: Dimension

    func isSame(as other: Quantity) -> Bool {
        guard dimension == other.dimension || dimension == .plain || other.dimension == .plain else {
            return false
        }
        return abs(value - other.value) <= 1e-6 * max(abs(value), abs(other.value), 1e-9)
    }

    /// `300 ms`, `1 GiB`, `50`.
    var text: String {
        switch dimension {
        case .plain: Self.number(value)
        case .time where value < 1: "\(Self.number(value * 1000)) ms"
        case .time where value >= 3600: "\(Self.number(value / 3600)) h"
        case .time where value >= 120: "\(Self.number(value / 60)) min"
        case .time: "\(Self.number(value)) s"
        case .bytes where value >= 1_000_000: "\(Self.number(value / 1_000_000)) MB"
        case .bytes: "\(Self.number(value)) bytes"
        }
    }

    private static func number(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        guard rounded == rounded.rounded(), abs(rounded) < 1e15 else { return "\(rounded)" }
        return "\(Int64(rounded))"
    }
}

extension Quantity {
    /// A number where it stands: `timeout` before `5*time.Second`.
    struct Found {
        var quantity: Quantity
        /// The identifier before it, its parts joined by `_`; empty when there is none.
        var key: String
    }

    /// All numbers of a line; versions such as `1.2.3` and numbers inside of names are none.
    ///
    /// With the name of what the line is the value of, such as `deadline_ms`, `300` is a time.
    static func all(in text: some StringProtocol, keyed name: String = "") -> [Found] {
        let bytes = Array(text.utf8)
        var found: [Found] = []
        var key: [String] = []
        var index = 0
        while index < bytes.count {
            if isWord(bytes[index]), !isDigit(bytes[index]) {
                let start = index
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                let word = String(decoding: bytes[start..<index], as: UTF8.self)
                if !unitWords.contains(word.lowercased()) { key = ChangeWords.parts(word) }
                continue
            }
            guard isDigit(bytes[index]), index == 0 || !(isWord(bytes[index - 1]) || bytes[index - 1] == 0x2E)
            else {
                index += 1
                continue
            }
            guard let (value, unit, isApart, end) = read(bytes, at: index) else {
                while index < bytes.count, isWord(bytes[index]) || bytes[index] == 0x2E { index += 1 }
                continue
            }
            let named = name.isEmpty ? key : ChangeWords.parts(name)
            if let quantity = quantity(value, unit: unit, isApart: isApart, key: named) {
                found.append(Found(quantity: quantity, key: key.joined(separator: "_")))
            }
            index = end
        }
        return found
    }

    /// The line without its numbers and their units.
    static func without(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if isDigit(bytes[index]), index == 0 || !(isWord(bytes[index - 1]) || bytes[index - 1] == 0x2E),
                let (_, _, isApart, end) = read(bytes, at: index), !isApart
            {
                kept.append(0x20)
                index = end
            } else {
                kept.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private static func quantity(_ value: Double, unit: String, isApart: Bool, key: [String]) -> Quantity? {
        if let factor = times[unit] { return Quantity(value: value * factor, dimension: .time) }
        if let factor = sizes[unit] { return Quantity(value: value * factor, dimension: .bytes) }
        guard unit.isEmpty || isApart || unit == "%" else { return nil }
        if unit.isEmpty || isApart, let factor = Self.factor(ofKey: key) {
            return Quantity(value: value * factor, dimension: .time)
        }
        return Quantity(value: value, dimension: .plain)
    }

    /// What a name such as `timeout_ms` makes of its number; nil for most names.
    static func factor(ofKey key: [String]) -> Double? {
        // `min` is a unit only at the end: `min_conns` counts no minutes.
        key.enumerated().reversed().lazy.compactMap { index, part in
            part.utf8.count > 1 && (part != "min" || index == key.count - 1) ? times[part] : nil
        }.first
    }

    /// A number and the unit after it; nil when it is a version or an address.
    private static func read(
        _ bytes: [UInt8],
        at start: Int
    ) -> (value: Double, unit: String, isApart: Bool, end: Int)? {
        var index = start
        var digits: [UInt8] = []
        while index < bytes.count, isDigit(bytes[index]) || bytes[index] == 0x5F {
            if bytes[index] != 0x5F { digits.append(bytes[index]) }
            index += 1
        }
        if index + 1 < bytes.count, bytes[index] == 0x2E, isDigit(bytes[index + 1]) {
            digits.append(0x2E)
            index += 1
            while index < bytes.count, isDigit(bytes[index]) {
                digits.append(bytes[index])
                index += 1
            }
            if index + 1 < bytes.count, bytes[index] == 0x2E, isDigit(bytes[index + 1]) { return nil }
        }
        guard digits.count <= 24, let value = Double(String(decoding: digits, as: UTF8.self)) else {
            return nil
        }
        var next = index
        var isApart = false
        if next < bytes.count, bytes[next] == 0x20 {
            next += 1
            isApart = true
        }
        if next < bytes.count, bytes[next] == 0x2A {
            // `5 * time.Second`
            next += 1
            if next < bytes.count, bytes[next] == 0x20 { next += 1 }
            let unitStart = next
            while next < bytes.count, isWord(bytes[next]) || bytes[next] == 0x2E { next += 1 }
            let name = String(decoding: bytes[unitStart..<next], as: UTF8.self).lowercased()
            let unit = name.split(separator: ".").last.map(String.init) ?? ""
            return times[unit] == nil && sizes[unit] == nil
                ? (value, "", false, index) : (value, unit, false, next)
        }
        let unitStart = next
        while next < bytes.count, isWord(bytes[next]) || bytes[next] == 0x25, !isDigit(bytes[next]) {
            next += 1
        }
        let unit = String(decoding: bytes[unitStart..<next], as: UTF8.self).lowercased()
        if isApart, times[unit] == nil, sizes[unit] == nil { return (value, "", true, index) }
        return (value, unit, isApart && unit.isEmpty, next)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A) || byte == 0x5F
    }

    private static let times: [String: Double] = [
        "ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "us": 1e-6, "microsecond": 1e-6,
        "microseconds": 1e-6,
        "ms": 1e-3, "millis": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3, "s": 1, "sec": 1, "secs": 1,
        "second": 1,
        "seconds": 1, "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60, "h": 3600, "hr": 3600,
        "hour": 3600,
        "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
    ]

    private static let sizes: [String: Double] = [
        "k": 1e3, "kb": 1e3, "mb": 1e6, "gb": 1e9, "ki": 1024, "kib": 1024, "mi": 1_048_576, "mib": 1_048_576,
        "gi": 1_073_741_824, "gib": 1_073_741_824,
    ]

    /// Words that say how a number is counted, not what it is.
    static let unitWords: Set<String> = Set(times.keys).union([
        "time", "int", "int32", "int64", "uint", "float", "float64", "double", "long", "duration", "number",
        "const",
        "let", "var", "final", "static", "integer",
    ])
}
