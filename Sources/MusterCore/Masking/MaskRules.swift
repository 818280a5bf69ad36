/// What is masked besides the usual, and what never is.
package final class MaskRules: Sendable {
    package static let standard = MaskRules()

    /// Whether e-mail addresses are masked.
    let masksEmails: Bool
    /// Names of further fields whose values are secret, in lower case and without separators.
    let names: [[UInt8]]
    /// Further words that are secret wherever they stand.
    let words: [MaskPattern]
    /// Values that are never masked.
    let allowed: [MaskPattern]
    let triggers: MaskTriggers

    private static let entriesMax = 64

    /// `names`, `words` and `allow` that can't be understood are left out; ``init(_:)`` refuses them.
    package init(emails: Bool = true, names: [String] = [], words: [String] = [], allow: [String] = []) {
        masksEmails = emails
        self.names = names.map { SecretNames.normalized(Array($0.utf8)) }.filter { !$0.isEmpty }
        self.words = words.map { MaskPattern($0) }.filter { $0.trigger != nil }
        allowed = allow.map { MaskPattern($0) }
        triggers = MaskTriggers(
            names: names.compactMap { MaskTriggers.longestRun(Array($0.utf8)) },
            words: self.words.compactMap(\.trigger)
        )
    }

    /// Reads `masking` of `agent.yaml`; all of it may be left out.
    ///
    ///     masking:
    ///       emails: true                    # else true
    ///       names: [customer_ref]           # more names of fields whose values are secret; three letters at least
    ///       words: ["ACME-????-*"]          # more secret words: * for any signs, ? for one; three letters first
    ///       allow: ["*@shop.example.org"]   # what is never masked
    package convenience init(_ reader: inout DocumentReader) throws(DocumentError) {
        let emails = try reader.bool("emails") ?? true
        let names = try Self.list("names", of: &reader) { MaskTriggers.longestRun(Array($0.utf8)) != nil }
        let words = try Self.list("words", of: &reader) { MaskPattern($0).trigger != nil }
        let allow = try Self.list("allow", of: &reader) { $0.utf8.contains { $0 != UInt8(ascii: "*") } }
        self.init(emails: emails, names: names, words: words, allow: allow)
    }

    /// Nil when nothing had to be masked.
    func masked(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var scanner = MaskScanner(bytes, rules: self)
        return scanner.run()
    }

    private static func list(
        _ key: String,
        of reader: inout DocumentReader,
        isUsable: (String) -> Bool
    ) throws(DocumentError) -> [String] {
        let list = try reader.strings(key)
        guard list.count <= entriesMax else {
            throw reader.error(at: reader.position(of: key), "\"\(key)\" has more than \(entriesMax) entries")
        }
        for text in list where text.utf8.count > 64 || !isUsable(text) {
            throw reader.error(
                at: reader.position(of: key),
                "\"\(text.prefix(80))\" in \"\(key)\" is too short or too long to be told from other text"
            )
        }
        return list
    }
}

/// A word with `*` for any signs and `?` for one.
struct MaskPattern: Sendable {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The three signs that it begins with; nil when a wildcard is among them.
    var trigger: [UInt8]? {
        let first = bytes.prefix(3)
        let isLiteral =
            first.count == 3 && !first.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
        return isLiteral ? Array(first) : nil
    }

    /// Whether all of the text has this form; time is the product of both lengths at most.
    func matches(_ text: UnsafeBufferPointer<UInt8>.SubSequence) -> Bool {
        var (at, place) = (0, text.startIndex)
        var star: (at: Int, place: Int)?
        while place < text.endIndex {
            if at < bytes.count, bytes[at] == UInt8(ascii: "*") {
                star = (at, place)
                at += 1
            } else if at < bytes.count, bytes[at] == UInt8(ascii: "?") || bytes[at] == text[place] {
                (at, place) = (at + 1, place + 1)
            } else if let last = star {
                star = (last.at, last.place + 1)
                (at, place) = (last.at + 1, last.place + 1)
            } else {
                return false
            }
        }
        return bytes[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
