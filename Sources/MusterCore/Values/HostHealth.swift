/// One row of the table that sets the sick hosts against the healthy ones.
package struct HostHealth: Hashable, Sendable, Codable {
    package enum State: String, Sendable, Codable {
        case healthy
        case sick
        /// Did not answer: neither sick nor healthy.
        case unseen
    }

    package var host: HostReference
    package var state: State
    package var requests: Int
    package var errors: Int
    /// Versions of services, kernel, labels: what may separate the sick from the healthy.
    package var traits: [String: String]
    /// Why it counts as sick or could not be seen.
    package var reason: String

    package init(
        host: HostReference,
        state: State,
        requests: Int,
        errors: Int,
        traits: [String: String],
        reason: String
    ) {
        self.host = host
        self.state = state
        self.requests = requests
        self.errors = errors
        self.traits = traits
        self.reason = reason
    }
}
