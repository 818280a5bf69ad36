import MusterCore

/// One host of the fleet as the coordinator knows it.
package struct FleetHost: Hashable, Codable, Sendable {
    package var id: AgentID
    /// For people; never decides what is allowed.
    package var name: String
    /// From the join token, never from the agent's own word.
    package var labels: [String: String]
    /// What the agent says it watches, by name.
    package var services: [ServiceVersion]
    /// Of the agent; empty until its first connection.
    package var version: String
    /// Operating system, for example `Debian GNU/Linux 12 (bookworm)`.
    package var system: String
    package var kernel: String
    /// Where its latest connection came from, without the port.
    package var address: String
    package var state: FleetHostState
    /// When a message of it last arrived, on the coordinator's clock; nil before the first.
    package var lastSeen: Timestamp?
    /// Why it is in quarantine; nil when it is not.
    package var quarantine: String?
    /// The certificate of its latest connection; nil before the first.
    package var certificate: HostCertificate?
    /// How far its clock is ahead of the coordinator's, in milliseconds; nil before the first message.
    package var skewMilliseconds: Double?
    /// After when its clock was last set, as far as its messages show, on the coordinator's clock; nil when that was never seen.
    package var skewSince: Timestamp?
    /// What it told of itself with its latest heartbeat; nil before one, and when it went away.
    package var health: HealthDigest?
    /// The furthest that its action ledger was seen; nil when it told of none yet.
    package var ledger: LedgerHead?
    /// It looks at one log line in so many now, to stay within its budget; nil when at all of them, or not known.
    package var linesSampledEvery: Int?

    package init(id: AgentID, name: String, labels: [String: String] = [:]) {
        self.id = id
        self.name = name
        self.labels = labels
        self.services = []
        self.version = ""
        self.system = ""
        self.kernel = ""
        self.address = ""
        self.state = .disconnected
    }

    /// How far its clock is ahead of the coordinator's.
    package var skew: Duration? { skewMilliseconds.map { .milliseconds($0) } }

    package var reference: HostReference { HostReference(id: id, name: name) }
}

/// What is kept of an agent's certificate.
package struct HostCertificate: Hashable, Codable, Sendable {
    /// The authority that issued it: SHA-256 of its public key.
    package var authority: Digest
    package var expires: Timestamp

    package init(authority: Digest, expires: Timestamp) {
        self.authority = authority
        self.expires = expires
    }
}

/// Whether a host can be asked.
package enum FleetHostState: String, Hashable, Codable, Sendable, CaseIterable {
    case connected
    case disconnected
    /// It lied or its identity was copied: cut off until an administrator releases or revokes it.
    case quarantined
    /// No longer trusted; stays in the list so that people see it.
    case revoked

    /// Whether it may be asked to act.
    var isTrusted: Bool { self == .connected || self == .disconnected }
}

/// A service on a host, with the version that its latest deploy marker names.
package struct ServiceVersion: Hashable, Codable, Sendable, Comparable {
    package var name: String
    /// Empty when unknown.
    package var version: String

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    package static func < (left: ServiceVersion, right: ServiceVersion) -> Bool {
        (left.name, left.version) < (right.name, right.version)
    }
}
