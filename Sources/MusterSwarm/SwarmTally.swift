import Synchronization

/// What a swarm did, for whoever compares it with what the coordinator says.
package struct SwarmCounts: Sendable, Codable, Equatable {
    /// Agents that the coordinator has welcomed and that are still connected.
    package var online = 0
    /// TCP connections begun.
    package var connects = 0
    /// Connections that ended before a welcome.
    package var refused = 0
    /// Connections that ended after one.
    package var lost = 0
    package var questions = 0
    package var answers = 0
    package var cancels = 0
    package var heartbeats = 0
    package var challenges = 0
    /// Messages that the coordinator did not accept.
    package var refusals = 0
    /// Agents told to come back later, and agents told never to.
    package var postponed = 0
    package var revoked = 0

    package init() {}
}

/// The counts themselves, shared by all threads.
final class SwarmTally: Sendable {
    private let counts = Mutex(SwarmCounts())

    var snapshot: SwarmCounts { counts.withLock { $0 } }

    func update(_ change: (inout SwarmCounts) -> Void) { counts.withLock { change(&$0) } }
}
