/// The constant part of a log line: what it has in common with the other lines of the same print statement.
///
/// Looks at one line at a time and learns nothing, so that every host gives the same line the same pattern and
/// counts of patterns merge by addition. The price is that a variable word of letters alone, such as a user
/// name in running text, stays part of the pattern.
package enum LogTemplate {
    /// What stands for a variable part.
    package static let placeholder = "<*>"
    /// Longest pattern in bytes; what follows is cut off.
    package static let patternBytesMax = 1024

    /// The pattern of one line.
    ///
    /// Variable are: words with a digit, values after `=`, what stands in quotes, absolute paths, and long words
    /// of hexadecimal digits. Neighbouring variable parts become one.
    package static func pattern(of line: some Collection<UInt8>) -> String {
        var scanner = TemplateScanner()
        for byte in line {
            scanner.take(byte)
            if scanner.isFull { break }
        }
        return scanner.finish()
    }

    /// The pattern of one line of text.
    package static func pattern(of line: String) -> String { pattern(of: line.utf8) }
}

/// Collects a word, decides about it when it ends, and writes constant text and placeholders.
private struct TemplateScanner {
    private var output: [UInt8] = []
    private var word: [UInt8] = []
    private var wordHasDigit = false
    /// The quote that is open, or 0.
    private var quote: UInt8 = 0
    /// The byte before the word.
    private var before = UInt8(ascii: " ")
    /// Where the output stood after the last placeholder; what was written since decides whether two join.
    private var placeholderEnd: Int?

    var isFull: Bool { output.count >= LogTemplate.patternBytesMax }

    mutating func take(_ byte: UInt8) {
        if quote != 0 {
            if byte == quote { closeQuote() }
            return
        }
        if byte.isWordPart {
            word.append(byte)
            if byte.isDigit { wordHasDigit = true }
            return
        }
        endWord()
        let isQuote = byte == UInt8(ascii: "\"") || (byte == UInt8(ascii: "'") && !before.isWordPart)
        before = byte
        if isQuote {
            quote = byte
            output.append(byte)
        } else if byte.isBlank {
            if output.last != UInt8(ascii: " "), !output.isEmpty { output.append(UInt8(ascii: " ")) }
        } else {
            output.append(byte)
        }
    }

    mutating func finish() -> String {
        if quote != 0 { closeQuote() }
        endWord()
        while output.last == UInt8(ascii: " ") { output.removeLast() }
        return String(decoding: output.prefix(LogTemplate.patternBytesMax), as: UTF8.self)
    }

    private mutating func closeQuote() {
        appendPlaceholder()
        output.append(quote)
        before = quote
        quote = 0
    }

    private mutating func endWord() {
        guard !word.isEmpty else { return }
        let tail = word.reversed().prefix { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }.count
        let body = word.dropLast(tail)
        if isVariable(body) {
            appendPlaceholder()
            output.append(contentsOf: word.suffix(tail))
        } else {
            output.append(contentsOf: word)
        }
        before = word.last ?? before
        word.removeAll(keepingCapacity: true)
        wordHasDigit = false
    }

    private func isVariable(_ body: ArraySlice<UInt8>) -> Bool {
        guard let first = body.first else { return false }
        if wordHasDigit || before == UInt8(ascii: "=") { return true }
        if first == UInt8(ascii: "/"), body.count > 1 { return true }
        return body.count >= 12 && body.allSatisfy(\.isHexDigit)
    }

    /// Two placeholders with nothing but one joining character between them are one value.
    private mutating func appendPlaceholder() {
        if let end = placeholderEnd, output.count - end <= 1,
            output.count == end || output[end].joinsValues
        {
            output.removeSubrange(end...)
            return
        }
        output.append(contentsOf: LogTemplate.placeholder.utf8)
        placeholderEnd = output.count
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }

    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }

    fileprivate var isHexDigit: Bool {
        isDigit || (0x61...0x66).contains(self) || (0x41...0x46).contains(self)
    }

    /// Letters, digits, whatever is not ASCII, and the characters that identifiers, numbers and paths hold.
    fileprivate var isWordPart: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "%"),
            UInt8(ascii: "$"), UInt8(ascii: "+"), UInt8(ascii: "\\"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    fileprivate var joinsValues: Bool {
        switch self {
        case UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "@"), UInt8(ascii: "#"), UInt8(ascii: "*"):
            true
        default: false
        }
    }
}
