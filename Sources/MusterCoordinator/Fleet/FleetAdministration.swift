import MusterCore
import MusterIdentity

/// What operators do with the fleet's membership.
package protocol FleetAdministration: Sendable {
    /// Makes a join token; its secret is in the result and nowhere else.
    ///
    /// - Parameters:
    ///   - labels: Given to every host that joins with it.
    ///   - uses: How many hosts may join with it, 1 to 10 000.
    ///   - life: How long it lasts, at most 30 days.
    ///   - creator: The operator, for the record.
    /// - Returns: The token, to be shown once.
    /// - Throws: ``FleetError``: `invalid` for what is out of its bounds, `store` when it can't be recorded.
    func createToken(
        labels: [String: String],
        uses: Int,
        life: Duration,
        by creator: String
    ) async throws(FleetError) -> JoinToken

    /// All tokens that were made, newest first, without their secrets.
    func tokens() async throws(FleetError) -> [FleetToken]

    /// Makes a token useless; hosts that joined with it stay.
    func revokeToken(_ id: String) async throws(FleetError)

    /// Ends the trust in a host for good and cuts its connection.
    func revoke(_ host: AgentID, reason: String) async throws(FleetError)

    /// Lets a host out of quarantine: it may connect again.
    ///
    /// - Throws: ``FleetError`` with the code `invalid` when it is not in quarantine.
    func release(_ host: AgentID) async throws(FleetError)
}

/// A join token as it is kept: everything but its secret.
package struct FleetToken: Hashable, Codable, Sendable {
    package var id: String
    package var labels: [String: String]
    package var usesMax: Int
    package var usesLeft: Int
    package var created: Timestamp
    package var expires: Timestamp
    package var creator: String
    package var revoked: Bool

    package init(
        id: String,
        labels: [String: String],
        uses: Int,
        created: Timestamp,
        expires: Timestamp,
        creator: String
    ) {
        self.id = id
        self.labels = labels
        self.usesMax = uses
        self.usesLeft = uses
        self.created = created
        self.expires = expires
        self.creator = creator
        self.revoked = false
    }

    /// Why it can't be used now; nil when it can.
    package func refusal(at now: Timestamp) -> String? {
        if revoked { return "join token \(id) was revoked" }
        if now >= expires { return "join token \(id) expired at \(expires)" }
        if usesLeft <= 0 { return "join token \(id) is used up (\(usesMax) of \(usesMax))" }
        return nil
    }
}
