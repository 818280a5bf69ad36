/// What of a log template belongs to the statement that wrote it.
package enum LogStatement {
    /// The template up to the first value that has a name, as in `price of [route: 12]` or `id=7`.
    ///
    /// Names of things such as cities are no numbers, and take few values: for a template they look like words of the
    /// statement. Behind `name:` or `name=` they are values all the same. What stands in front of the name stays, and
    /// the name; a colon that ends a word of plain text at the very beginning, as `ERROR:` does, is none.
    package static func text(_ template: String) -> Substring {
        let bytes = Array(template.utf8)
        var place = leastBytes
        while place + 1 < bytes.count {
            let isMark = bytes[place] == UInt8(ascii: ":") || bytes[place] == UInt8(ascii: "=")
            if isMark, isName(bytes[place - 1]), !isMarkToo(bytes[place + 1]) {
                return template[..<template.utf8.index(template.startIndex, offsetBy: place)]
            }
            place += 1
        }
        return template[...]
    }

    private static let leastBytes = 12

    private static func isName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    /// `::` and `:=` and `==` name no value.
    private static func isMarkToo(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ":") || byte == UInt8(ascii: "=") }
}
