/// One thing that was seen, with what it rests on.
///
/// Findings are what hypotheses are made of.
package struct Finding: Hashable, Sendable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// A service answers more requests with errors than before.
        case errorRate = "error-rate"
        /// A service answers slower than before.
        case latency
        /// A service takes longer by itself, apart from what it waits for.
        case ownTime = "own-time"
        /// Calls to a service take longer on their way than it takes to answer them.
        case transit
        /// Requests no longer take their usual way through a service: steps are missing, or others are new.
        case path
        /// A change near the onset.
        case change
        /// A dependency is down, slow or exhausted.
        case dependency
        /// A resource of a host is short.
        case resource
        /// Log lines that are new or far more frequent.
        case logs
        /// The sick hosts share something that the healthy ones don't have.
        case difference
        /// Similar past incidents make a kind of cause more or less likely.
        case past
        /// Looked and saw nothing unusual.
        case nothing
        /// Could not look.
        case blind
    }

    package var id: FindingID
    package var kind: Kind
    /// One sentence, with numbers and units.
    package var text: String
    /// Hosts on which it holds.
    package var hosts: [HostReference]
    package var service: String
    /// Change, dependency, endpoint, metric or template that it is about; empty when none.
    package var subject: String
    /// When it began; nil when not known.
    package var onset: Timestamp?
    /// How large it is, from 0 (nothing) to 1 (overwhelming), comparable between kinds.
    package var effect: Double
    /// Who was asked and who answered.
    package var coverage: Coverage
    /// The change itself, when the kind is `change`.
    package var change: Change?
    /// Raw lines or values behind it, masked; at most 5.
    package var exemplars: [String]
    /// The kind of cause that it speaks of by itself, as a full disk does; nil for mere symptoms.
    package var suggests: CauseKind?
    /// Where the trouble is, when that is not where it was seen; nil means ``hosts``.
    package var place: [HostReference]?
    /// The other side: the service that calls, where a call is meant; nil when there is none.
    package var counterpart: String?
    /// What it adds up to, so that a caller's trouble can be set against that of what it calls: seconds that requests
    /// took longer, or requests that failed, more than usual; nil when not counted.
    package var magnitude: Double?

    package init(
        id: FindingID,
        kind: Kind,
        text: String,
        hosts: [HostReference],
        service: String,
        subject: String,
        onset: Timestamp?,
        effect: Double,
        coverage: Coverage,
        change: Change? = nil,
        exemplars: [String] = [],
        suggests: CauseKind? = nil,
        place: [HostReference]? = nil,
        counterpart: String? = nil,
        magnitude: Double? = nil
    ) {
        self.id = id
        self.kind = kind
        self.text = text
        self.hosts = hosts
        self.service = service
        self.subject = subject
        self.onset = onset
        self.effect = effect
        self.coverage = coverage
        self.change = change
        self.exemplars = exemplars
        self.suggests = suggests
        self.place = place
        self.counterpart = counterpart
        self.magnitude = magnitude
    }
}
