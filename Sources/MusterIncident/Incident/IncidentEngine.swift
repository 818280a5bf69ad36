import MusterCore

/// Decides what happens next in one incident: events in, directives out.
///
/// The directives are a function of the events alone, so that a coordinator that died goes on from the stored
/// record: ``outstanding(now:)`` is then what it was before.
package struct IncidentEngine: Sendable {
    package private(set) var incident: Incident
    private let policy: IncidentPolicy

    package init(id: IncidentID, policy: IncidentPolicy = IncidentPolicy()) {
        self.incident = Incident(id: id)
        self.policy = policy
    }

    /// Takes in the next event and returns the directives that it calls for and that did not stand before.
    ///
    /// An event that is not the next one changes nothing.
    package mutating func handle(_ event: StoredEvent, now: Timestamp) -> [IncidentDirective] {
        let before = Set(outstanding(now: now))
        guard incident.apply(event) else { return [] }
        return outstanding(now: now).filter { !before.contains($0) }
    }

    /// All directives that stand.
    package func outstanding(now: Timestamp) -> [IncidentDirective] {
        guard !incident.title.isEmpty else { return [] }
        return tells + thaws(now: now) + settling(now: now) + (incident.isOpen ? next(now: now) : ending)
    }

    /// When time alone may bring a new directive; nil when only events can.
    package func wake(after now: Timestamp) -> Timestamp? {
        guard incident.isOpen || !incident.unsettled.isEmpty else { return nil }
        var moments = incident.unsettled.flatMap { [deadline(of: $0), $0.expires] }
        moments.append(incident.ranked + policy.roundPause)
        moments += incident.pending.map(\.sealed.plan.expires)
        if incident.isOpen { moments += incident.freezes.compactMap(\.until) }
        if incident.isQuiet { moments.append(incident.alerted + policy.quietFor) }
        for plan in incident.plans where plan.mayRun {
            if case .wait(let moment?) = incident.rollout(of: plan).next(now: now) { moments.append(moment) }
            moments.append(plan.sealed.plan.expires)
        }
        return moments.filter { $0 > now }.min()
    }

    // MARK: Parts

    /// Messages that are due.
    private var tells: [IncidentDirective] {
        var purposes: [NotificationPurpose] = []
        if incident.context != nil { purposes.append(.opened) }
        if incident.damped != nil { purposes.append(.damped) }
        if incident.searched { purposes.append(.ranked) }
        purposes += incident.pending.map { .approval(plan: $0.sealed.id) }
        if incident.escalated != nil { purposes.append(.escalated) }
        if incident.resolved != nil { purposes.append(.resolved) }
        if incident.postMortemVersion > 0 { purposes.append(.postMortem) }
        for ticket in incident.tickets where ticket.state == .rollbackFailed {
            purposes.append(.rollbackFailed(ticket: ticket.id))
        }
        for plan in incident.plans where plan.breakGlass != nil {
            purposes.append(.glassBroken(plan: plan.sealed.id))
        }
        return purposes.filter { !incident.told.contains($0) }.map { .tell($0) }
    }

    /// Freezes whose time is over.
    private func thaws(now: Timestamp) -> [IncidentDirective] {
        guard incident.isOpen else { return [] }
        return incident.freezes.filter { !$0.isOn(at: now) }.map {
            .record(.freezeEnded(service: $0.service, reason: "its time is over"))
        }
    }

    /// What open tickets need, whatever became of the incident meanwhile.
    private func settling(now: Timestamp) -> [IncidentDirective] {
        incident.unsettled.map { ticket in
            if now >= deadline(of: ticket) {
                let reason =
                    ticket.report == nil
                    ? "the ticket lapsed and \(ticket.host.name) never said what became of it"
                    : "\(ticket.host.name) has been silent since its action was \(ticket.state?.rawValue ?? "sent")"
                return .record(.actionLost(ticket: ticket.id, host: ticket.host, reason: reason))
            }
            guard let state = ticket.state else {
                // Too late to begin, but its host may have begun long ago: its ledger knows.
                return mayBegin(ticket, now: now) ? .deliver(ticket.id) : .follow(ticket.id)
            }
            if state == .prepared,
                let stopped = incident[ticket.plan].flatMap({ incident.rollout(of: $0).stopped })
            {
                // It waits for its turn on its host, and must not get it.
                guard ticket.keep == nil else { return .conclude(ticket.id, keep: false) }
                return .record(
                    .actionDecided(ticket: ticket.id, host: ticket.host, keep: false, reason: stopped)
                )
            }
            guard state == .done else { return .follow(ticket.id) }
            if let keep = ticket.keep { return .conclude(ticket.id, keep: keep) }
            // An incident that ended while an action waited: people said so, the change stays as they saw it.
            guard incident.isOpen else {
                return .record(
                    .actionDecided(
                        ticket: ticket.id,
                        host: ticket.host,
                        keep: true,
                        reason: "the incident ended with it in place"
                    )
                )
            }
            return .follow(ticket.id)
        }
    }

    /// A ticket that has not reached its host is not brought there any more once its rollout has stopped, nor while it is
    /// frozen.
    private func mayBegin(_ ticket: Incident.TicketRecord, now: Timestamp) -> Bool {
        guard incident.isOpen, now < ticket.expires, let plan = incident[ticket.plan] else { return false }
        let rollout = incident.rollout(of: plan)
        return rollout.stopped == nil && !rollout.isFrozen
    }

    private func deadline(of ticket: Incident.TicketRecord) -> Timestamp {
        switch ticket.state {
        case nil: ticket.expires + policy.silenceAfterExpiry
        case .done:
            // The host itself takes it back when nobody says anything; give it time to say that.
            ticket.touched + (incident[ticket.plan]?.sealed.plan.commitWithin ?? .zero)
                + policy.silenceWhileRunning
        default: ticket.touched + policy.silenceWhileRunning
        }
    }

    private var ending: [IncidentDirective] {
        guard incident.unsettled.isEmpty, incident.postMortemVersion == 0 else { return [] }
        return [incident.context != nil && incident.impact == nil ? .measureImpact : .draftPostMortem]
    }

    private func next(now: Timestamp) -> [IncidentDirective] {
        guard incident.context != nil else { return [.collectContext] }
        guard let ranking = incident.ranking else { return [.investigate(round: 1)] }
        if mayRecover, incident.isQuiet, incident.alerted + policy.quietFor <= now {
            let reason = "all alerts have been resolved for \(policy.quietFor.spoken)"
            return [.record(.resolved(reason: reason, by: "alerts"))]
        }
        guard incident.searched else {
            let unsettled = ranking.verdict == .unknown || ranking.verdict == .novel
            guard unsettled, incident.round < policy.roundsMax else { return [.matchRunbook] }
            // The second round asks others at once; later ones ask again, which needs time to be worth it.
            guard incident.round == 1 || incident.ranked + policy.roundPause <= now else { return [] }
            return [.investigate(round: incident.round + 1)]
        }
        guard incident.match != nil else { return escalation("no runbook applies; people are needed") }
        let calls = (incident.runbookFailed ? afterFailure : []) + ofNovelty
        guard let step = incident.currentStep else { return incident.runbookFailed ? calls : afterRunbook }
        return calls + run(step: step, now: now)
    }

    /// Nothing of ours is under way that a recovery could be mistaken for.
    private var mayRecover: Bool {
        guard incident.unsettled.isEmpty else { return false }
        guard let step = incident.currentStep else { return true }
        return incident.match?.runbook.steps[step].mitigation != nil && incident.tickets(ofStep: step).isEmpty
    }

    private func escalation(_ reason: String) -> [IncidentDirective] {
        guard incident.escalated == nil else { return [] }
        return [.record(.escalated(to: incident.owner?.escalation ?? [], reason: reason))]
    }

    /// A runbook may fit by its alert alone; what nobody has seen before needs a person all the same.
    private var ofNovelty: [IncidentDirective] {
        guard incident.ranking?.verdict == .novel, !incident.runbookFailed else { return [] }
        return escalation("nothing like this was seen before; people are needed")
    }

    private var afterFailure: [IncidentDirective] {
        let failed = incident.steps.filter { $0.value.outcome == .failed }.min { $0.key < $1.key }
        guard let failed, let match = incident.match else { return [] }
        // Whoever turned the plan down knows already.
        let turnedDown = incident.plans.contains { plan in
            if case .rejected = plan.decision { plan.sealed.plan.step == failed.key } else { false }
        }
        guard !turnedDown else { return [] }
        return escalation(
            "step \(failed.key + 1) of runbook \(match.runbook.name) failed: \(failed.value.text)"
        )
    }

    private var afterRunbook: [IncidentDirective] {
        let proofs = incident.steps.filter { $0.value.verified == true }
        guard let proof = proofs.max(by: { $0.key < $1.key }) else { return [] }
        return [.record(.resolved(reason: proof.value.text, by: "muster"))]
    }
}
