/// A line that is one JSON object.
enum JSONLine {
    static func parse(_ line: ArraySlice<UInt8>) -> ParsedLine? {
        var fields = LogFields()
        guard JSONFields.read(line, each: { key, value in fields.take(key, value) }) else { return nil }
        return fields.finish(line: line)
    }
}

/// Reads the top level of one JSON object without building anything.
///
/// Nested objects and lists are stepped over, at most 32 deep. Not a validator: what follows the grammar is read
/// right, some of what does not is read too.
package enum JSONFields {
    private static let depthMax = 32

    /// Calls `each` with key and value of every scalar field: strings unescaped, numbers and words as written.
    ///
    /// False when the bytes are not one whole object; fields before the fault have been given then.
    package static func read(
        _ bytes: ArraySlice<UInt8>,
        each: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) -> Bool {
        var scanner = Scanner(rest: bytes)
        guard scanner.take(UInt8(ascii: "{")) else { return false }
        if scanner.take(UInt8(ascii: "}")) { return scanner.isAtEnd }
        while true {
            guard let key = scanner.string(), scanner.take(UInt8(ascii: ":")) else { return false }
            switch scanner.next {
            case UInt8(ascii: "\""):
                guard let value = scanner.string() else { return false }
                each(key, value)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard scanner.skipNested(depthMax: depthMax) else { return false }
            default:
                let value = scanner.bare()
                guard let first = value.first,
                    first == UInt8(ascii: "-") || (0x30...0x39).contains(first) || isWord(value)
                else { return false }
                if !value.elementsEqual("null".utf8) { each(key, value) }
            }
            if scanner.take(UInt8(ascii: ",")) { continue }
            return scanner.take(UInt8(ascii: "}")) && scanner.isAtEnd
        }
    }

    /// The three words that stand without quotes.
    private static func isWord(_ value: ArraySlice<UInt8>) -> Bool {
        value.elementsEqual("null".utf8) || value.elementsEqual("true".utf8)
            || value.elementsEqual("false".utf8)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        var next: UInt8? {
            mutating get {
                skipBlanks()
                return rest.first
            }
        }

        var isAtEnd: Bool {
            mutating get { next == nil }
        }

        mutating func skipBlanks() {
            while let byte = rest.first, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                rest.removeFirst()
            }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard next == byte else { return false }
            rest.removeFirst()
            return true
        }

        mutating func bare() -> ArraySlice<UInt8> {
            let value = rest.prefix { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "-"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
            rest = rest[value.endIndex...]
            return value
        }

        /// The content of a string; a copy only when something was escaped in it.
        mutating func string() -> ArraySlice<UInt8>? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = rest.startIndex
            var index = start
            var escaped = false
            while index < rest.endIndex, rest[index] != UInt8(ascii: "\"") {
                if rest[index] == UInt8(ascii: "\\") {
                    escaped = true
                    index += 1
                }
                index += 1
            }
            guard index < rest.endIndex else { return nil }
            let content = rest[start..<index]
            rest = rest[(index + 1)...]
            return escaped ? Self.unescape(content)[...] : content
        }

        mutating func skipNested(depthMax: Int) -> Bool {
            var depth = 0
            while let byte = next {
                if byte == UInt8(ascii: "\"") {
                    guard string() != nil else { return false }
                    continue
                }
                rest.removeFirst()
                if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                    depth += 1
                    guard depth <= depthMax else { return false }
                } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                    depth -= 1
                    if depth == 0 { return true }
                }
            }
            return false
        }

        private static func unescape(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count)
            var rest = bytes
            var high: UInt32?
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                    output.append(byte)
                    continue
                }
                switch kind {
                case UInt8(ascii: "n"): output.append(0x0A)
                case UInt8(ascii: "t"): output.append(0x09)
                case UInt8(ascii: "r"): output.append(0x0D)
                case UInt8(ascii: "b"), UInt8(ascii: "f"): output.append(0x20)
                case UInt8(ascii: "u"):
                    guard rest.count >= 4,
                        let unit = rest.prefix(4).hexadecimal.map({ UInt32(truncatingIfNeeded: $0) })
                    else { continue }
                    rest = rest.dropFirst(4)
                    if (0xD800..<0xDC00).contains(unit) {
                        high = unit
                        continue
                    }
                    var scalar = unit
                    if (0xDC00..<0xE000).contains(unit), let first = high {
                        scalar = 0x10000 + (first - 0xD800) << 10 + (unit - 0xDC00)
                    }
                    high = nil
                    output.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(kind)
                // No escape of JSON's: it stays as it is, so that no word of letters is spelt with one.
                default: output.append(contentsOf: [byte, kind])
                }
            }
            return output
        }
    }
}
