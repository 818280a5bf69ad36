/// Who looks after a service, from `teams.yaml`.
package struct Owner: Hashable, Sendable, Codable {
    package var team: String
    /// Where the team talks; empty when not given.
    package var channel: String
    /// Whom to call, in this order.
    package var escalation: [String]

    package init(team: String, channel: String, escalation: [String]) {
        self.team = team
        self.channel = channel
        self.escalation = escalation
    }
}
