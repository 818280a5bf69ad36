import MusterCause
import MusterCore
import MusterIncident

/// What the hosts' checks of their dependencies show.
enum DependencyFindings {
    /// Share of connections in use from which a pool counts as nearly exhausted.
    static let poolFullFrom = 0.85

    /// Each check as one row for people.
    static func states(_ answers: [(host: HostReference, answer: Answer)]) -> [DependencyState] {
        checks(answers).map { host, check in
            DependencyState(
                host: host,
                name: check.name,
                kind: check.kind,
                target: check.target,
                healthy: check.healthy && trouble(check) == nil,
                text: text(check),
                services: check.services
            )
        }.sorted { ($0.name, $0.host) < ($1.name, $1.host) }
    }

    /// One finding for each dependency in trouble, over all hosts that see it so.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var groups: [Key: [(host: HostReference, check: DependencyCheck, effect: Double)]] = [:]
        for (host, check) in checks(answers) {
            guard let trouble = trouble(check, at: now) else { continue }
            let key = Key(name: check.name, target: check.target, kind: trouble.kind)
            groups[key, default: []].append((host, check, trouble.effect))
        }
        let all = checks(answers)
        return groups.sorted { $0.key.name < $1.key.name }.compactMap { key, seen in
            guard let worst = seen.max(by: { $0.effect < $1.effect }) else { return nil }
            let lookers = all.filter { $0.check.name == key.name && $0.check.target == key.target }.count
            return Finding(
                id: FindingID(at: now),
                kind: .dependency,
                text: "\(sentence(key, worst.check)) (seen by \(seen.count) of \(lookers) hosts that look)",
                hosts: seen.map(\.host).sorted(),
                service: worst.check.services.first ?? "",
                subject: "\(key.name) \(key.target)",
                onset: seen.compactMap(\.check.since).min(),
                effect: worst.effect,
                coverage: coverage,
                exemplars: Array(seen.prefix(5).map { "\($0.host.name): \(text($0.check))" }),
                suggests: key.kind
            )
        }
    }

    private struct Key: Hashable {
        let name: String
        let target: String
        let kind: CauseKind
    }

    private static func checks(
        _ answers: [(host: HostReference, answer: Answer)]
    ) -> [(host: HostReference, check: DependencyCheck)] {
        answers.flatMap { host, answer in
            guard case .dependencies(let dependencies) = answer else {
                return [(host: HostReference, check: DependencyCheck)]()
            }
            return dependencies.checks.map { (host, $0) }
        }
    }

    /// What is wrong with it and how much; nil when nothing is.
    private static func trouble(
        _ check: DependencyCheck,
        at now: Timestamp? = nil
    ) -> (kind: CauseKind, effect: Double)? {
        if !check.healthy, let kind = LogSignatures.kind(of: check.reason), kind != .dependencyDown {
            return (kind, 1)
        }
        if let used = check.values["connections_used_ratio"], used >= poolFullFrom {
            // 0.85 of the connections is worth a look, all of them is the end.
            return (.poolExhausted, min(1, 0.4 + 0.6 * (used - poolFullFrom) / (1 - poolFullFrom)))
        }
        if let now, let expires = check.certificateExpires, expires <= now { return (.certificate, 1) }
        return check.healthy ? nil : (.dependencyDown, 0.9)
    }

    private static func sentence(_ key: Key, _ check: DependencyCheck) -> String {
        switch key.kind {
        case .poolExhausted: "the connection pool of \(check.kind) \(key.name) is exhausted: \(text(check))"
        case .certificate: "the certificate of \(key.name) is no longer valid: \(text(check))"
        default: "\(check.kind) \(key.name) is in trouble: \(text(check))"
        }
    }

    /// What a check says, in a few words.
    private static func text(_ check: DependencyCheck) -> String {
        var parts: [String] = []
        if let used = check.values["connections_used_ratio"] {
            if let limit = check.values["max_connections"] {
                let count = check.values["connections_used"] ?? (used * limit)
                parts.append("\(count.text(decimals: 0)) of \(limit.text(decimals: 0)) connections used")
            }
            parts.append(used.percentText)
        }
        if !check.reason.isEmpty { parts.append(check.reason) }
        if check.healthy, parts.isEmpty {
            parts.append("answers in \(check.totalMilliseconds.text(decimals: 1)) ms")
        }
        return parts.isEmpty ? "does not answer" : parts.joined(separator: ", ")
    }
}
