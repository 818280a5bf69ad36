import Synchronization

/// What was counted at the agents' port since the start.
package struct FleetCounts: Hashable, Codable, Sendable {
    /// TCP connections accepted.
    package var connections = 0
    /// Closed before TLS because as many connections are open as may.
    package var admissionsRefused = 0
    /// TLS handshakes that failed, for whatever reason, also garbage.
    package var handshakesFailed = 0
    /// Handshakes or Hellos refused because of who it was.
    package var identitiesRefused = 0
    package var joinsAccepted = 0
    package var joinsRefused = 0
    package var renewals = 0
    /// Connections closed because of bytes that are no frames, or frames out of order.
    package var framesBroken = 0
    /// Valid frames that were not accepted.
    package var messagesRefused = 0
    /// Connections closed because they said nothing in time.
    package var silent = 0
    /// Connections closed because they did not read.
    package var stalled = 0
    /// Connections closed because a newer one of the same identity came.
    package var replaced = 0
    /// Hosts put into quarantine, for whatever reason.
    package var quarantined = 0
    /// Second connections of an identity, and those of them where both were alive.
    package var contests = 0
    package var clones = 0
    package var questionsSent = 0
    /// Parts of answers after the reply was already given.
    package var answersLate = 0
    /// Answers to questions that were never asked of that host.
    package var answersStray = 0
    /// Events that the coordinator was too slow to take.
    package var eventsDropped = 0
    /// Requests for certificates turned away because too many waited.
    package var certificateRequestsDropped = 0

    package init() {}
}

/// The counters themselves, shared by all connections.
final class FleetCounters: Sendable {
    private let counts = Mutex(FleetCounts())

    var snapshot: FleetCounts { counts.withLock { $0 } }

    func update(_ change: (inout FleetCounts) -> Void) {
        counts.withLock { change(&$0) }
    }
}
