import MusterAnalysis
import MusterCore
import MusterIncident

/// Sets the sick hosts against the healthy ones.
enum HostTable {
    /// Least requests that a host can be called healthy by.
    static let requestsMin = 10

    /// Judges each host by its failed requests since the onset.
    ///
    /// A host is sick when it answers slowly, as `slow` tells, or when its share of failed requests is surely above what it was before, and not small beside
    /// that of the worst host. `replies` are those to the question for requests, `facts` what each host said of
    /// itself.
    static func rows(
        hosts: [FleetHost],
        requests: [HostRequests],
        replies: FleetReply?,
        facts: [AgentID: [String: String]],
        ratioBefore: Double,
        slow: [HostReference: String] = [:]
    ) -> [HostHealth] {
        let byHost = Dictionary(requests.map { ($0.host.id, $0) }, uniquingKeysWith: { first, _ in first })
        let outcomes = Dictionary(
            (replies?.replies ?? []).map { ($0.host.id, $0.outcome) },
            uniquingKeysWith: { first, _ in first }
        )
        let worst = requests.map { ratio($0) }.max() ?? 0
        return hosts.map { host in
            var row = HostHealth(
                host: host.reference,
                state: .unseen,
                requests: 0,
                errors: 0,
                traits: Scope.traits(of: host, facts: facts[host.id] ?? [:]),
                reason: ""
            )
            guard let outcome = outcomes[host.id], outcome.kind.hasAnswer else {
                let outcome = outcomes[host.id]
                row.reason = outcome.map { $0.reason.isEmpty ? $0.kind.rawValue : $0.reason } ?? "not asked"
                return row
            }
            guard let seen = byHost[host.id], seen.count > 0 else {
                row.reason = "no requests to judge by"
                return row
            }
            (row.requests, row.errors) = (seen.count, seen.errors)
            let low = WilsonInterval(successes: seen.errors, trials: seen.count).low
            if seen.errors >= 3, low > ratioBefore + 0.005, ratio(seen) > worst / 4 {
                row.state = .sick
                row.reason = "\(ratio(seen).percentText) of its requests fail"
            } else if let reason = slow[host.reference] {
                row.state = .sick
                row.reason = reason
            } else if seen.count >= requestsMin {
                row.state = .healthy
            } else {
                row.reason = "only \(seen.count) requests to judge by"
            }
            return row
        }.sorted { $0.host < $1.host }
    }

    private static func ratio(_ row: HostRequests) -> Double {
        row.count == 0 ? 0 : Double(row.errors) / Double(row.count)
    }
}
