/// Which hosts are meant: `all`, `host=web-1`, `service=checkout`, `role=db,zone=a`, `host=web-1|host=web-2`.
///
/// A comma means "and", a bar "or"; the comma binds stronger. `host` is a name or the beginning of an identity
/// (at least eight digits), `service` a service that the host runs; any other word is a label. A value may end
/// in `*`.
package struct TargetSelector: Hashable, Codable, Sendable, CustomStringConvertible {
    /// One `key=value`.
    private struct Term: Hashable, Sendable {
        let key: String
        let value: String
    }

    /// Terms that all must hold, of which one list is enough; an empty list is `all`.
    private let alternatives: [[Term]]

    /// Every host.
    package static let all = TargetSelector(alternatives: [[]])

    private init(alternatives: [[Term]]) { self.alternatives = alternatives }

    /// Reads the text form.
    ///
    /// - Throws: ``FleetError`` with the code `invalid`, saying which part and what was expected.
    package init(parsing text: String) throws(FleetError) {
        guard text.utf8.count <= 4_096 else {
            throw FleetError(.invalid, "selector: \(text.utf8.count) bytes, at most 4096 are allowed")
        }
        var alternatives: [[Term]] = []
        for alternative in text.split(separator: "|", omittingEmptySubsequences: false) {
            var terms: [Term] = []
            for part in alternative.split(separator: ",", omittingEmptySubsequences: false) {
                if let term = try Self.term(part, of: text) { terms.append(term) }
            }
            alternatives.append(terms)
        }
        self.alternatives = alternatives
    }

    /// Whether the host is meant; a revoked one never is.
    package func matches(_ host: FleetHost) -> Bool {
        guard host.state != .revoked else { return false }
        return alternatives.contains { terms in terms.allSatisfy { Self.holds($0, for: host) } }
    }

    package var description: String {
        alternatives.map { terms in
            terms.isEmpty ? "all" : terms.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        }.joined(separator: "|")
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// Nil for `all`.
    private static func term(_ part: Substring, of text: String) throws(FleetError) -> Term? {
        let word = trimmed(part)
        if word == "all" { return nil }
        let expected =
            "expected \"all\" or name=value, for example \"service=checkout\" or \"role=db,zone=a\""
        guard let equals = word.firstIndex(of: "=") else {
            throw FleetError(.invalid, "selector \"\(text)\": \"\(word)\" is no condition; \(expected)")
        }
        let key = trimmed(word[..<equals])
        let value = trimmed(word[word.index(after: equals)...])
        guard !key.isEmpty, !value.isEmpty else {
            throw FleetError(
                .invalid,
                "selector \"\(text)\": \"\(word)\" lacks a name or a value; \(expected)"
            )
        }
        return Term(key: String(key), value: String(value))
    }

    private static func holds(_ term: Term, for host: FleetHost) -> Bool {
        switch term.key {
        case "host":
            let digits = term.value.count >= 8 && host.id.description.hasPrefix(term.value)
            return digits || fits(host.name, term.value)
        case "service":
            return host.services.contains { fits($0.name, term.value) }
        default:
            return host.labels[term.key].map { fits($0, term.value) } ?? false
        }
    }

    private static func fits(_ text: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? text.hasPrefix(pattern.dropLast()) : text == pattern
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let head = text.drop { $0 == " " }
        guard let last = head.lastIndex(where: { $0 != " " }) else { return head[head.endIndex...] }
        return head[...last]
    }
}
