import Glibc
import MusterCore

/// An access line in the combined or common format of nginx and Apache, with an optional request time at the end.
///
///     10.0.0.7 - alice [23/Nov/2026:09:29:08 +0000] "GET /cart HTTP/1.1" 200 157 "-" "curl/7.88.1" 0.012
///
/// The request time is in seconds and may be written as `0.012`, `"0.012"`, `rt=0.012` or
/// `request_time=0.012`; of several numbers the first counts. The name of a virtual host may stand before the address.
///
/// Read in one pass where it lies; nothing is copied.
enum AccessLine {
    static func parse(_ line: ArraySlice<UInt8>) -> ParsedLine? {
        var scan = AccessScan(line)
        guard let first = scan.word(), let second = scan.word() else { return nil }
        var client = first
        // `shop.example.org:443 10.0.0.7 - alice [`: only an address has two dots or colons and no other letters.
        if scan.isAddress(second) {
            client = second
            guard scan.word() != nil else { return nil }
        }
        // A user name may hold blanks; it ends before the bracket.
        let userStart = scan.place
        guard let open = scan.find(UInt8(ascii: "["), within: 256), let at = scan.time(at: open + 1) else {
            return nil
        }
        let user = line[userStart..<open].trimmed
        scan.place = open + 27
        guard scan.take(UInt8(ascii: "]")) else { return nil }
        scan.skipBlanks()
        guard let request = scan.quoted(), let status = scan.status() else { return nil }
        _ = scan.word()  // Size of the body.
        if scan.isAt(0x22) { _ = scan.quoted() }  // Referer.
        if scan.isAt(0x22) { _ = scan.quoted() }  // User agent.

        var parsed = ParsedLine()
        parsed.at = at
        parsed.level = status >= 500 ? .error : status >= 400 ? .warning : .info
        parsed.message = line[request]
        let (method, path) = scan.methodAndPath(request)
        parsed.request = ParsedRequest(
            method: line[method],
            path: line[path],
            status: status,
            latencyMilliseconds: scan.requestTime(),
            user: user.isEmpty || user.count == 1 && user.first == UInt8(ascii: "-") ? nil : user,
            client: line[client]
        )
        return parsed
    }
}

/// A place in a line; every step stays inside it.
private struct AccessScan {
    let line: ArraySlice<UInt8>
    var place: Int

    init(_ line: ArraySlice<UInt8>) {
        self.line = line
        place = line.startIndex
    }

    func isAt(_ byte: UInt8) -> Bool { place < line.endIndex && line[place] == byte }

    mutating func take(_ byte: UInt8) -> Bool {
        guard isAt(byte) else { return false }
        place += 1
        return true
    }

    mutating func skipBlanks() { while isAt(0x20) { place += 1 } }

    /// Takes the bytes up to a blank, and the blanks behind them; nil at the end of the line.
    mutating func word() -> Range<Int>? {
        let start = place
        let end = line.endIndex
        while place < end, line[place] != 0x20 { place += 1 }
        guard place > start else { return nil }
        let word = start..<place
        skipBlanks()
        return word
    }

    /// The next place of a byte.
    func find(_ byte: UInt8, within distance: Int) -> Int? {
        var index = place
        let end = min(line.endIndex, place + distance)
        while index < end {
            if line[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Takes `"…"`; a quote inside is escaped with a backslash.
    mutating func quoted() -> Range<Int>? {
        guard isAt(0x22) else { return nil }
        let start = place + 1
        var index = start
        while true {
            guard let quote = line[index...].firstQuote else { return nil }
            index = quote
            var backslashes = 0
            while index - backslashes > start, line[index - backslashes - 1] == 0x5C { backslashes += 1 }
            if backslashes & 1 == 0 { break }
            index += 1
        }
        place = index + 1
        skipBlanks()
        return start..<index
    }

    /// Takes a status of three digits, 100 to 599.
    mutating func status() -> Int? {
        guard let word = word(), word.count == 3 else { return nil }
        guard let value = digits(word.lowerBound, 3), (100...599).contains(value) else { return nil }
        return value
    }

    /// What was no HTTP request (a TLS hello on the plain port, for example) has no method and path.
    func methodAndPath(_ request: Range<Int>) -> (Range<Int>, Range<Int>) {
        let none = request.lowerBound..<request.lowerBound
        var index = request.lowerBound
        while index < request.upperBound, line[index] &- 0x41 < 26 { index += 1 }
        let method = request.lowerBound..<index
        guard !method.isEmpty, index < request.upperBound, line[index] == 0x20 else { return (none, none) }
        while index < request.upperBound, line[index] == 0x20 { index += 1 }
        let start = index
        while index < request.upperBound, line[index] != 0x20 { index += 1 }
        return start < index ? (method, start..<index) : (none, none)
    }

    /// The first number among the words left, at most 8, in milliseconds.
    mutating func requestTime() -> Double? {
        for _ in 0..<8 {
            guard let word = word() else { return nil }
            var (start, end) = (word.lowerBound, word.upperBound)
            while start < end, line[start] == 0x22 || line[start] == 0x5B { start += 1 }
            while start < end, line[end - 1] == 0x22 || line[end - 1] == 0x5D { end -= 1 }
            if start < end, line[start] == UInt8(ascii: "r") {
                guard let equals = line[start..<end].firstIndex(of: UInt8(ascii: "=")) else { continue }
                let key = line[start..<equals]
                guard key.starts(with: "rt") && key.count == 2 || key.elementsEqual("request_time".utf8)
                else {
                    continue
                }
                start = equals + 1
            }
            if let seconds = decimal(start..<end), seconds < 1e6 { return seconds * 1000 }
        }
        return nil
    }

    /// `12`, `0.012`; what has other parts goes the long way.
    private func decimal(_ range: Range<Int>) -> Double? {
        guard range.count <= 15 else { return line[range].number.flatMap { $0 >= 0 ? $0 : nil } }
        var value = 0
        var unit = 1.0
        var hasPoint = false
        var digits = 0
        for byte in line[range] {
            if byte &- 0x30 < 10 {
                value = value * 10 + Int(byte - 0x30)
                digits += 1
                if hasPoint { unit *= 10 }
            } else if byte == 0x2E, !hasPoint {
                hasPoint = true
            } else {
                return line[range].number.flatMap { $0 >= 0 ? $0 : nil }
            }
        }
        return digits == 0 ? nil : Double(value) / unit
    }

    /// Whether a word is an address and no user name or dash: digits, hexadecimal letters, two dots or colons.
    func isAddress(_ word: Range<Int>) -> Bool {
        guard word.count >= 3 else { return false }
        var marks = 0
        for byte in line[word] {
            switch byte {
            case 0x2E, 0x3A: marks += 1
            case 0x30...0x39, 0x41...0x46, 0x61...0x66: continue
            default: return false
            }
        }
        return marks >= 2
    }

    /// `23/Nov/2026:09:29:08 +0000`, 26 bytes from a place on.
    func time(at start: Int) -> Timestamp? {
        guard line.endIndex - start > 26, line[start + 2] == 0x2F, line[start + 6] == 0x2F,
            line[start + 11] == 0x3A, line[start + 14] == 0x3A, line[start + 17] == 0x3A,
            line[start + 20] == 0x20, let day = digits(start, 2), let month = month(start + 3),
            let year = digits(start + 7, 4), let hour = digits(start + 12, 2),
            let minute = digits(start + 15, 2), let second = digits(start + 18, 2),
            let zoneHours = digits(start + 22, 2), let zoneMinutes = digits(start + 24, 2),
            line[start + 21] == UInt8(ascii: "+") || line[start + 21] == UInt8(ascii: "-")
        else { return nil }
        let zone = (zoneHours * 3600 + zoneMinutes * 60) * (line[start + 21] == UInt8(ascii: "-") ? -1 : 1)
        return Timestamp(
            year: year,
            month: month,
            day: day,
            seconds: hour * 3600 + minute * 60 + second,
            offset: zone
        )
    }

    private func digits(_ start: Int, _ count: Int) -> Int? {
        var value = 0
        for index in start..<(start + count) {
            let digit = line[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    private func month(_ start: Int) -> Int? {
        switch (line[start], line[start + 1], line[start + 2]) {
        case (0x4A, 0x61, 0x6E): 1
        case (0x46, 0x65, 0x62): 2
        case (0x4D, 0x61, 0x72): 3
        case (0x41, 0x70, 0x72): 4
        case (0x4D, 0x61, 0x79): 5
        case (0x4A, 0x75, 0x6E): 6
        case (0x4A, 0x75, 0x6C): 7
        case (0x41, 0x75, 0x67): 8
        case (0x53, 0x65, 0x70): 9
        case (0x4F, 0x63, 0x74): 10
        case (0x4E, 0x6F, 0x76): 11
        case (0x44, 0x65, 0x63): 12
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// The place of the first quotation mark.
    fileprivate var firstQuote: Int? {
        withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base, 0x22, bytes.count) else {
                return nil
            }
            return startIndex + (UnsafeRawPointer(found) - base)
        }
    }
}
