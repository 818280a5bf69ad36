extension MaskScanner {
    /// `password=…`, `"token": "…"`, `Authorization: Bearer …`, `--api-key …`, `<password>…`, `PASSWORD '…'`.
    ///
    /// `stem` is a place within the name.
    mutating func maskField(_ stem: Int) -> Bool {
        guard stem >= nameDone else { return false }
        var (start, end) = (stem, stem)
        let limit = SecretNames.nameBytesMax
        while start > done, stem - start <= limit, ByteKind.isName(input[start - 1]) { start -= 1 }
        while ByteKind.isName(byte(end)), end - stem <= limit { end += 1 }
        nameDone = end
        while start < end, !ByteKind.isWord(input[start]) { start += 1 }
        while end > start, !ByteKind.isWord(input[end - 1]) { end -= 1 }
        var kind = SecretNames.kind(input[start..<end], extra: rules.names)
        if case .none = kind, isKeyOfPhrase(start, end) { kind = .secret }
        if case .none = kind { return false }
        let field = MaskedField(start: start, end: end, kind: kind)
        if byte(end) == UInt8(ascii: ">"), opensTag(start) { return maskUpTo(end + 1, end: 0x3C) }
        var place = end
        while byte(place) == UInt8(ascii: "\\") { place += 1 }
        if ByteKind.isQuote(byte(place)) || byte(place) == UInt8(ascii: "]") { place += 1 }
        place = blanksEnd(place)
        let separator = byte(place)
        guard separator == UInt8(ascii: "=") || separator == UInt8(ascii: ":"),
            separator != byte(place + 1) || separator == UInt8(ascii: "=")
        else { return maskWithoutSeparator(field) }
        place += 1
        if byte(place) == UInt8(ascii: ">") || byte(place) == UInt8(ascii: "=") { place += 1 }
        return maskValue(field, separator: separator, after: place)
    }

    /// `api key: …`.
    private func isKeyOfPhrase(_ start: Int, _ end: Int) -> Bool {
        guard end - start == 3, hasWord("key", at: start), byte(start - 1) == 0x20 else { return false }
        return isWord(
            wordBefore(start),
            in: ["api", "access", "secret", "private", "encryption", "signing", "auth", "license", "account"]
        )
    }

    /// Whether the name is that of an element: `<password` or `<wsse:password`.
    private func opensTag(_ start: Int) -> Bool {
        var place = start
        while start - place < 32, ByteKind.isName(byte(place - 1)) || byte(place - 1) == UInt8(ascii: ":") {
            place -= 1
        }
        return byte(place - 1) == UInt8(ascii: "<")
    }

    private mutating func maskUpTo(_ start: Int, end sign: UInt8) -> Bool {
        var end = start
        while end < count, input[end] != sign, input[end] != 0x0A { end += 1 }
        return !isPublic(start, end) && replace(start, end)
    }

    /// Where nothing but blanks, a bracket or a quote stands before the value, or another name.
    private mutating func maskWithoutSeparator(_ field: MaskedField) -> Bool {
        let (start, end) = (field.start, field.end)
        let after = byte(end)
        if ByteKind.isQuote(after) || after == 0x0A || after == 0x0D { return maskPaired(field) }
        if after == UInt8(ascii: "("), ByteKind.isQuote(byte(end + 1)) {
            return maskQuoted(end + 1, onlyLikely: !SecretNames.isPassword(input[start..<end]))
        }
        let isOption =
            byte(start - 1) == UInt8(ascii: "-")
            && (byte(start - 2) == UInt8(ascii: "-") || byte(start - 2) <= 0x20)
        if isOption, after == 0 { return maskArgument(end + 1) }
        let value = blanksEnd(end)
        guard value > end, value < count else { return false }
        if ByteKind.isQuote(byte(value)) {
            return maskQuoted(value, onlyLikely: !isOption && !SecretNames.isPassword(input[start..<end]))
        }
        if isOption {
            guard byte(value) != UInt8(ascii: "-"), !isProse(value) else { return false }
            return maskArgument(value)
        }
        if case .directive = field.kind { return maskArgument(value) }
        let before = wordBefore(start)
        if isWord(
            before,
            in: ["env", "setenv", "fastcgi_param", "uwsgi_param", "proxy_set_header", "setx", "identified"]
        ) {
            return maskArgument(value)
        }
        // .netrc: machine … login … password …
        guard hasWord("password", at: start), end - start == 8,
            isWord(wordBefore(before.lowerBound), in: ["login", "user", "username"])
        else { return false }
        return maskArgument(value)
    }

    /// `"name": "DB_PASSWORD", "value": "…"`, `key="password" value="…"` and the same in lines of YAML; also
    /// `"--password", "…"`.
    private mutating func maskPaired(_ field: MaskedField) -> Bool {
        var place = field.end
        // PHP's `define('NAME', '…')` puts both beside each other as well.
        let isPair = byte(field.start - 1) == UInt8(ascii: "-") || hasWord("define(", at: field.start - 8)
        while place - field.end < 64 {
            let byte = self.byte(place)
            if isPair, byte == UInt8(ascii: ","), ByteKind.isQuote(self.byte(blanksEnd(place + 1))) {
                return maskQuoted(blanksEnd(place + 1), onlyLikely: false)
            }
            guard byte <= 0x20 && byte > 0 || ByteKind.isQuote(byte) || byte == UInt8(ascii: ",")
            else { break }
            place += 1
        }
        if byte(place) == UInt8(ascii: ">"), place == field.end + 1 { return maskUpTo(place + 1, end: 0x3C) }
        guard hasWord("value", at: place) else { return false }
        place += 5
        if ByteKind.isQuote(byte(place)) { place += 1 }
        place = blanksEnd(place)
        guard byte(place) == UInt8(ascii: ":") || byte(place) == UInt8(ascii: "=") else { return false }
        return maskValue(field, separator: UInt8(ascii: "="), after: place + 1)
    }

    /// A word of a command line, to the next blank; where arguments end with a zero byte, to that.
    mutating func maskArgument(_ start: Int) -> Bool {
        var end = start
        let endsAtZero = byte(start - 1) == 0
        while end < count, input[end] != 0, input[end] != 0x0A, endsAtZero || !ByteKind.isBlank(input[end]) {
            end += 1
        }
        while end > start, ByteKind.isQuote(input[end - 1]) || input[end - 1] == UInt8(ascii: ";") {
            end -= 1
        }
        return !isPublic(start, end) && replace(start, end)
    }
}

/// A name that speaks of a secret.
struct MaskedField {
    var start: Int
    var end: Int
    var kind: SecretNames.Kind
}
