import MusterCore

/// An access line in the combined or common format of nginx and Apache, with an optional request time at the end.
///
///     10.0.0.7 - alice [23/Nov/2026:09:29:08 +0000] "GET /cart HTTP/1.1" 200 157 "-" "curl/7.88.1" 0.012
///
/// The request time is in seconds and may be written as `0.012`, `"0.012"`, `rt=0.012` or
/// `request_time=0.012`; of several numbers the first counts.
enum AccessLine {
    static func parse(_ line: ArraySlice<UInt8>) -> ParsedLine? {
        var rest = line
        guard let address = word(&rest), !address.isEmpty, word(&rest) != nil,
            let open = rest.firstIndex(of: UInt8(ascii: "[")), open - rest.startIndex <= 256,
            let close = rest[open...].firstIndex(of: UInt8(ascii: "]"))
        else { return nil }
        // A user name may hold blanks; it ends before the bracket.
        let user = rest[..<open].trimmed
        guard let at = Timestamp(accessLog: rest[(open + 1)..<close]) else { return nil }
        rest = rest[(close + 1)...].trimmed
        guard let request = quoted(&rest), let statusWord = word(&rest), let status = statusWord.decimal,
            (100...599).contains(status)
        else { return nil }
        _ = word(&rest)  // Size of the body.
        if rest.first == UInt8(ascii: "\"") { _ = quoted(&rest) }  // Referer.
        if rest.first == UInt8(ascii: "\"") { _ = quoted(&rest) }  // User agent.

        var parsed = ParsedLine()
        parsed.at = at
        parsed.level = status >= 500 ? .error : status >= 400 ? .warning : .info
        parsed.message = request
        let parts = request.split(separator: 0x20, maxSplits: 2)
        // What was no HTTP request (a TLS hello on the plain port, for example) has no method and path.
        let isRequest = parts.count >= 2 && parts[0].allSatisfy { (0x41...0x5A).contains($0) }
        parsed.request = ParsedRequest(
            method: isRequest ? parts[0] : [],
            path: isRequest ? parts[1] : [],
            status: status,
            latencyMilliseconds: requestTime(rest),
            user: user.isEmpty || user.elementsEqual([UInt8(ascii: "-")]) ? nil : user
        )
        return parsed
    }

    private static func requestTime(_ rest: ArraySlice<UInt8>) -> Double? {
        for var word in rest.words.prefix(8) {
            while let first = word.first, first == 0x22 || first == UInt8(ascii: "[") { word.removeFirst() }
            while let last = word.last, last == 0x22 || last == UInt8(ascii: "]") { word.removeLast() }
            if let equals = word.firstIndex(of: UInt8(ascii: "=")) {
                let key = word[..<equals]
                guard key.elementsEqual("rt".utf8) || key.elementsEqual("request_time".utf8) else { continue }
                word = word[(equals + 1)...]
            }
            if let seconds = word.number, seconds >= 0, seconds < 1e6 { return seconds * 1000 }
        }
        return nil
    }

    private static func word(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        let end = rest.firstIndex(of: 0x20) ?? rest.endIndex
        let word = rest[..<end]
        rest = rest[end...].drop { $0 == 0x20 }
        return word
    }

    /// Takes `"…"`; a quote inside is escaped with a backslash.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        let start = rest.startIndex + 1
        var index = start
        while index < rest.endIndex, rest[index] != UInt8(ascii: "\"") {
            index += rest[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < rest.endIndex else { return nil }
        let content = rest[start..<index]
        rest = rest[(index + 1)...].drop { $0 == 0x20 }
        return content
    }
}
