import MusterCore

extension Incident {
    /// Neither resolved nor closed.
    package var isOpen: Bool { resolved == nil && closed == nil }

    /// All alerts are resolved and no source left any out.
    package var isQuiet: Bool {
        !alerts.isEmpty && alerts.allSatisfy { $0.status == .resolved }
            && truncated.values.allSatisfy { $0 == 0 }
    }

    /// Plans that wait for a person.
    package var pending: [PlanRecord] {
        guard isOpen else { return [] }
        return plans.filter {
            $0.requested != nil && $0.isUndecided && $0.sealed.plan.step == currentStep
        }
    }

    /// Tickets whose end is not known yet.
    package var unsettled: [TicketRecord] { tickets.filter { !$0.isSettled } }

    /// Hosts on which a plan of it acts, or has acted with the end still open.
    package var held: Set<AgentID> {
        let underWay = plans.filter { plan in
            plan.mayRun && plan.aborted == nil && isOpen && steps[plan.sealed.plan.step]?.outcome == nil
        }
        return Set(underWay.flatMap { $0.sealed.plan.targets.map(\.id) } + unsettled.map(\.host.id))
    }

    /// Services that the incident's service needs, by name, and services that fail with it.
    package var related: Set<String> {
        guard let context else { return [] }
        var related: Set<String> = []
        for state in context.dependencies where service.isEmpty || state.services.contains(service) {
            related.insert(state.name)
        }
        for endpoint in context.endpoints where endpoint.rise > 0.01 { related.insert(endpoint.service) }
        return related
    }

    /// The step at which the runbook failed ended it.
    package var runbookFailed: Bool { steps.values.contains { $0.outcome == .failed } }

    /// The first step that has not ended; nil when there is no runbook, or when it is over.
    ///
    /// Once a step has failed only those follow that are always taken.
    package var currentStep: Int? {
        guard let match else { return nil }
        let failed = runbookFailed
        return match.runbook.steps.indices.first { index in
            steps[index]?.outcome == nil && (!failed || match.runbook.steps[index].isFinally == true)
        }
    }

    /// Hosts of a plan that failed which have not acted well, once all of them have come to an end; nil when it can't be
    /// tried again.
    package func retriable(_ plan: PlanRecord) -> [HostReference]? {
        let tickets = tickets.filter { $0.plan == plan.sealed.id }
        guard isOpen, plan.mayRun, plan.retried == nil, steps[plan.sealed.plan.step]?.outcome == .failed,
            tickets.allSatisfy(\.isSettled)
        else { return nil }
        let well = Set(tickets.filter(\.isWell).map(\.host.id))
        let hosts = plan.sealed.plan.targets.filter { !well.contains($0.id) }
        return hosts.isEmpty ? nil : hosts
    }

    /// Tickets of the plans of one step.
    package func tickets(ofStep step: Int) -> [TicketRecord] {
        tickets.filter { self[$0.plan]?.sealed.plan.step == step }
    }

    package var status: IncidentSummary.Status {
        if closed != nil { return .closed }
        if resolved != nil { return .resolved }
        if !pending.isEmpty { return .awaitingApproval }
        if !tickets.isEmpty, currentStep != nil { return .mitigating }
        return context == nil ? .open : .investigating
    }

    package var summary: IncidentSummary {
        IncidentSummary(
            id: id,
            title: title,
            service: service,
            severity: severity.isEmpty ? nil : severity,
            status: status,
            opened: opened,
            resolved: resolved,
            owner: owner,
            verdict: ranking?.verdict,
            cause: confirmedCause.isEmpty ? judgedCause ?? ranking?.hypotheses.first?.cause : confirmedCause,
            // What people found has none.
            probability: hasOwnCause ? nil : ranking?.hypotheses.first?.probability
        )
    }

    /// The kind that people found, where it is not the one that Muster said.
    private var judgedCause: String? {
        guard let kind = judgement?.kind, kind != ranking?.hypotheses.first?.kind else { return nil }
        return kind.rawValue
    }

    private var hasOwnCause: Bool { !confirmedCause.isEmpty || judgedCause != nil }

    /// Everything for people and programs; the events are those it was made of.
    package func detail(_ events: [StoredEvent]) -> IncidentDetail {
        IncidentDetail(
            summary: summary,
            timeline: events.map(TimelineEntry.init),
            alerts: alerts,
            context: context,
            findings: findings,
            ranking: ranking,
            inquiry: inquiry,
            recollection: recollection,
            runbook: match?.runbook.name,
            pendingPlans: pending.map(\.sealed),
            doubts: pending.flatMap(\.why),
            actions: tickets.map(\.action),
            rollouts: plans.map { progress(of: $0) },
            postMortemAvailable: postMortemVersion > 0
        )
    }

    /// How far a plan is.
    func progress(of plan: PlanRecord) -> PlanProgress {
        let rollout = rollout(of: plan)
        let tickets = rollout.tickets
        let bounds = plan.sealed.plan.spread.waves
        let (state, reason): (PlanProgress.State, String) =
            if let retried = plan.retried {
                (.stopped, retried)
            } else if case .rejected(let by, let why) = plan.decision {
                (.stopped, "rejected by \(by)\(why.isEmpty ? "" : ": \(why)")")
            } else if let stopped = rollout.stopped {
                (.stopped, stopped)
            } else if tickets.contains(where: \.isTakenBack) {
                (.stopped, "taken back")
            } else if let outcome = steps[plan.sealed.plan.step]?.outcome {
                outcome == .failed ? (.stopped, steps[plan.sealed.plan.step]?.text ?? "") : (.done, "")
            } else if !plan.mayRun {
                (.waiting, "")
            } else if rollout.isFrozen {
                (.paused, freezes.map(\.text).joined(separator: "; "))
            } else {
                (plan.isPaused ? .paused : .running, "")
            }
        return PlanProgress(
            plan: plan.sealed.id,
            summary: plan.sealed.plan.summary,
            state: state,
            reason: reason,
            hosts: plan.sealed.plan.targets.count,
            well: tickets.count { $0.isWell },
            underWay: tickets.count { !$0.isWell && !$0.isSettled },
            bad: tickets.count { $0.isBad },
            takenBack: tickets.count { $0.isTakenBack },
            unsettled: tickets.count { !$0.isSettled },
            wave: tickets.isEmpty ? 0 : 1 + (bounds.firstIndex { $0 >= tickets.count } ?? bounds.count - 1),
            waves: bounds.count,
            trials: plan.trials
        )
    }

    /// The ticket as it is sent: always the same bytes for the same id.
    package func ticket(_ id: TicketID) -> Ticket? {
        guard let record = self[id], let plan = self[record.plan] else { return nil }
        var approvals: [Approval] = []
        var preApproval: PreApproval?
        switch plan.decision {
        case .approved(let signatures): approvals = signatures
        case .present: preApproval = match?.preApproval
        case .open where plan.breakGlass != nil: break
        case .open, .rejected: return nil
        }
        return Ticket(
            id: id,
            plan: plan.sealed,
            agent: record.host.id,
            expires: record.expires,
            approvals: approvals,
            preApproval: preApproval,
            breakGlass: plan.breakGlass
        )
    }

    /// What keeps Muster from acting by itself on a plan; empty when a signature made beforehand covers it.
    package func reasonsToAsk(_ plan: PlanRecord, now: Timestamp) -> [String] {
        guard let match, match.runbook.steps.indices.contains(plan.sealed.plan.step),
            let mitigation = match.runbook.steps[plan.sealed.plan.step].mitigation
        else { return ["the plan belongs to no step of the runbook"] }
        if mitigation.requiresApproval { return ["the runbook asks for approval of this step"] }
        guard let signature = match.signature else { return ["nobody signed the runbook beforehand"] }
        var reasons = match.doubts + plan.doubts + freezes.filter { $0.isOn(at: now) }.map(\.text)
        if reasons.isEmpty, ranking?.verdict == .novel {
            reasons.append("nothing like this was seen before")
        }
        if signature.says.expires <= now {
            reasons.append("the signature of \(signature.signer) lapsed at \(signature.says.expires)")
        }
        if mitigation.rollback == nil, mitigation.irreversible == nil,
            signature.says.irreversible[plan.sealed.plan.step] == nil
        {
            reasons.append("the step can't be taken back and nobody declared that")
        }
        if match.runbook.confirmations(before: plan.sealed.plan.step).isEmpty {
            reasons.append(
                "neither this step nor a statement before it lets the host see by itself that it is needed"
            )
        }
        return reasons
    }
}

extension Incident.TicketRecord {
    /// The newest state; a ticket that nothing was heard of counts as prepared, a lost one as indeterminate.
    package var action: HostAction {
        var shown =
            report
            ?? ActionReport(ticket: id, plan: plan, state: .prepared, at: touched, reason: "no report yet")
        if lost {
            shown.state = .indeterminate
            shown.reason = "no final report came in time"
        }
        return HostAction(host: host, report: shown)
    }
}
