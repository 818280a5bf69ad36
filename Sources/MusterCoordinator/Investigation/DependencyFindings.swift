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
    /// `losses` are the hosts that send a share of their segments again.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        far: FarEnds = FarEnds(),
        databases: [String: DatabaseActivity] = [:],
        losses: [HostReference: Double] = [:],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        let dependencies = Dictionary(grouping: checks(answers)) { Key($0.check) }
        var views: [View] = []
        for (key, seen) in dependencies.sorted(by: {
            ($0.key.name, $0.key.target) < ($1.key.name, $1.key.target)
        }) {
            guard var view = view(key, seen, far: far, at: now) else { continue }
            view.explain(by: losses, to: seen.map(\.host))
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
            guard let trouble = DependencyTrouble(check, at: nil),
                [.network, .dependencyDown, .dependencyHung].contains(trouble.kind),
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

    /// A dependency as the hosts that are in trouble with it see it.
    private struct View {
        var trouble: DependencyTrouble
        var subject: String
        var seen: [(host: HostReference, check: DependencyCheck)]
        /// Hosts that look at it.
        var lookers: Int
        /// Where the trouble is.
        var place: [HostReference]
        var worst: DependencyCheck
        /// Where the far end is, as far as that is known; else where it was seen.
        var end: [HostReference]
        /// Some who look see another trouble.
        var isMixed: Bool
        /// What was found out at the far end; empty when nothing was.
        var remark = ""

        /// Name resolution and networks serve all dependencies of a host.
        var isShared: Bool { [.dns, .network, .networkDelay, .networkLoss].contains(trouble.kind) }

        /// Copies of one service are asked by the same hosts, in the same way and at the same port.
        var copies: String {
            let port = FarEnds.place(worst.target).map { "\($0.port)" } ?? worst.target
            let hosts = Set(seen.map(\.host)).sorted().map(\.name).joined(separator: " ")
            return "\(worst.kind) \(port) \(hosts)"
        }

        func sameTrouble(as other: View) -> Bool {
            guard trouble.kind == other.trouble.kind else { return false }
            return (isShared && place == other.place) || copies == other.copies
        }

        /// Late and missing connections are what lost packets look like from above.
        ///
        /// A wall that lets nothing through makes its share of segments that are sent again too, but a small one.
        /// When those who look see different troubles at the same moment it is none.
        mutating func explain(by losses: [HostReference: Double], to lookers: [HostReference]) {
            let share = lookers.compactMap { losses[$0] }.max() ?? 0
            let fits =
                switch trouble.kind {
                case .networkDelay: share > 0
                // Where connections wait to be accepted it is the server that is deaf.
                case .dependencyHung: share > 0 && remark.isEmpty
                default: trouble.isSilent && share >= (isMixed ? 0.02 : 0.1)
                }
            guard fits else { return }
            trouble = DependencyTrouble(.networkLoss, min(1, 0.9 + share))
            place = end
            remark = "\(share.percentText) of the TCP segments are sent again"
        }

        mutating func add(_ other: View) {
            if other.subject < subject { (subject, worst) = (other.subject, other.worst) }
            seen += other.seen
            place = Set(place + other.place).sorted()
            lookers = max(lookers, other.lookers)
            trouble.effect = min(1, max(trouble.effect, other.trouble.effect) + 0.05)
        }
    }

    private static func view(
        _ key: Key,
        _ all: [(host: HostReference, check: DependencyCheck)],
        far: FarEnds,
        at now: Timestamp
    ) -> View? {
        var kinds: [CauseKind: [(host: HostReference, check: DependencyCheck, trouble: DependencyTrouble)]] =
            [:]
        for (host, check) in all {
            guard let trouble = DependencyTrouble(check, at: now) else { continue }
            kinds[trouble.kind, default: []].append((host, check, trouble))
        }
        let ranked = kinds.values.sorted {
            let (left, right) = ($0.map(\.trouble.effect).max() ?? 0, $1.map(\.trouble.effect).max() ?? 0)
            return ($1.count, right, $1[0].trouble.kind.rawValue) < (
                $0.count, left, $0[0].trouble.kind.rawValue
            )
        }
        guard let seen = ranked.first, let worst = seen.max(by: { $0.trouble.effect < $1.trouble.effect })
        else { return nil }
        let hosts = seen.map(\.host).sorted()
        let end = far.host(of: key.target)
        var view = View(
            trouble: worst.trouble,
            subject: "\(key.name) \(key.target)",
            seen: seen.map { ($0.host, $0.check) },
            lookers: all.count,
            place: end.map { [$0.reference] } ?? hosts,
            worst: worst.check,
            end: end.map { [$0.reference] } ?? hosts,
            isMixed: kinds.count > 1
        )
        switch view.trouble.kind {
        case .dns: view.place = hosts
        case .dependencyDown, .dependencyHung, .network: judge(&view, end, far.port(of: key.target), hosts)
        default: break
        }
        // What only some of those who look suffer is on their side, or on the way.
        let wells = all.count { DependencyTrouble($0.check, at: now) == nil }
        if wells > 0, [.network, .networkDelay].contains(view.trouble.kind) { view.place = hosts }
        return view
    }

    /// Sets what the lookers see beside what the far end says of itself.
    private static func judge(
        _ view: inout View,
        _ end: FleetHost?,
        _ port: FarEnds.Port?,
        _ hosts: [HostReference]
    ) {
        let isRefused = view.trouble.kind == .dependencyDown && view.worst.status == 0
        let others = view.lookers - view.seen.count
        switch port {
        case .open(let waiting)
        where waiting > 0 && (view.trouble.isSilent || view.trouble.kind == .dependencyHung):
            view.trouble = DependencyTrouble(.dependencyHung, 1)
            view.remark = "\(waiting) connections wait there to be accepted"
        case .open where isRefused:
            view.trouble = DependencyTrouble(.network, 1)
            view.remark = "it listens there: something on the way refuses the connections"
        case .open where view.trouble.isSilent:
            view.trouble.effect = 1
            view.remark = "it listens there and nothing arrives"
        case .closed where isRefused:
            view.trouble.effect = 1
            view.remark = "nothing listens there"
        case .closed where view.trouble.isSilent:
            view.trouble = DependencyTrouble(.dependencyDown, 0.95)
            view.remark = "nothing listens there"
        case nil where isRefused && others > 0:
            // A server that is down is so for everybody.
            view.trouble = DependencyTrouble(.network, 0.85)
            view.remark = "\(others) other \(others == 1 ? "host reaches" : "hosts reach") it"
        case nil where view.trouble.isSilent && others == 0 && end?.state == .disconnected:
            view.trouble = DependencyTrouble(.dependencyDown, 0.95)
            view.remark = "its host \(end?.name ?? "") is gone as well"
        default: break
        }
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

    private static func sentence(_ view: View, _ database: DatabaseActivity?) -> String {
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
