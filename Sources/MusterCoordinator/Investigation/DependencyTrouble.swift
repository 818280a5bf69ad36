import MusterCause
import MusterCore

/// What is wrong with a dependency, judged from one check of it.
///
/// Agents tell how far a check came, in phases and in words that are their own or the system's; what that speaks of is
/// decided here.
struct DependencyTrouble {
    var kind: CauseKind
    /// 0 to 1.
    var effect: Double
    /// No connection came about and nobody said why: the far end may be gone, deaf, or behind a packet filter.
    var isSilent = false
    /// It answers, later than usual.
    var isSlow = false

    /// Whether it may as well be the way to the far end that is in trouble: ``PathModel`` tells.
    var isOfPath: Bool { isSilent || isSlow || kind == .dependencyHung }

    /// Share of connections in use from which a pool counts as nearly exhausted.
    static let poolFullFrom = 0.85
    /// Seconds from which a wait for a lock, or a transaction that holds one and does nothing, is no ordinary one.
    private static let lockSecondsMin = 3.0
    /// What is so many times the usual is much, when it is also above what noise does.
    private static let slowFactor = 3.0
    private static let activeMin = 3.0
    private static let rowsFactor = 10.0
    private static let rowsMin = 100_000.0

    init(_ kind: CauseKind, _ effect: Double, isSilent: Bool = false, isSlow: Bool = false) {
        self.kind = kind
        self.effect = effect
        self.isSilent = isSilent
        self.isSlow = isSlow
    }

    /// Nil when nothing is wrong.
    init?(_ check: DependencyCheck, at now: Timestamp?) {
        if let now, let expires = check.certificateExpires, expires <= now {
            self.init(.certificate, 1)
        } else if check.healthy || Self.hasNoSlot(check) {
            guard let found = Self.trouble(ofHealthy: check) else { return nil }
            self = found
        } else {
            self = Self.trouble(ofFailed: check)
        }
    }

    /// Full to the last slot for clients, which the agent calls unhealthy although the server answers.
    private static func hasNoSlot(_ check: DependencyCheck) -> Bool {
        (check.values["connections_used_ratio"] ?? 0) >= poolFullFrom
    }

    // MARK: What answers

    private static func trouble(ofHealthy check: DependencyCheck) -> DependencyTrouble? {
        if let locked = lockWait(check) { return locked }
        if let used = check.values["connections_used_ratio"], used >= poolFullFrom {
            // 0.85 of the connections is worth a look, all of them is the end.
            return DependencyTrouble(
                .poolExhausted,
                min(1, 0.4 + 0.6 * (used - poolFullFrom) / (1 - poolFullFrom))
            )
        }
        return slowQuery(check) ?? slow(check)
    }

    /// Statements wait for a lock that somebody keeps.
    private static func lockWait(_ check: DependencyCheck) -> DependencyTrouble? {
        let waiting = check.values["lock_waiting"] ?? 0
        guard waiting >= 1 else { return nil }
        let kept = max(
            check.values["lock_wait_seconds"] ?? 0,
            check.values["lock_held_seconds"] ?? 0
        )
        guard kept >= lockSecondsMin else { return nil }
        // Clients that wait fill the slots as well; the lock is then what is behind it.
        let used = check.values["connections_used"] ?? 0
        guard !hasNoSlot(check) || waiting >= used / 4 else { return nil }
        return DependencyTrouble(.lockWait, min(1, 0.75 + 0.05 * waiting))
    }

    /// Far more statements than usual are at work at the same moment, or one for far longer, or they read far more rows.
    private static func slowQuery(_ check: DependencyCheck) -> DependencyTrouble? {
        let working = (check.values["active"] ?? 0) - (check.values["lock_waiting"] ?? 0)
        let isBusy = check.values["usual_active"].map { working > slowFactor * $0 + activeMin } ?? false
        let isLong =
            check.values["usual_statement_seconds"].map {
                (check.values["statement_seconds"] ?? 0) > slowFactor * $0 + 1
            } ?? false
        // Many at work may also be a host that is short of CPU; reading more is the statements' own doing.
        let readsMore =
            check.values["usual_rows_read_per_second"].map {
                (check.values["rows_read_per_second"] ?? 0) > rowsFactor * $0 + rowsMin
            } ?? false
        switch (isBusy || isLong, readsMore) {
        case (true, true): return DependencyTrouble(.slowQuery, 1)
        case (false, true): return DependencyTrouble(.slowQuery, 0.75)
        case (true, false): return DependencyTrouble(.slowQuery, isBusy ? 0.65 : 0.55)
        case (false, false): return nil
        }
    }

    /// It answers, but far later than usual.
    private static func slow(_ check: DependencyCheck) -> DependencyTrouble? {
        /// How many times the usual it takes, when that is more than noise.
        func times(_ value: Double?, _ name: String) -> Double? {
            check.excess(value, name).map { 1 + $0 / max(check.values["usual_\(name)"] ?? 1, 1) }
        }
        if let times = times(check.connectMilliseconds, "connect_milliseconds") {
            return DependencyTrouble(.networkDelay, min(0.95, 0.6 + 0.02 * times), isSlow: true)
        }
        if let times = times(check.totalMilliseconds, "total_milliseconds") {
            return DependencyTrouble(.defect, min(0.6, 0.4 + 0.01 * times), isSlow: true)
        }
        return nil
    }

    // MARK: What does not

    /// Words of agents and of the systems they run on, and what they speak of.
    private static let words: [(text: String, trouble: DependencyTrouble)] = [
        ("cannot look up", .init(.dns, 1)), ("has no address", .init(.dns, 1)),
        ("was not resolved", .init(.dns, 1)), ("name resolution", .init(.dns, 1)),
        ("name or service not known", .init(.dns, 1)),
        ("its certificate", .init(.certificate, 1)), ("certificate", .init(.certificate, 0.9)),
        ("refused", .init(.dependencyDown, 0.95)),
        ("reset by peer", .init(.network, 0.95)), ("broken pipe", .init(.network, 0.8)),
        ("no route to host", .init(.network, 0.9, isSilent: true)),
        ("unreachable", .init(.network, 0.9)),
        ("no connection within", .init(.network, 0.8, isSilent: true)),
        ("accepted the connection and did not", .init(.dependencyHung, 1)),
        ("did not finish the statement", .init(.dependencyHung, 0.9)),
    ]

    private static func trouble(ofFailed check: DependencyCheck) -> DependencyTrouble {
        let reason = check.reason.lowercased()
        if let kind = LogSignatures.kind(of: reason), kind == .poolExhausted { return .init(kind, 1) }
        if let known = words.first(where: { reason.contains($0.text) }) { return known.trouble }
        if let kind = LogSignatures.kind(of: reason), kind != .dependencyDown { return .init(kind, 1) }
        if check.status >= 500 {
            // What stands in front says so of what stands behind; everything else has a fault of its own.
            return (502...504).contains(check.status) ? .init(.dependencyDown, 0.8) : .init(.defect, 0.8)
        }
        if check.status > 0 { return .init(.badConfig, 0.6) }
        if reason.contains("no answer within") {
            // A port that takes no connection, when nothing but the connection was asked of it.
            if check.kind == "tcp" { return .init(.network, 0.8, isSilent: true) }
            return .init(.dependencyHung, reason.contains("it answered") ? 0.5 : 0.8)
        }
        return .init(.dependencyDown, 0.9)
    }
}
