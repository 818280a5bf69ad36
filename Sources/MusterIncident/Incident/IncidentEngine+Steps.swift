import MusterCore

extension IncidentEngine {
    /// What the current step of the runbook calls for.
    func run(step: Int, now: Timestamp) -> [IncidentDirective] {
        guard let match = incident.match else { return [] }
        let action = match.runbook.steps[step].action
        guard incident.steps[step] != nil else {
            return [.record(.stepStarted(step: step, text: action.title))]
        }
        switch action {
        case .verifyHypothesis: return [.check(step: step)]
        case .mitigate(let mitigation): return mitigate(step, mitigation, now: now)
        case .verifyResolution: return resolve(step)
        case .notify: return notify(step)
        }
    }

    // MARK: Mitigation

    private func mitigate(
        _ step: Int,
        _ mitigation: RunbookMitigation,
        now: Timestamp
    ) -> [IncidentDirective] {
        guard let plan = incident.plans.last(where: { $0.sealed.plan.step == step && $0.retried == nil })
        else {
            return [.propose(step: step)]
        }
        if case .rejected(let by, let reason) = plan.decision {
            return end(step, .failed, "rejected by \(by)\(reason.isEmpty ? "" : ": \(reason)")")
        }
        guard plan.mayRun else { return decide(plan, step: step, now: now) }
        return act(plan, step: step, now: now)
    }

    private func decide(_ plan: Incident.PlanRecord, step: Int, now: Timestamp) -> [IncidentDirective] {
        if plan.sealed.plan.expires <= now {
            return end(step, .failed, "plan \(plan.sealed.id.short) lapsed before anybody approved it")
        }
        guard plan.requested == nil else { return [] }
        let why = incident.reasonsToAsk(plan, now: now)
        if why.isEmpty, let signer = incident.match?.signature?.signer {
            return [.record(.approvalPresent(plan: plan.sealed.id, signer: signer))]
        }
        return [.record(.approvalRequested(plan: plan.sealed.id, why: why))]
    }

    /// Wave by wave; once the rollout stops, what can be taken back is.
    private func act(_ plan: Incident.PlanRecord, step: Int, now: Timestamp) -> [IncidentDirective] {
        let rollout = incident.rollout(of: plan)
        switch rollout.next(now: now) {
        case .begin(let hosts): return hosts.map { .issueTicket(plan: plan.sealed.id, host: $0) }
        case .wait: return []
        case .look(let wave): return [.look(plan: plan.sealed.id, wave: wave)]
        case .stop(let reason):
            // What is done on some of the hosts only is done by halves: it is taken back where that can be.
            let open = rollout.tickets.filter { !$0.isSettled }
            guard open.isEmpty else {
                // What is under way may still turn out well, and a lost host come back: it stays stopped.
                if plan.stopped == nil, plan.aborted == nil {
                    return [.record(.rolloutStopped(plan: plan.sealed.id, reason: reason))]
                }
                return decide(open.filter { $0.state == .done }, keep: false, reason)
            }
            return end(step, .failed, reason)
        case .finished: return finish(rollout.tickets, step: step)
        }
    }

    private func finish(_ tickets: [Incident.TicketRecord], step: Int) -> [IncidentDirective] {
        // Without a verification step nobody will decide later.
        let verifies = incident.match?.runbook.steps.dropFirst(step + 1).contains(where: \.verifies) ?? false
        let undecided = verifies ? [] : tickets.filter { $0.state == .done && !$0.isSettled }
        guard undecided.isEmpty else {
            return decide(
                undecided,
                keep: true,
                "its host says that it went well; the runbook verifies no more"
            )
        }
        let count = tickets.reduce(0) { $0 + ($1.report?.count ?? 0) }
        let (bad, well) = (tickets.filter(\.isBad), tickets.filter { !$0.isBad })
        let troubles = bad.prefix(10).map(\.trouble).joined(separator: "; ")
        let budget = bad.isEmpty ? "" : "; within the budget: \(troubles)"
        return end(
            step,
            .passed,
            "done on \(HostReference.list(well.map(\.host)))\(budget)",
            ["count": Double(count)]
        )
    }

    /// Stores the decision for those that have none yet; what is decided is carried out elsewhere.
    private func decide(
        _ tickets: [Incident.TicketRecord],
        keep: Bool,
        _ reason: String
    ) -> [IncidentDirective] {
        tickets.filter { $0.keep == nil }.map {
            .record(.actionDecided(ticket: $0.id, host: $0.host, keep: keep, reason: reason))
        }
    }

    // MARK: Looking and telling

    private func resolve(_ step: Int) -> [IncidentDirective] {
        guard let record = incident.steps[step], let passed = record.verified else {
            // An action that was taken back meanwhile leaves nothing to verify.
            if let bad = incident.beyondBudget {
                let state = bad.lost ? "indeterminate" : bad.state?.rawValue ?? "unknown"
                return end(step, .failed, "the action on \(bad.host.name) became \(state)")
            }
            return [.verify(step: step)]
        }
        let waiting = incident.tickets.filter { !$0.isSettled }
        guard waiting.isEmpty else {
            return decide(waiting.filter { $0.state == .done }, keep: passed, record.text)
        }
        if passed, let bad = incident.beyondBudget {
            return end(step, .failed, "the action on \(bad.host.name) was not kept")
        }
        return end(step, passed ? .passed : .failed, record.text)
    }

    private func notify(_ step: Int) -> [IncidentDirective] {
        guard incident.told.contains(.step(step)) else { return [.tell(.step(step))] }
        return end(step, .passed, "told")
    }

    private func end(
        _ step: Int,
        _ outcome: StepOutcome,
        _ text: String,
        _ values: [String: Double] = [:]
    ) -> [IncidentDirective] {
        [.record(.stepEnded(step: step, outcome: outcome, text: text, values: values))]
    }
}

extension RunbookStep.Action {
    /// What the step is about, in one line.
    package var title: String {
        switch self {
        case .verifyHypothesis(let check): "verify the hypothesis: \(check.text)"
        case .mitigate(let mitigation): "mitigate: \(mitigation.action.title)"
        case .verifyResolution(let check, let timeout):
            "verify the resolution: \(check.text) within \(timeout.spoken)"
        case .notify(let message): "notify: \(message)"
        }
    }
}

extension RunbookAction {
    /// The statement, or the action's name with its parameters.
    package var title: String {
        switch self {
        case .sql(let statement, _): statement
        case .command(let name, let parameters): Action.command(name: name, parameters: parameters).summary
        }
    }
}
