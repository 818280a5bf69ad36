import MusterCore

/// The lasting record of the fleet: which hosts joined, with which labels, and which tokens admit more.
///
/// All of it can be lost only together with the coordinator's database; connections, states and replies are
/// never in it.
package protocol FleetStore: Sendable {
    /// Every host that ever joined, with a `state` that is never connected.
    func hosts() async throws(FleetError) -> [FleetHost]

    /// Keeps what was last seen of hosts that joined before; their labels and revocation stay as they are.
    func save(_ hosts: [FleetHost]) async throws(FleetError)

    /// Uses a token once and records the host with the token's labels, both or neither.
    ///
    /// - Throws: `refused` with the reason when the token is unknown, wrong, used up, expired or revoked, or the
    ///   host's identity was revoked.
    func join(
        _ host: FleetHost,
        token: String,
        secret: [UInt8],
        at now: Timestamp
    ) async throws(FleetError) -> FleetHost

    /// Records a new token; only a hash of the secret is kept.
    func create(_ token: FleetToken, secret: [UInt8]) async throws(FleetError)

    /// All tokens, newest first.
    func tokens() async throws(FleetError) -> [FleetToken]

    /// Makes a token useless.
    func revokeToken(_ id: String) async throws(FleetError)

    /// Records that a host is no longer trusted.
    func revoke(_ host: AgentID, reason: String, at now: Timestamp) async throws(FleetError)
}
