import MusterCore

/// What the host's policy says, from files that are read again each time: root may have changed them meanwhile.
struct HostJudge {
    private let policy: PolicyFile
    private let freezes: FreezeFile
    private let agent: AgentID
    private let reading: any TicketReading

    init(policy: PolicyFile, freezes: FreezeFile, agent: AgentID, reading: any TicketReading) {
        self.policy = policy
        self.freezes = freezes
        self.agent = agent
        self.reading = reading
    }

    private func judge(by policy: HostPolicy) -> TicketJudge {
        TicketJudge(policy: policy, agent: agent, reading: reading)
    }

    /// What a ticket may do; throws what speaks against it.
    func judge(_ ticket: Ticket, _ ledger: LedgerEngine, now: Timestamp) throws -> PermittedAction {
        let policy = try self.policy.load(at: now)
        // What has been taken on counts already, and is not a run of its own a second time.
        let own = ledger[ticket.id] == nil ? 0 : 1
        let permitted = try judge(by: policy).judge(ticket, now: now) { subject in
            ledger.runs(of: subject, before: now) - own
        }
        try policy.checkPrograms(of: ticket.plan.plan)
        try policy.checkPrograms(of: permitted.confirmations)
        if permitted.isPreApproved, let freeze = freezes.objection(at: now) { throw PolicyRefusal(freeze) }
        return permitted
    }

    /// What would become of a plan; nothing happens, and nothing is remembered.
    func trial(of plan: Plan, _ ledger: LedgerEngine, now: Timestamp) throws -> PlanTrial {
        let policy = try policy.load(at: now, remembering: false)
        let trial = judge(by: policy).trial(of: plan, now: now) { ledger.runs(of: $0, before: now) }
        if trial.refusal.isEmpty { try policy.checkPrograms(of: plan) }
        return trial
    }

    /// How an effect is taken back, as the policy allowed it when the action was taken on: a policy that has changed
    /// since must not keep a host from going back to where it was.
    func rollback(of entry: LedgerEntry) throws -> Execution {
        if let rollback = entry.rollback { return rollback }
        guard let plan = reading.plan(from: entry.planBytes) else {
            throw PolicyRefusal("the plan in the ledger can't be read")
        }
        return try judge(by: policy.loadRules()).rollback(of: plan, preApproved: entry.isPreApproved)
    }

    /// How an effect that waits is verified; nil when its plan asks for nothing, or when the policy does not allow it any
    /// more: then the action is taken back at its deadline.
    func verification(of entry: LedgerEntry) -> PermittedCheck? {
        guard let plan = reading.plan(from: entry.planBytes), plan.verification != nil,
            let policy = try? policy.loadRules(),
            let check = try? judge(by: policy).verification(of: plan), policy.trustsVerification(of: plan)
        else { return nil }
        return check
    }

    /// What finds out how interrupted actions ended, as far as the policy has it.
    func settlements(of entries: [LedgerEntry]) -> [(ticket: TicketID, probe: CommandExecution)] {
        guard let policy = try? policy.loadRules(), !policy.observeOnly else { return [] }
        let judge = judge(by: policy)
        return entries.compactMap { entry in
            guard let plan = reading.plan(from: entry.planBytes), let probe = judge.settlement(of: plan),
                policy.action(probe.name)?.programObjection == nil
            else { return nil }
            return (entry.report.ticket, probe)
        }
    }
}
