import MusterCore

/// What triage saw at the start of an incident: everything that opens the channel.
package struct IncidentContext: Hashable, Sendable, Codable {
    /// When the trouble began, as well as the requests tell; else when the alert says it began.
    package var onset: Timestamp
    /// Time from the arrival of the first alert to this.
    package var took: Duration
    /// Sentences for people, most telling first.
    package var lines: [String]
    package var blast: BlastRadius?
    package var endpoints: [EndpointHealth]
    package var hosts: [HostHealth]
    package var dependencies: [DependencyState]
    /// Newest first.
    package var changes: [Change]
    package var coverage: Coverage

    package init(
        onset: Timestamp,
        took: Duration,
        lines: [String],
        blast: BlastRadius?,
        endpoints: [EndpointHealth],
        hosts: [HostHealth],
        dependencies: [DependencyState],
        changes: [Change],
        coverage: Coverage
    ) {
        self.onset = onset
        self.took = took
        self.lines = lines
        self.blast = blast
        self.endpoints = endpoints
        self.hosts = hosts
        self.dependencies = dependencies
        self.changes = changes
        self.coverage = coverage
    }
}

/// How one endpoint did since the onset, over all hosts that answered.
package struct EndpointHealth: Hashable, Sendable, Codable {
    package var service: String
    /// `GET /api/checkout`.
    package var endpoint: String
    package var requests: Int
    package var errors: Int
    /// Errors among requests before the onset, 0 to 1; nil when there were no requests.
    package var errorRatioBefore: Double?
    /// Latency in milliseconds; nil without requests.
    package var p50: Double?
    package var p95: Double?
    package var p99: Double?

    package init(
        service: String,
        endpoint: String,
        requests: Int,
        errors: Int,
        errorRatioBefore: Double?,
        p50: Double?,
        p95: Double?,
        p99: Double?
    ) {
        self.service = service
        self.endpoint = endpoint
        self.requests = requests
        self.errors = errors
        self.errorRatioBefore = errorRatioBefore
        self.p50 = p50
        self.p95 = p95
        self.p99 = p99
    }

    /// Errors among requests, 0 to 1.
    package var errorRatio: Double { requests == 0 ? 0 : Double(errors) / Double(requests) }
}

/// A dependency as one host saw it.
package struct DependencyState: Hashable, Sendable, Codable {
    package var host: HostReference
    package var name: String
    package var kind: String
    package var target: String
    package var healthy: Bool
    /// What is wrong, or what it told of itself: `38 of 40 connections used (95%)`.
    package var text: String
    package var services: [String]

    package init(
        host: HostReference,
        name: String,
        kind: String,
        target: String,
        healthy: Bool,
        text: String,
        services: [String]
    ) {
        self.host = host
        self.name = name
        self.kind = kind
        self.target = target
        self.healthy = healthy
        self.text = text
        self.services = services
    }
}

extension EndpointHealth {
    /// How much more fails than before, 0 to 1.
    package var rise: Double { errorRatio - (errorRatioBefore ?? 0) }
}
