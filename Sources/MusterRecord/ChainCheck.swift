import MusterCore

/// What checking an incident's chain of hashes found.
package struct ChainReport: Hashable, Sendable, Codable {
    /// Events looked at.
    package var events: Int
    /// Sequence number at which the chain is broken, 0 for the header of an export; nil when it holds.
    package var brokenAt: Int?
    /// What is wrong there; empty when it holds.
    package var reason: String

    package init(events: Int, brokenAt: Int?, reason: String) {
        self.events = events
        self.brokenAt = brokenAt
        self.reason = reason
    }

    package var holds: Bool { brokenAt == nil }
}

/// Follows a chain of events, handed over in the order of the record.
///
/// It finds what was changed, moved, left out or added between the first event and the last. Events taken off the end
/// leave a chain that holds: whoever has to rule that out keeps the newest hash elsewhere.
package struct ChainCheck: Sendable {
    /// How many have been taken.
    package private(set) var events = 0
    /// Hash of the newest.
    package private(set) var head = Digest.zero

    package init() {}

    /// Takes the next event.
    ///
    /// - Throws: ``IncidentRecordError`` that names the place; nothing is taken then.
    package mutating func take(_ event: RecordedEvent) throws(IncidentRecordError) {
        let expected = events + 1
        func broken(_ reason: String) -> IncidentRecordError {
            IncidentRecordError(.corrupt, reason, at: expected)
        }
        guard event.sequence >= expected else { throw broken("event \(event.sequence) comes again") }
        guard event.sequence == expected else { throw broken("event \(expected) is missing") }
        guard event.previous == head.bytes else {
            throw broken("event \(expected) does not follow the one before it")
        }
        let hash = event.computedHash()
        guard event.hash == hash.bytes else { throw broken("event \(expected) is not what was written") }
        events = expected
        head = hash
    }
}
