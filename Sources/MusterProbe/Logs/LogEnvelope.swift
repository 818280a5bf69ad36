import MusterCore

/// What was put around a line by whoever carried it: a container runtime, or syslog.
///
///     2026-11-23T02:06:00.123456789Z stderr F message         Kubernetes CRI logging; `P` for a part of a long line
///     <11>1 2026-11-23T02:06:00Z web-1 shop 4711 - - message  RFC 5424, also with structured data
///
/// The message inside is a line of its own: an access line, JSON, anything.
struct LogEnvelope {
    /// Nil when it names none.
    private(set) var at: Timestamp?
    private(set) var level: LogLevel?
    private(set) var service: ArraySlice<UInt8>?
    private(set) var message: ArraySlice<UInt8> = []

    /// Nil for a line without one; costs a look at two bytes for most of those.
    init?(_ line: ArraySlice<UInt8>) {
        switch line.first {
        case UInt8(ascii: "2"): guard readContainer(line) else { return nil }
        case UInt8(ascii: "<"): guard readSyslog(line) else { return nil }
        default: return nil
        }
        at = LeadingTime(line, now: .zero, zoneOffsetSeconds: 0)?.at
    }

    private mutating func readContainer(_ line: ArraySlice<UInt8>) -> Bool {
        let start = line.startIndex
        guard line.count > 30, line[start + 10] == UInt8(ascii: "T"), line[start + 4] == UInt8(ascii: "-"),
            let blank = line.prefix(40).firstIndex(of: 0x20)
        else { return false }
        let rest = line[(blank + 1)...]
        guard rest.starts(with: "stdout ".utf8) || rest.starts(with: "stderr ".utf8) else { return false }
        // The first of the tags, which colons part.
        let tags = rest.dropFirst(7)
        guard let tag = tags.first, tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P"),
            let second = tags.dropFirst().first, second == 0x20 || second == UInt8(ascii: ":"),
            let end = tags.prefix(64).firstIndex(of: 0x20)
        else { return false }
        message = tags[(end + 1)...]
        return true
    }

    private mutating func readSyslog(_ line: ArraySlice<UInt8>) -> Bool {
        let digits = line.dropFirst().prefix { (0x30...0x39).contains($0) }
        let rest = line[digits.endIndex...]
        guard (1...3).contains(digits.count), let priority = digits.decimal, priority <= 191,
            rest.starts(with: ">1 ".utf8)
        else { return false }
        // Time, host, program, process and kind of message.
        var place = rest.startIndex + 3
        for index in 0..<5 {
            guard let end = line[place...].prefix(300).firstIndex(of: 0x20), end > place else { return false }
            if index == 2, !line[place..<end].elementsEqual("-".utf8) { service = line[place..<end] }
            place = end + 1
        }
        guard let end = Self.structuredDataEnd(line[place...]) else { return false }
        message = line[end...].drop { $0 == 0x20 }
        // A mark that says the message is UTF-8.
        if message.starts(with: [0xEF, 0xBB, 0xBF]) { message = message.dropFirst(3) }
        level = LogLevel(syslogSeverity: priority & 7)
        return true
    }

    /// Where `-` or elements such as `[id name="value"]` end; nil when they are not whole.
    private static func structuredDataEnd(_ text: ArraySlice<UInt8>) -> Int? {
        if text.first == UInt8(ascii: "-") { return text.startIndex + 1 }
        var (isQuoted, isOpen) = (false, false)
        var place = text.startIndex
        while place < text.endIndex {
            switch text[place] {
            case UInt8(ascii: "\\") where isQuoted: place += 1
            case UInt8(ascii: "\"") where isOpen: isQuoted.toggle()
            case UInt8(ascii: "[") where !isOpen: isOpen = true
            case UInt8(ascii: "]") where isOpen && !isQuoted: isOpen = false
            default: if !isOpen { return place > text.startIndex && text[place] == 0x20 ? place : nil }
            }
            place += 1
        }
        return isOpen || text.isEmpty ? nil : text.endIndex
    }
}

extension LogLevel {
    /// Of a severity of RFC 5424, 0 emergency to 7 debug.
    init?(syslogSeverity severity: Int) {
        switch severity {
        case 0...2: self = .fatal
        case 3: self = .error
        case 4: self = .warning
        case 5, 6: self = .info
        case 7: self = .debug
        default: return nil
        }
    }
}
