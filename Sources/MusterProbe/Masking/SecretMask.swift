/// Takes secrets and personal data out of text before it leaves the host.
///
/// Masked are: values of fields whose name speaks of a secret, credentials in URLs and after `Bearer` and `Basic`,
/// private keys, tokens known by their shape, e-mail addresses, and card numbers. One pass over the bytes, no
/// regular expressions. It rather masks too much: what is masked is gone, what is not may be read by many.
package enum SecretMask {
    /// What stands for a secret value.
    package static let placeholder = "***"

    /// The text without secrets.
    package static func mask(_ text: String) -> String {
        String(decoding: mask(Array(text.utf8)[...]), as: UTF8.self)
    }

    /// The bytes without secrets; what is no secret comes back unchanged, also what is no UTF-8.
    package static func mask(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var scanner = MaskScanner(bytes)
        return scanner.run()
    }
}

/// Walks from word to word and decides at the start of each.
private struct MaskScanner {
    private let input: ArraySlice<UInt8>
    private var index: Int
    private var output: [UInt8] = []
    /// A command-line option of this name takes the next word as its value.
    private var nextWordIsSecret = false

    init(_ input: ArraySlice<UInt8>) {
        self.input = input
        self.index = input.startIndex
        output.reserveCapacity(input.count)
    }

    mutating func run() -> [UInt8] {
        while index < input.endIndex {
            guard input[index].isWord else {
                if input[index] == UInt8(ascii: "-"), maskPrivateKey() { continue }
                copy(1)
                continue
            }
            let end = wordEnd(from: index)
            if nextWordIsSecret {
                nextWordIsSecret = false
                maskUntilBlank()
            } else if maskCard(wordEnd: end) || maskShape(wordEnd: end) || maskCredentials(wordEnd: end)
                || maskEmail(wordEnd: end) || maskField(wordEnd: end)
            {
                continue
            } else {
                copy(end - index)
            }
        }
        return output
    }

    private mutating func copy(_ count: Int) {
        output.append(contentsOf: input[index..<(index + count)])
        index += count
    }

    private mutating func putPlaceholder(_ text: String = SecretMask.placeholder) {
        output.append(contentsOf: text.utf8)
    }

    private func wordEnd(from start: Int) -> Int {
        input[start...].firstIndex { !$0.isWord } ?? input.endIndex
    }

    private func byte(at place: Int) -> UInt8? { place < input.endIndex ? input[place] : nil }

    /// `password=…`, `"token": "…"`, `Authorization: Bearer …`, `--api-key …`, `<password>…`, `PASSWORD '…'`.
    private mutating func maskField(wordEnd: Int) -> Bool {
        // Names such as `x-api-key` and `spring.datasource.password` are several words; longer ones are none.
        let run = input[index...].prefix(SecretNames.nameBytesMax + 1).prefix { $0.isNamePart }
        var end = max(run.endIndex, wordEnd)
        while end > wordEnd, !input[end - 1].isWord { end -= 1 }
        let name = input[index..<end]
        guard SecretNames.isSecret(name) else { return false }
        let before = index > input.startIndex ? input[index - 1] : 0x20
        if before == UInt8(ascii: "<"), byte(at: end) == UInt8(ascii: ">") {
            copy(end + 1 - index)
            putPlaceholder()
            index = input[index...].firstIndex { $0 == UInt8(ascii: "<") || $0 == 0x0A } ?? input.endIndex
            return true
        }
        var place = end
        if let quote = byte(at: place), quote.isQuote || quote == UInt8(ascii: "\\") { place += 1 }
        if let quote = byte(at: place), quote.isQuote { place += 1 }
        place = blanksEnd(from: place)
        guard let separator = byte(at: place),
            separator == UInt8(ascii: "=") || separator == UInt8(ascii: ":")
        else { return maskWithoutSeparator(name, end: end) }
        place += 1
        if byte(at: place) == UInt8(ascii: ">") { place += 1 }
        copy(blanksEnd(from: place) - index)
        let isColon = separator == UInt8(ascii: ":")
        if isColon, SecretNames.isHeader(name), byte(at: index)?.isQuote != true, !opensList(index) {
            maskHeader(quotedBy: before)
        } else {
            maskValue(toLineEnd: isColon)
        }
        return true
    }

    /// `--api-key …`, `requirepass …` and `PASSWORD '…'`, where nothing but blanks stands before the value.
    private mutating func maskWithoutSeparator(_ name: ArraySlice<UInt8>, end: Int) -> Bool {
        let value = blanksEnd(from: end)
        guard value > end else { return false }
        let isOption = index - input.startIndex >= 2 && input[(index - 2)..<index].elementsEqual("--".utf8)
        if byte(at: value)?.isQuote == true {
            copy(value - index)
            maskValue(toLineEnd: false)
            return true
        }
        guard isOption || SecretNames.isDirective(name) else { return false }
        copy(end - index)
        nextWordIsSecret = true
        return true
    }

    private func blanksEnd(from start: Int) -> Int {
        var place = start
        while byte(at: place) == 0x20 || byte(at: place) == 0x09 { place += 1 }
        return place
    }

    private func opensList(_ place: Int) -> Bool {
        byte(at: place) == UInt8(ascii: "[") || byte(at: place) == UInt8(ascii: "{")
    }

    /// A header goes to the end of its line, or to the quote that the whole of it stands in.
    private mutating func maskHeader(quotedBy quote: UInt8) {
        guard let first = byte(at: index), first != 0x0A, first != 0x0D else { return }
        putPlaceholder()
        index =
            input[index...].firstIndex { $0 == 0x0A || quote.isQuote && $0 == quote } ?? input.endIndex
    }

    /// Puts the placeholder instead of a value: to the closing quote or bracket, else to where it must end.
    private mutating func maskValue(toLineEnd: Bool) {
        guard let first = byte(at: index), first != 0x0A, first != 0x0D else { return }
        if first.isQuote {
            copy(1)
            putPlaceholder()
            skipQuoted(by: first)
            return
        }
        // An escaped quote: JSON inside of a string.
        if first == UInt8(ascii: "\\"), byte(at: index + 1)?.isQuote == true {
            copy(2)
            putPlaceholder()
            index = input[index...].firstIndex { $0 == UInt8(ascii: "\\") || $0 == 0x0A } ?? input.endIndex
            return
        }
        putPlaceholder()
        if opensList(index) { return skipList() }
        while let byte = byte(at: index), !byte.isQuote, byte != 0x0A {
            if endsValue(at: index, toLineEnd: toLineEnd) { return }
            index += 1
        }
    }

    /// Whether an unquoted value ends here; a secret may hold nearly every sign, so what follows decides.
    private func endsValue(at place: Int, toLineEnd: Bool) -> Bool {
        switch input[place] {
        case 0x20, 0x09: !toLineEnd || startsField(blanksEnd(from: place))
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "&"): startsField(blanksEnd(from: place + 1))
        case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"): !(byte(at: place + 1)?.isWord ?? false)
        default: false
        }
    }

    /// `name=` or `"name":`, the beginning of another field.
    private func startsField(_ start: Int) -> Bool {
        guard start < input.endIndex else { return true }
        if input[start].isQuote { return true }
        let name = input[start...].prefix(SecretNames.nameBytesMax).prefix { $0.isNamePart }
        guard !name.isEmpty, let next = byte(at: name.endIndex) else { return false }
        return next == UInt8(ascii: "=") || next == UInt8(ascii: ":")
    }

    /// To the bracket that closes the one here, or to the end of the line.
    private mutating func skipList() {
        var depth = 0
        while let byte = byte(at: index), byte != 0x0A {
            index += 1
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case 0x22:
                skipQuoted(by: byte)
                if self.byte(at: index) == byte { index += 1 }
            default: break
            }
            if depth == 0 { return }
        }
    }

    private mutating func skipQuoted(by quote: UInt8) {
        while index < input.endIndex, input[index] != quote, input[index] != 0x0A {
            index = min(index + (input[index] == UInt8(ascii: "\\") ? 2 : 1), input.endIndex)
        }
    }

    private mutating func maskUntilBlank() {
        guard byte(at: index) != 0x0A else { return }
        putPlaceholder()
        index = input[index...].firstIndex { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A } ?? input.endIndex
    }

    /// `Bearer abc`, `Basic abc`, and `scheme://user:secret@host`.
    private mutating func maskCredentials(wordEnd end: Int) -> Bool {
        let word = input[index..<end]
        if word.isWord("bearer") || word.isWord("basic"), byte(at: end) == 0x20 {
            let value = input[(end + 1)...].prefix { $0.isTokenPart }
            // "basic setup" is no credential; a real one is longer or mixed.
            guard value.count >= 8, value.count >= 20 || value.contains(where: { !$0.isLowerLetter }) else {
                return false
            }
            copy(end + 1 - index)
            putPlaceholder()
            index = value.endIndex
            return true
        }
        guard input[end...].starts(with: "://") else { return false }
        let authority = input[(end + 3)...].prefix { byte in
            byte > 0x20 && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") && !byte.isQuote
        }
        guard let at = authority.lastIndex(of: UInt8(ascii: "@")),
            let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":"))
        else { return false }
        copy(colon + 1 - index)
        putPlaceholder()
        index = at
        return true
    }

    /// Tokens that their issuers made recognisable.
    private mutating func maskShape(wordEnd end: Int) -> Bool {
        let rest = input[index...]
        // The shape first: it is short, and a token may be as long as the text.
        guard SecretNames.shapes.contains(where: { rest.starts(with: $0) }) else { return false }
        let token = rest.prefix { $0.isTokenPart }
        guard token.count >= 16 else { return false }
        putPlaceholder()
        index = max(token.endIndex, end)
        return true
    }

    private mutating func maskEmail(wordEnd end: Int) -> Bool {
        // RFC 5321 allows 64 bytes before the sign.
        let local = input[index...].prefix(65).prefix { $0.isEmailPart }
        guard byte(at: local.endIndex) == UInt8(ascii: "@") else { return false }
        let domain = input[(local.endIndex + 1)...].prefix {
            $0.isWord || $0 == UInt8(ascii: ".") || $0 == 0x2D
        }
        guard let dot = domain.dropLast().lastIndex(of: UInt8(ascii: ".")), dot > domain.startIndex else {
            return false
        }
        putPlaceholder("<email>")
        index = domain.endIndex
        return true
    }

    /// 13 to 19 digits in groups, with the prefix of a card issuer and a valid check digit (Luhn).
    private mutating func maskCard(wordEnd end: Int) -> Bool {
        guard input[index].isDigit else { return false }
        var digits: [UInt8] = []
        var place = index
        while let byte = byte(at: place), digits.count <= 19 {
            if byte.isDigit {
                digits.append(byte - 0x30)
            } else if byte != 0x20 && byte != UInt8(ascii: "-")
                || !(self.byte(at: place + 1)?.isDigit ?? false)
            {
                break
            }
            place += 1
        }
        guard (13...19).contains(digits.count), !(byte(at: place)?.isWord ?? false), Luhn.isCard(digits)
        else {
            return false
        }
        putPlaceholder("<card>")
        index = place
        return true
    }

    /// `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of the text.
    private mutating func maskPrivateKey() -> Bool {
        guard input[index...].starts(with: "-----BEGIN ") else { return false }
        let label = input[(index + 11)...].prefix { $0 != UInt8(ascii: "-") && $0 != 0x0A }
        guard String(decoding: label, as: UTF8.self).contains("PRIVATE KEY") else { return false }
        copy(11 + label.count)
        output.append(contentsOf: "----- ".utf8)
        putPlaceholder()
        var place = index
        while place < input.endIndex, !input[place...].starts(with: "-----END ") { place += 1 }
        let endLine = input[place...].firstIndex(of: 0x0A) ?? input.endIndex
        index = place < input.endIndex ? endLine : input.endIndex
        return true
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }

    fileprivate var isLowerLetter: Bool { (0x61...0x7A).contains(self) }

    /// Letters, digits and `_`; bytes of other scripts belong to words too.
    fileprivate var isWord: Bool {
        isDigit || isLowerLetter || (0x41...0x5A).contains(self) || self == UInt8(ascii: "_") || self >= 0x80
    }

    fileprivate var isNamePart: Bool { isWord || self == UInt8(ascii: "-") || self == UInt8(ascii: ".") }

    fileprivate var isTokenPart: Bool {
        switch self {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
            UInt8(ascii: "~"):
            true
        default: isWord && self < 0x80
        }
    }

    fileprivate var isEmailPart: Bool {
        isWord || self == UInt8(ascii: ".") || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
    }

    fileprivate var isQuote: Bool { self == 0x22 || self == 0x27 }
}

extension ArraySlice<UInt8> {
    fileprivate func isWord(_ lower: StaticString) -> Bool {
        guard count == lower.utf8CodeUnitCount else { return false }
        return lower.withUTF8Buffer { buffer in zip(self, buffer).allSatisfy { $0 | 0x20 == $1 } }
    }
}
