/// Something that was changed, by people or by machines.
package struct Change: Hashable, Sendable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case deploy
        case config
        case flag
        case package
        case restart
        case other
    }

    package var kind: Kind
    package var at: Timestamp
    /// Service it touches; empty when unknown.
    package var service: String
    /// Hosts it touches, by name; empty when unknown.
    package var hosts: [String]
    /// One line for people.
    package var summary: String
    /// Who, where known; else empty.
    package var actor: String
    package var before: String
    package var after: String
    /// Unified diff, masked.
    package var diff: String
    /// Where it was learnt: a path on a host, or the name of the sender.
    package var source: String
    /// Its own number: `4521` of deploy #4521; empty when it has none.
    package var reference: String

    package init(
        kind: Kind,
        at: Timestamp,
        service: String = "",
        hosts: [String] = [],
        summary: String,
        actor: String = "",
        before: String = "",
        after: String = "",
        diff: String = "",
        source: String = "",
        reference: String = ""
    ) {
        self.kind = kind
        self.at = at
        self.service = service
        self.hosts = hosts
        self.summary = summary
        self.actor = actor
        self.before = before
        self.after = after
        self.diff = diff
        self.source = source
        self.reference = reference
    }

    /// `deploy #4521 by sarah`, as much of it as is known.
    package var title: String {
        var text = kind == .other ? "change" : kind.rawValue
        if !reference.isEmpty { text += " #\(reference)" }
        if !actor.isEmpty { text += " by \(actor)" }
        return text
    }
}
