import MusterCause
import MusterCore

/// A shop on three hosts of which web-2 is sick, and what may be found there.
struct RankingSamples {
    static let onset = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
    /// Everybody was asked and answered.
    static let everybody = Coverage(asked: 10, outcomes: ["ok": 10])

    /// What the name of a host or service becomes.
    var named: @Sendable (String) -> String = { $0 }

    static func id(_ number: UInt64) -> FindingID {
        FindingID(uuid: UUIDv7(at: onset, random: (0, number)))
    }

    func host(_ name: String) -> HostReference { HostReference(id: .zero, name: named(name)) }

    func health(_ name: String, _ state: HostHealth.State) -> HostHealth {
        HostHealth(host: host(name), state: state, requests: 100, errors: 0, traits: [:], reason: "")
    }

    var hosts: [HostHealth] {
        [health("web-1", .healthy), health("web-2", .sick), health("web-3", .healthy)]
    }

    /// Checkouts fail on the sick host.
    func symptom(_ number: UInt64) -> Finding {
        finding(number, .errorRate, effect: 0.8, on: ["web-2"], about: "GET /api/checkout")
    }

    /// A change so long before the onset; after it when the span is negative.
    func change(
        _ number: UInt64,
        _ kind: Change.Kind = .deploy,
        before span: Duration,
        on hosts: [String],
        of service: String = "shop",
        to version: String = "4521"
    ) -> Finding {
        let change = Change(
            kind: kind,
            at: Self.onset - span,
            service: named(service),
            hosts: hosts.map(named),
            summary: "a new release",
            actor: "sarah",
            before: "4520",
            after: version,
            reference: version
        )
        var found = finding(number, .change, effect: 1, on: hosts, about: version)
        found.service = change.service
        found.onset = change.at
        found.change = change
        return found
    }

    /// The database that the shop needs has no connection left.
    func pool(_ number: UInt64) -> Finding {
        var found = finding(number, .dependency, effect: 1, on: ["web-1", "web-2"], about: "orders")
        found.text = "the connection pool of postgres orders is exhausted"
        found.onset = Self.onset - .seconds(30)
        found.suggests = .poolExhausted
        return found
    }

    func finding(
        _ number: UInt64,
        _ kind: Finding.Kind,
        effect: Double,
        on hosts: [String],
        about subject: String
    ) -> Finding {
        Finding(
            id: Self.id(number),
            kind: kind,
            text: "a finding",
            hosts: hosts.map(host),
            service: named("shop"),
            subject: subject,
            onset: Self.onset,
            effect: effect,
            coverage: Self.everybody
        )
    }

    func input(
        _ findings: [Finding],
        coverage: Coverage = RankingSamples.everybody,
        knows causes: Set<CauseKind> = []
    ) -> RankingInput {
        RankingInput(
            findings: findings,
            onset: Self.onset,
            service: named("shop"),
            related: [],
            hosts: hosts,
            coverage: coverage,
            unseen: [],
            knowledge: RankingInput.Knowledge(alertIsKnown: false, causes: causes)
        )
    }
}
