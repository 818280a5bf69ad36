extension MaskScanner {
    /// What stands behind `name=` or `name:`.
    mutating func maskValue(_ field: MaskedField, separator: UInt8, after place: Int) -> Bool {
        let start = blanksEnd(place)
        let first = byte(start)
        guard start < count, first != 0x0A, first != 0x0D else { return false }
        if ByteKind.isQuote(first) { return maskQuoted(start, onlyLikely: field.kind == .likely) }
        if first == UInt8(ascii: "\\") {
            var quote = start
            while byte(quote) == UInt8(ascii: "\\") { quote += 1 }
            if ByteKind.isQuote(byte(quote)) { return maskEscaped(quote + 1) }
        }
        if isPublic(start, wordEnd(start)) || isCount(start, of: field) { return false }
        if case .likely = field.kind {
            // Looked at in part first: many such fields in a row must not each cost the whole line.
            let head = plainEnd(start, toLineEnd: false, bytesMax: 128)
            return looksMade(start, head) && replace(start, plainEnd(start, toLineEnd: false))
        }
        if first == UInt8(ascii: "[") || first == UInt8(ascii: "{") { return replace(start, listEnd(start)) }
        let isColon = separator == UInt8(ascii: ":")
        if isColon, first == UInt8(ascii: "|") || first == UInt8(ascii: ">") {
            let end = blockEnd(start, of: field.start)
            if end > start { return replace(start, end) }
        }
        // `PWD=/root` is where a shell is.
        if first == UInt8(ascii: "/"), hasWord("pwd", at: field.end - 3) { return false }
        let isSpaced = start > place
        if isColon, isSpaced, !opensLine(field.start), isProse(start) { return false }
        if case .header = field.kind, isColon { return maskHeader(start, of: field) }
        let end = plainEnd(schemeEnd(start) ?? start, toLineEnd: isColon && opensLine(field.start))
        return replace(start, end)
    }

    /// `max_tokens=4096`: a number behind a name for several.
    private func isCount(_ start: Int, of field: MaskedField) -> Bool {
        guard byte(field.end - 1) | 0x20 == UInt8(ascii: "s") else { return false }
        var end = start
        while ByteKind.isDigit(byte(end)) { end += 1 }
        return (1...9).contains(end - start) && !ByteKind.isWord(byte(end))
    }

    /// A header goes to the end of its line, or to the quote that the whole of it stands in.
    private mutating func maskHeader(_ start: Int, of field: MaskedField) -> Bool {
        if let token = schemeEnd(start) { return replace(token, plainEnd(token, toLineEnd: false)) }
        let quote = byte(field.start - 1)
        var end = start
        while end < count, input[end] != 0x0A, !ByteKind.isQuote(quote) || input[end] != quote { end += 1 }
        return replace(start, end)
    }

    /// Where the credential begins behind `Bearer ` and the like; nil when there is none.
    private func schemeEnd(_ start: Int) -> Int? {
        let end = wordEnd(start)
        guard isWord(start..<end, in: ["bearer", "basic", "token", "apikey", "negotiate", "ntlm"]),
            byte(end) == 0x20, byte(end + 1) > 0x20
        else { return nil }
        return end + 1
    }

    /// Between quotes; `onlyLikely` when the name alone does not tell.
    mutating func maskQuoted(_ quoteAt: Int, onlyLikely: Bool) -> Bool {
        let quote = byte(quoteAt)
        let start = quoteAt + 1
        var end = start
        while end < count, input[end] != 0x0A {
            if input[end] == UInt8(ascii: "\\") {
                end += 2
            } else if input[end] == quote {
                // SQL writes a quote within quotes twice.
                guard byte(end + 1) == quote, quote == 0x27, end > start else { break }
                end += 2
            } else {
                end += 1
            }
        }
        end = min(end, count)
        guard !isPublic(start, end), !onlyLikely || looksMade(start, end) else { return false }
        return replace(start, end)
    }

    /// JSON within a string: to the next backslash.
    private mutating func maskEscaped(_ start: Int) -> Bool {
        var end = start
        while end < count, input[end] != UInt8(ascii: "\\"), input[end] != 0x0A { end += 1 }
        return !isPublic(start, end) && replace(start, end)
    }

    /// Whether a value is none: a reference, a word for nothing, or masked already.
    func isPublic(_ start: Int, _ end: Int) -> Bool {
        guard start < end else { return true }
        let value = input[start..<end]
        guard let first = value.first, value.count <= 128 else { return false }
        if first == UInt8(ascii: "$"),
            byte(start + 1) == UInt8(ascii: "{") || byte(start + 1) == UInt8(ascii: "(")
        {
            return true
        }
        if first == UInt8(ascii: "{"),
            byte(start + 1) == UInt8(ascii: "{") || byte(start + 1) == UInt8(ascii: "}")
        {
            return true
        }
        if first == UInt8(ascii: "%"), value.count <= 3 { return true }
        if value.allSatisfy({ $0 == 0x2A || $0 == 0x78 || $0 == 0x2E || $0 == 0x3F || $0 == 0x2C }) {
            return true
        }
        var word = start..<end
        while word.count > 1, !ByteKind.isLetter(input[word.upperBound - 1]) {
            word = word.lowerBound..<(word.upperBound - 1)
        }
        while word.count > 1, !ByteKind.isLetter(input[word.lowerBound]) {
            word = (word.lowerBound + 1)..<word.upperBound
        }
        return isWord(
            word,
            in: [
                "null", "nil", "none", "true", "false", "undefined", "redacted", "masked", "hidden",
                "filtered",
                "yes", "no", "required", "missing", "invalid", "expired", "empty", "unset", "prompt", "ok",
            ]
        ) && word.count + 4 >= value.count
    }

    /// Whether words of people follow: `must contain 8 letters`.
    func isProse(_ start: Int) -> Bool {
        var end = start
        while ByteKind.isLetter(byte(end)) { end += 1 }
        let word = start..<end
        guard word.count >= 1, word.dropFirst().allSatisfy({ ByteKind.isLower(input[$0]) }) else {
            return false
        }
        if byte(end) == UInt8(ascii: ",") || byte(end) == UInt8(ascii: ":") { end += 1 }
        let next = blanksEnd(end)
        if next == end {
            return next >= count || byte(next) == 0x0A
                ? isWord(
                    word,
                    in: ["denied", "failed", "rejected", "refused", "mismatch", "accepted", "granted"]
                )
                : false
        }
        return ByteKind.isLetter(byte(next)) || byte(next) == UInt8(ascii: "'")
            || isWord(word, in: ["is", "was", "must", "not", "at", "for", "expected", "got", "unexpected"])
    }

    /// Whether a value looks as if a machine had made it.
    func looksMade(_ start: Int, _ end: Int) -> Bool {
        guard end - start >= 12, start < end, end <= count else { return false }
        var (digits, letters) = (0, 0)
        for byte in input[start..<end] {
            if ByteKind.isDigit(byte) { digits += 1 }
            if ByteKind.isLetter(byte) { letters += 1 }
            if byte <= 0x20 { return false }
        }
        return digits >= 2 && letters >= 2
    }

    /// Words are looked at up to a length that no public value and no scheme has.
    private func wordEnd(_ start: Int) -> Int {
        var end = start
        while end < count, end - start < 160, input[end] > 0x20, !ByteKind.isQuote(input[end]) { end += 1 }
        return end
    }

    /// Whether only signs of a list, a comment or a quotation stand before a name in its line.
    private func opensLine(_ place: Int) -> Bool {
        var start = place
        while start > 0, input[start - 1] != 0x0A {
            let byte = input[start - 1]
            guard
                ByteKind.isBlank(byte) || byte == 0x23 || byte == 0x2D || byte == 0x2B
                    || ByteKind.isQuote(byte)
            else { return false }
            start -= 1
            if place - start > 64 { return false }
        }
        return true
    }

    /// Where an unquoted value ends; a secret may hold nearly every sign, so what follows decides.
    private func plainEnd(_ start: Int, toLineEnd: Bool, bytesMax: Int = .max) -> Int {
        var end = start
        let limit = min(count - start, bytesMax) + start
        while end < limit, input[end] != 0x0A, input[end] != 0x0D, input[end] != 0 {
            switch input[end] {
            case 0x20, 0x09:
                let next = blanksEnd(end)
                if !toLineEnd || startsField(next) { return end }
                end = next - 1
            case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"):
                if startsField(blanksEnd(end + 1)) { return end }
            case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "<"), 0x22, 0x27, 0x60:
                if !ByteKind.isWord(byte(end + 1)) || input[end] == UInt8(ascii: "<") && byte(end + 1) == 0x2F
                {
                    return end
                }
            case UInt8(ascii: "\\"):
                let next = byte(end + 1)
                if next == 0x6E || next == 0x72 || next == 0x74 || ByteKind.isQuote(next) { return end }
            default: break
            }
            end += 1
        }
        return end
    }

    /// `name=` or `"name":`, the beginning of another field.
    private func startsField(_ start: Int) -> Bool {
        guard start < count else { return true }
        if ByteKind.isQuote(input[start]) { return true }
        var end = start
        while ByteKind.isName(byte(end)), end - start < SecretNames.nameBytesMax { end += 1 }
        return end > start && (byte(end) == UInt8(ascii: "=") || byte(end) == UInt8(ascii: ":"))
    }

    /// The bracket that closes the one here, or the end of the line.
    private func listEnd(_ start: Int) -> Int {
        var (place, depth) = (start, 0)
        var isQuoted = false
        while place < count, input[place] != 0x0A {
            let byte = input[place]
            place += 1
            if byte == UInt8(ascii: "\\") {
                place += 1
            } else if byte == 0x22 {
                isQuoted.toggle()
            } else if !isQuoted {
                if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
                if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth -= 1 }
                if depth == 0 { break }
            }
        }
        return min(place, count)
    }

    /// End of the lines below a `name: |` that stand deeper than it.
    private func blockEnd(_ start: Int, of name: Int) -> Int {
        var end = start
        while byte(end) > 0x20, end - start < 4 { end += 1 }
        guard byte(blanksEnd(end)) == 0x0A, let line = lineStart(name) else { return start }
        let depth = blanksEnd(line) - line
        end = blanksEnd(end)
        while end < count {
            let next = end + 1
            let content = blanksEnd(next)
            guard next < count, content - next > depth || byte(content) == 0x0A else { break }
            end = content
            while end < count, input[end] != 0x0A { end += 1 }
        }
        return end
    }
}
