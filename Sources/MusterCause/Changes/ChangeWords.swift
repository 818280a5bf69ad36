/// Words and identifiers of code, logs and prose, in one form that they share.
///
/// `ServiceUnavailable`, `service_unavailable` and `service unavailable` all become `service`, `unavailable`. Bytes
/// outside ASCII part words.
enum ChangeWords {
    /// Parts of all words and numbers, in lower case and in order; camelCase and snake_case are split.
    static func parts(_ text: some StringProtocol) -> [String] {
        var parts: [String] = []
        var part: [UInt8] = []
        let bytes = Array(text.utf8)
        func isUpper(_ byte: UInt8) -> Bool { byte >= 0x41 && byte <= 0x5A }
        func isLower(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }
        func end() {
            if !part.isEmpty { parts.append(String(decoding: part, as: UTF8.self)) }
            part.removeAll(keepingCapacity: true)
        }
        for (index, byte) in bytes.enumerated() {
            guard isUpper(byte) || isLower(byte) || isDigit(byte) else {
                end()
                continue
            }
            if isUpper(byte), let last = part.last, !isDigit(last) {
                let wasUpper = index > 0 && isUpper(bytes[index - 1])
                if !wasUpper || (index + 1 < bytes.count && isLower(bytes[index + 1])) { end() }
            }
            part.append(isUpper(byte) ? byte | 0x20 : byte)
        }
        end()
        return parts
    }

    /// Parts that say something by themselves: neither numbers nor single letters.
    static func words(_ text: some StringProtocol) -> [String] {
        parts(text).filter { $0.utf8.count > 1 && !$0.utf8.allSatisfy(isDigit) }
    }

    /// Stems of the words that tell one text from another.
    static func terms(_ text: some StringProtocol) -> [String] {
        words(text).map(stem).filter { !common.contains($0) }
    }

    /// Names of at least two parts, joined by `_` whatever way they are written: `dashboard_id`, `cache_blue`.
    static func identifiers(_ text: some StringProtocol) -> Set<String> {
        var found: Set<String> = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            guard isLetter(bytes[index]) else {
                index += 1
                continue
            }
            let start = index
            var pieces = 0
            while true {
                let piece = index
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                pieces += 1
                // The pieces of `h.svc.Search` are names themselves.
                add(bytes[piece..<index], least: 6, most: .max, to: &found)
                guard index + 1 < bytes.count, bytes[index] == 0x2E || bytes[index] == 0x2D,
                    isWord(bytes[index + 1])
                else { break }
                index += 1
            }
            if pieces > 1 { add(bytes[start..<index], least: 8, most: 5, to: &found) }
        }
        return found
    }

    private static func add(
        _ bytes: ArraySlice<UInt8>,
        least length: Int,
        most partsMax: Int,
        to found: inout Set<String>
    ) {
        let parts = parts(String(decoding: bytes, as: UTF8.self))
        guard parts.count >= 2, parts.count <= partsMax else { return }
        guard parts.reduce(0, { $0 + $1.utf8.count }) >= length else { return }
        found.insert(parts.joined(separator: "_"))
    }

    /// A word without the endings that number and tense give it.
    static func stem(_ word: String) -> String {
        var word = word
        for ending in ["ings", "ing", "ies", "ied", "ed", "es", "s"]
        where word.hasSuffix(ending) && word.utf8.count - ending.utf8.count >= 4 {
            word.removeLast(ending.utf8.count)
            if ending == "ies" || ending == "ied" { word += "y" }
            break
        }
        if word.hasSuffix("e"), word.utf8.count > 4 { word.removeLast() }
        return word
    }

    /// Whether a word of a vocabulary is meant: longer ones also at the start of a compound, as in `limiter`.
    static func matches(_ vocabulary: String, _ word: String) -> Bool {
        vocabulary == word || (vocabulary.utf8.count >= 5 && word.hasPrefix(vocabulary))
    }

    static func matches(any vocabulary: some Sequence<String>, _ words: some Collection<String>) -> Bool {
        vocabulary.contains { entry in words.contains { matches(entry, $0) } }
    }

    /// Whether a text, in the form of ``line(_:)``, has one of these phrases where a word begins.
    static func says(_ line: String, _ phrases: [String]) -> Bool {
        phrases.contains { line.contains(" " + $0) }
    }

    /// The form of a text that ``says(_:_:)`` takes.
    static func line(_ text: some StringProtocol) -> String {
        " " + parts(text).joined(separator: " ") + " "
    }

    /// The lines of a diff, whichever of the two usual ends they have.
    static func lines(_ text: String) -> [Substring] {
        // Both bytes of the longer end are one character.
        text.split { $0 == "\n" || $0 == "\r\n" }
    }

    static func stems(_ text: String) -> Set<String> {
        Set(text.split(separator: " ").map { stem(String($0)) })
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A)
    }

    private static func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) || byte == 0x5F }

    /// What languages, commit messages and logs are full of.
    private static let common: Set<String> = {
        let words = """
            a an the of for to in on at by with and or not is are was be been it its this that from as if else return \
            func function def var let const new err error errors string int bool void class struct type package import \
            public private static final self null nil none true false ok end do then get set use make add added update \
            updated change changed fix feat chore refactor docs doc test tests perf style ci http request requests \
            response w r ctx context go py js ts java md yaml yml json service services server client svc api app main \
            internal pkg cmd src lib code data value values id name key failed fail failing failure above below \
            observed threshold exceeded ratio rate total count p99 p95 p50 avg ms seconds sec per after before during \
            more than log logger info warn debug msg message level path file line lines up down out no so we they
            """
        return Set(words.split(separator: " ").flatMap { [String($0), stem(String($0))] })
    }()
}
