/// A line of `key=value` pairs, as Go services write them.
///
///     time=2026-11-23T09:29:04Z level=info msg="request served" path=/cart status=200 duration=12ms
enum LogfmtLine {
    /// Nil unless the line begins with a pair and at least two keys are ones that loggers use.
    static func parse(_ line: ArraySlice<UInt8>) -> ParsedLine? {
        var fields = LogFields()
        var rest = line
        var first = true
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
            guard !rest.isEmpty else { break }
            let key = rest.prefix { $0 != 0x20 && $0 != UInt8(ascii: "=") && $0 != 0x22 }
            let end = key.endIndex
            guard end < rest.endIndex, rest[end] == UInt8(ascii: "="), !key.isEmpty else {
                if first { return nil }
                // A stray word between pairs.
                rest = rest.drop { $0 != 0x20 }
                continue
            }
            if first, !key.allSatisfy({ isKeyPart($0) }) { return nil }
            first = false
            rest = rest[(end + 1)...]
            if rest.first == UInt8(ascii: "\"") {
                guard let value = quoted(&rest) else { break }
                fields.take(key, value)
            } else {
                let value = rest.prefix { $0 != 0x20 && $0 != 0x09 }
                rest = rest[value.endIndex...]
                fields.take(key, value)
            }
        }
        return fields.known >= 2 ? fields.finish(line: line) : nil
    }

    private static func isKeyPart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "@"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let start = rest.startIndex + 1
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
        guard escaped else { return content }
        var plain: [UInt8] = []
        var source = content
        while let byte = source.popFirst() {
            // Of quotes and backslashes alone: no word of letters is spelt with an escape.
            let isEscape = byte == UInt8(ascii: "\\") && (source.first == 0x22 || source.first == 0x5C)
            plain.append(isEscape ? source.popFirst() ?? byte : byte)
        }
        return plain[...]
    }
}
