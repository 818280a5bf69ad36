import MusterCause
import MusterCore
import MusterIncident

/// What the hosts' checks of their dependencies show.
enum DependencyFindings {
    /// Each check as one row for people.
    static func states(_ answers: [(host: HostReference, answer: Answer)]) -> [DependencyState] {
        checks(answers).map { host, check in
            DependencyState(
                host: host,
                name: check.name,
                kind: check.kind,
                target: check.target,
                healthy: check.healthy && DependencyTrouble(check, at: nil) == nil,
                text: text(check),
                services: check.services
            )
        }.sorted { ($0.name, $0.host) < ($1.name, $1.host) }
    }

    /// One finding for each dependency in trouble, over all hosts that see it so.
    ///
    /// `far` is what is known of the hosts at the other end, `databases` what those in trouble say of their statements, and
    /// `losses` which share of their segments hosts send again, as far as they measured it.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        far: FarEnds = FarEnds(),
        databases: [String: DatabaseActivity] = [:],
        losses: [HostReference: Double] = [:],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        let dependencies = Dictionary(grouping: checks(answers)) { Key($0.check) }
        var views: [DependencyView] = []
        for (key, seen) in dependencies.sorted(by: {
            ($0.key.name, $0.key.target) < ($1.key.name, $1.key.target)
        }) {
            guard
                let view = DependencyView(
                    of: key.name,
                    key.target,
                    seen,
                    far: far,
                    losses: losses,
                    at: now
                )
            else { continue }
            // What several dependencies suffer in the same place is one trouble, and so is what all copies suffer.
            let same = views.firstIndex { $0.sameTrouble(as: view) }
            if let same { views[same].add(view) } else { views.append(view) }
        }
        return views.sorted { $0.subject < $1.subject }.map { view in
            Finding(
                id: FindingID(at: now),
                kind: .dependency,
                text: sentence(view, databases[view.worst.name]),
                hosts: Set(view.seen.map(\.host)).sorted(),
                service: view.worst.services.first ?? "",
                subject: view.subject,
                onset: view.seen.compactMap(\.check.since).min(),
                effect: view.trouble.effect,
                coverage: coverage,
                exemplars: Array(
                    view.seen.prefix(5).map { "\($0.host.name): \($0.check.name) \(text($0.check))" }
                ),
                suggests: view.trouble.kind,
                place: view.place
            )
        }
    }

    /// Hosts to ask for their sockets: they bear the addresses to which no connection comes about.
    static func farEnds(of answers: [(host: HostReference, answer: Answer)], in far: FarEnds) -> [FleetHost] {
        var found: [FleetHost] = []
        for (_, check) in checks(answers) {
            let trouble = DependencyTrouble(check, at: nil)
            let path = PathModel.View(check, trouble, resent: nil)
            guard
                trouble?.isOfPath == true || trouble?.kind == .dependencyDown
                    || path.bad >= DependencyView.badMin,
                let host = far.host(of: check.target), !found.contains(where: { $0.id == host.id })
            else { continue }
            found.append(host)
        }
        return Array(found.prefix(16))
    }

    /// Databases whose statements are worth a look, with a host that can look.
    static func databases(
        of answers: [(host: HostReference, answer: Answer)]
    ) -> [(name: String, host: HostReference)] {
        var found: [(name: String, host: HostReference)] = []
        for (host, check) in checks(answers) where check.kind == "postgres" {
            guard let trouble = DependencyTrouble(check, at: nil), check.healthy,
                [.lockWait, .slowQuery].contains(trouble.kind),
                !found.contains(where: { $0.name == check.name })
            else { continue }
            found.append((check.name, host))
        }
        return Array(found.prefix(4))
    }

    // MARK: One dependency

    private struct Key: Hashable {
        let name: String
        let target: String

        init(_ check: DependencyCheck) { (name, target) = (check.name, check.target) }
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

    // MARK: Words

    private static func sentence(_ view: DependencyView, _ database: DatabaseActivity?) -> String {
        let check = view.worst
        let name = "\(check.kind) \(check.name)"
        let from = HostReference.list(Set(view.seen.map(\.host)).sorted())
        var text =
            switch view.trouble.kind {
            case .poolExhausted: "the connection pool of \(name) is exhausted: \(Self.text(check))"
            case .lockWait: "statements wait for a lock in \(name): \(database?.lock ?? Self.text(check))"
            case .slowQuery: "statements of \(name) take long: \(load(check, database))"
            case .certificate: "the certificate of \(name) is no longer valid: \(Self.text(check))"
            case .dns: "name resolution fails on \(from): \(Self.text(check))"
            case .dependencyHung:
                "\(name) accepts connections and does not answer: \(Self.text(check))"
            case .dependencyDown: "\(name) is down: \(Self.text(check))"
            case .network: "the network between \(from) and \(name) fails: \(Self.text(check))"
            case .networkDelay: "the network between \(from) and \(name) is slow: \(Self.text(check))"
            case .networkLoss where view.isPast: "packets between \(from) and \(name) get lost"
            case .networkLoss: "packets between \(from) and \(name) get lost: \(Self.text(check))"
            case .defect: "\(name) is in trouble itself: \(Self.text(check))"
            default: "\(name) is in trouble: \(Self.text(check))"
            }
        if !view.remark.isEmpty { text += "; \(view.remark)" }
        let others = Set(view.seen.map(\.check.name)).subtracting([check.name])
        if !others.isEmpty { text += "; the same of \(others.sorted().joined(separator: ", "))" }
        let seers = Set(view.seen.map(\.host)).count
        return "\(text) (seen by \(seers) of \(max(seers, view.lookers)) hosts that look)"
    }

    /// What is at work, and how much that is beside the usual.
    private static func load(_ check: DependencyCheck, _ database: DatabaseActivity?) -> String {
        [database?.load, Self.text(check)].compactMap(\.self).joined(separator: "; ")
    }

    /// What a check says, in a few words.
    private static func text(_ check: DependencyCheck) -> String {
        var parts: [String] = []
        func value(_ name: String) -> Double { check.values[name] ?? 0 }
        switch DependencyTrouble(check, at: nil)?.kind {
        case .lockWait?:
            parts.append(
                "\(Int(value("lock_waiting"))) statements wait, the longest for "
                    + "\(Duration.seconds(value("lock_wait_seconds").rounded()).spoken)"
            )
            if value("lock_held_seconds") > 0 {
                parts.append(
                    "the transaction that holds it is open for "
                        + Duration.seconds(value("lock_held_seconds").rounded()).spoken
                )
            }
        case .slowQuery?:
            parts.append(
                "\(Int(value("active") - value("lock_waiting"))) statements at work at once, usually "
                    + "\(value("usual_active").text(decimals: 1)); the longest for "
                    + Duration.milliseconds((value("statement_seconds") * 1000).rounded()).spoken
            )
            if let rows = check.values["rows_read_per_second"],
                let usual = check.values["usual_rows_read_per_second"]
            {
                parts.append(
                    "\(rows.text(decimals: 0)) rows read each second, usually \(usual.text(decimals: 0))"
                )
            }
        case .networkDelay? where check.healthy:
            parts.append(
                "a connection takes \((check.connectMilliseconds ?? 0).text(decimals: 0)) ms, usually "
                    + "\(value("usual_connect_milliseconds").text(decimals: 1)) ms"
            )
        case .defect? where check.healthy:
            parts.append(
                "it answers after \(check.totalMilliseconds.text(decimals: 0)) ms, usually "
                    + "\(value("usual_total_milliseconds").text(decimals: 1)) ms"
            )
        default: break
        }
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
