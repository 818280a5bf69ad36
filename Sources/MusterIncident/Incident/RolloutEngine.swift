import MusterCore

/// Decides which hosts of a plan act next: wave by wave, a bounded number at once, within a budget of failures.
///
/// A function of what is in the record; it keeps nothing. Hosts that failed, ended indeterminate or never told an end
/// count alike.
struct RolloutEngine {
    enum Step: Hashable {
        /// These may begin; those of them that have not yet will be named again.
        case begin([HostReference])
        /// Nothing before something is heard, or before the moment.
        case wait(until: Timestamp?)
        /// Look whether the stop condition holds before the wave of this number, counted from 0.
        case look(wave: Int)
        /// Nothing begins any more.
        case stop(reason: String)
        /// Every host has acted, and within the budget.
        case finished
    }

    let record: Incident.PlanRecord
    /// Those of the plan.
    let tickets: [Incident.TicketRecord]
    /// Whether a freeze keeps it from going on; what people approved goes on.
    var isFrozen = false

    private var plan: Plan { record.sealed.plan }

    /// Why nothing may begin any more; nil while the rollout goes on.
    var stopped: String? {
        if let known = record.aborted ?? record.stopped { return known }
        let bad = tickets.filter(\.isBad)
        if bad.count > plan.spread.errorBudget, let first = bad.first {
            return bad.count == 1 ? first.trouble : "\(bad.count) hosts; first \(first.trouble)"
        }
        return record.looks.values.first { $0.stops }?.text
    }

    func next(now: Timestamp) -> Step {
        if let stopped { return .stop(reason: stopped) }
        let rollout = plan.spread
        let begun = Set(tickets.map(\.host.id))
        let open = tickets.filter { !$0.isWell && !$0.isSettled }
        guard let wave = rollout.waves.firstIndex(where: { $0 > begun.count }) else {
            return open.isEmpty ? .finished : .wait(until: nil)
        }
        if plan.expires <= now {
            guard open.isEmpty else { return .wait(until: nil) }
            return .stop(reason: "plan \(record.sealed.id.short) lapsed before all hosts had acted")
        }
        guard !record.isPaused, !isFrozen else { return .wait(until: nil) }
        let first = wave == 0 ? 0 : rollout.waves[wave - 1]
        if wave > 0, begun.count == first {
            guard open.isEmpty else { return .wait(until: nil) }
            let calm = (tickets.map(\.touched).max() ?? now) + rollout.soak
            guard now >= calm else { return .wait(until: calm) }
            if !rollout.stopWhen.isEmpty, record.looks[wave] == nil { return .look(wave: wave) }
        }
        let room = rollout.atOnce - open.count
        guard room > 0 else { return .wait(until: nil) }
        let reached = plan.targets.prefix(rollout.waves[wave])
        return .begin(Array(reached.filter { !begun.contains($0.id) }.prefix(room)))
    }
}

extension Incident.TicketRecord {
    /// It ended, and not well; or nobody knows how it ended.
    ///
    /// What was taken back because somebody decided so is no trouble of its own.
    var isBad: Bool { isSettled && !isWell && !isTakenBack }

    /// It was taken back because that was decided.
    var isTakenBack: Bool { !lost && keep == false && state == .rolledBack }

    /// `action on web-3: failed (…)`.
    var trouble: String {
        let state = lost ? "indeterminate" : self.state?.rawValue ?? "unknown"
        let reason = report?.reason ?? ""
        return "action on \(host.name): \(state)\(reason.isEmpty ? "" : " (\(reason))")"
    }
}

extension Incident {
    /// How far a plan's rollout is.
    func rollout(of plan: PlanRecord) -> RolloutEngine {
        RolloutEngine(
            record: plan,
            tickets: tickets.filter { $0.plan == plan.sealed.id },
            isFrozen: plan.decision == .present && !freezes.isEmpty
        )
    }

    /// A host on which something went wrong that the budget of its plan does not cover.
    var beyondBudget: TicketRecord? {
        for plan in plans where plan.retried == nil {
            let bad = tickets.filter { $0.plan == plan.sealed.id && $0.isBad }
            if bad.count > plan.sealed.plan.spread.errorBudget { return bad.first }
        }
        return nil
    }
}
