/// Where evidence for or against a change comes from; each can be switched off to see what it is worth.
package enum ChangeMechanism: String, Sendable, CaseIterable {
    /// Documentation, tests, comments, formatting.
    case nature
    /// Whether and how it went live.
    case delivery
    /// When it went live, against the onset.
    case time
    /// Which service it went live on, against where the trouble is.
    case place
    case words
    case identifiers
    /// Lines of the diff that say what was logged.
    case literals
    /// Files that a stack names.
    case owners
    /// What sort of code it touches, against the sort of trouble.
    case kinds
    case values
    case dependencies
    /// Guards taken out, calls in loops.
    case behaviour
    case flags
    /// Signs that nothing of ours is the cause.
    case outside
}

/// A piece of evidence for or against a change, in log-odds.
package struct ChangeReason: Hashable, Sendable {
    /// Longest ``text``: it goes into sentences for people.
    package static let textBytesMax = 400

    package var mechanism: ChangeMechanism
    package var weight: Double
    /// A sentence without a full stop.
    package let text: String

    /// Names come from diffs and logs, which may have them of any length: what is too long is cut.
    init(mechanism: ChangeMechanism, weight: Double, text: String) {
        self.mechanism = mechanism
        self.weight = weight
        self.text = text.prefix(bytes: Self.textBytesMax)
    }
}

/// A change with how probable it is that it caused the incident.
package struct RankedChange: Hashable, Sendable {
    package var id: String
    /// Of all changes and "none of these" together 1.
    package var probability: Double
    /// Log-odds.
    package var score: Double
    /// Strongest first.
    package var reasons: [ChangeReason]

    package init(id: String, probability: Double, score: Double, reasons: [ChangeReason]) {
        self.id = id
        self.probability = probability
        self.score = score
        self.reasons = reasons
    }
}

/// Changes by how probable they are the cause, beside "none of these".
package struct ChangeRanking: Hashable, Sendable {
    /// Most probable first.
    package var changes: [RankedChange]
    /// That nothing of what was changed is the cause; its ``RankedChange/id`` is `none`.
    package var none: RankedChange
}
