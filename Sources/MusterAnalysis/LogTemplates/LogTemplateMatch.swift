/// A template as a question: which lines belong to it.
///
/// `<*>` stands for one or more words or variable parts, all other words must be the same; marks don't count. Needs
/// no memory of lines, so that hosts which have learnt different things answer alike.
package struct LogTemplateMatch: Sendable {
    private let tokens: [UInt32]

    /// Prepares a template as ``LogTemplateMiner/text(_:)`` writes it.
    package init(_ template: String) {
        var bytes: [UInt8] = []
        var rest = Array(template.utf8)[...]
        let placeholder = Array(LogTemplateMiner.placeholder.utf8)
        while let byte = rest.first {
            if rest.starts(with: placeholder) {
                // A number is a variable part wherever it stands.
                bytes.append(UInt8(ascii: "0"))
                rest = rest.dropFirst(placeholder.count)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        tokens = Self.scan(bytes[...], hasHeader: false)
    }

    /// Whether a line belongs to the template.
    ///
    /// - Parameters:
    ///   - line: The line, or its message alone.
    ///   - hasHeader: Whether time, level, host, program and the like may stand before the message.
    /// - Returns: whether it does.
    package func matches(_ line: ArraySlice<UInt8>, hasHeader: Bool) -> Bool {
        let words = Self.scan(line, hasHeader: hasHeader)
        // As with file names: the last `<*>` takes one word more whenever what follows does not fit.
        var place = 0
        var word = 0
        var retry: (place: Int, word: Int)?
        while word < words.count {
            if place < tokens.count, tokens[place] == LogToken.variable {
                retry = (place, word)
                place += 1
                word += 1
            } else if place < tokens.count, tokens[place] == words[word] {
                place += 1
                word += 1
            } else if let (from, last) = retry {
                retry = (from, last + 1)
                place = from + 1
                word = last + 2
                if word > words.count { return false }
            } else {
                return false
            }
        }
        return place == tokens.count
    }

    private static func scan(_ bytes: ArraySlice<UInt8>, hasHeader: Bool) -> [UInt32] {
        bytes.withUnsafeBufferPointer { line in
            LogByte.flags.withUnsafeBufferPointer { flags in
                let start = hasHeader ? LogHeader.messageStart(line, flags: flags) : 0
                return withUnsafeTemporaryAllocation(of: LogToken.self, capacity: LogTokenizer.tokensMax) {
                    let count = LogTokenizer.scan(line, from: start, flags: flags, into: $0)
                    return $0[..<count].map(\.hash)
                }
            }
        }
    }
}
