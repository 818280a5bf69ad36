/// Decides whether a host carries out a ticket: the host's half of "two keys for every write".
///
/// Everything is checked against the host's own policy, its own identity and its own clock. Nothing that the
/// coordinator says counts unless a person whom the policy lists has signed it.
package struct TicketJudge {
    /// How far a plan's start may lie ahead: clocks of two healthy hosts differ by less.
    package static let clockTolerance: Duration = .seconds(5)
    /// Longest wait for a commit.
    package static let commitWithinMax: Duration = .seconds(86_400)

    private let policy: HostPolicy
    private let agent: AgentID
    private let reading: any TicketReading

    package init(policy: HostPolicy, agent: AgentID, reading: any TicketReading) {
        self.policy = policy
        self.agent = agent
        self.reading = reading
    }

    /// What to do for the ticket, or why not.
    ///
    /// `runs` says how often a subject ran in the last hour.
    package func judge(
        _ ticket: Ticket,
        now: Timestamp,
        runs: (String) -> Int
    ) throws(PolicyRefusal) -> PermittedAction {
        guard !policy.observeOnly else { throw PolicyRefusal("this host is observe-only by its policy") }
        let plan = ticket.plan.plan
        try checkAddress(of: ticket)
        guard ticket.expires <= plan.expires else {
            throw PolicyRefusal("the ticket lapses at \(ticket.expires), after its plan (\(plan.expires))")
        }
        guard now < ticket.expires else {
            throw PolicyRefusal("the ticket lapsed at \(ticket.expires); it is \(now) on this host")
        }
        try checkTimes(of: plan, now: now)
        let authority = try authority(for: ticket, now: now)
        var permitted = PermittedAction(
            forward: try execution(of: plan.action, need: authority.permission),
            rollback: nil,
            authority: authority.name
        )
        permitted.isPreApproved = authority.permission == .preapproved
        // The plan's own is among those of a signed runbook already.
        let looks =
            authority.confirmations.isEmpty ? plan.precondition.map { [$0] } ?? [] : authority.confirmations
        for look in looks { permitted.confirmations.append(try check(look)) }
        permitted.breakGlass = authority.breakGlass
        if let rollback = plan.rollback {
            permitted.rollback = try self.rollback(rollback, of: plan.action, need: authority.permission)
        }
        // Looked up again when it is due; here so that a plan that can't be verified is never begun.
        _ = try verification(of: plan)
        try checkHours(of: permitted.forward, now: now)
        try checkRate(of: permitted.forward, runs: runs)
        return permitted
    }

    /// How to take back what a ticket did, judged again under the policy of now.
    ///
    /// Approval, time and rate do not count any more: undoing must stay possible.
    package func rollback(of plan: Plan, preApproved: Bool) throws(PolicyRefusal) -> Execution {
        guard !policy.observeOnly else { throw PolicyRefusal("this host is observe-only by its policy") }
        guard let rollback = plan.rollback else { throw PolicyRefusal("the plan has no rollback") }
        return try self.rollback(rollback, of: plan.action, need: preApproved ? .preapproved : .approved)
    }

    /// What the host looks at by itself after it has acted, under the policy of now; nil when the plan asks for nothing.
    package func verification(of plan: Plan) throws(PolicyRefusal) -> PermittedCheck? {
        guard let verification = plan.verification else { return nil }
        return try check(verification.check)
    }

    /// How the host finds out, after a crash, whether an interrupted action took effect; nil when its policy has no way.
    ///
    /// It ends with 0 when it did, with 1 when it did not, with anything else when that can't be told.
    package func settlement(of plan: Plan) -> CommandExecution? {
        guard case .command(let name, let parameters) = plan.action, let listed = policy.action(name),
            let probe = listed.settledBy.flatMap({ policy.action($0) }), probe.observes
        else { return nil }
        return try? command(probe, parameters.filter { probe.parameters[$0.key] != nil })
    }

    /// Something that a plan or a signed runbook has the host look at.
    private func check(_ check: HostVerification.Check) throws(PolicyRefusal) -> PermittedCheck {
        switch check {
        case .sql(let statement, let target, let condition):
            return .sql(.sql(statement: statement, target: target, condition: condition))
        case .command(let name, let parameters):
            guard let listed = policy.action(name), listed.observes else {
                throw PolicyRefusal(
                    "\"\(name.prefix(64))\" is no action of the class observe in this host's policy, so nothing can be seen by it"
                )
            }
            return .command(try command(listed, parameters))
        }
    }

    // MARK: What the ticket is about

    private func checkAddress(of ticket: Ticket) throws(PolicyRefusal) {
        guard reading.planID(of: ticket.plan.bytes) == ticket.plan.id,
            reading.plan(from: ticket.plan.bytes) == ticket.plan.plan
        else { throw PolicyRefusal("the plan's id is not the hash of the plan's bytes") }
        guard ticket.agent == agent else {
            throw PolicyRefusal("the ticket is for agent \(ticket.agent.short), this is \(agent.short)")
        }
        guard ticket.plan.plan.targets.contains(where: { $0.id == agent }) else {
            throw PolicyRefusal("the plan does not list this host (\(agent.short)) among its targets")
        }
    }

    private func checkTimes(of plan: Plan, now: Timestamp) throws(PolicyRefusal) {
        guard now + Self.clockTolerance >= plan.notBefore else {
            throw PolicyRefusal("the plan may start at \(plan.notBefore); it is \(now) on this host")
        }
        guard plan.commitWithin >= .zero, plan.commitWithin <= Self.commitWithinMax else {
            throw PolicyRefusal("the plan waits longer for its commit than one day")
        }
        guard plan.rollback != nil || plan.commitWithin == .zero else {
            throw PolicyRefusal("the plan waits for a commit but has no rollback")
        }
        if let verification = plan.verification {
            guard plan.rollback != nil, verification.within > .zero, verification.within <= plan.commitWithin
            else {
                throw PolicyRefusal("the plan's verification has no rollback, or no time before it")
            }
        }
        guard plan.rollback == nil || plan.commitWithin > .zero else {
            throw PolicyRefusal("the plan has a rollback but gives the host no time after which to use it")
        }
    }

    // MARK: Who allows it

    private struct Authority {
        var name: String
        var permission: PolicyPermission
        var confirmations: [HostVerification.Check] = []
        var breakGlass: BreakGlass?
    }

    private func authority(for ticket: Ticket, now: Timestamp) throws(PolicyRefusal) -> Authority {
        try checkApprovers()
        var complaint = "the ticket has no approval"
        var names: [String] = []
        for approval in ticket.approvals {
            guard let approver = policy.approvers.first(where: { $0.name == approval.signer }) else {
                complaint = "\"\(approval.signer.prefix(64))\" is no approver in this host's policy"
                continue
            }
            guard approver.may.contains(.approve) else {
                complaint = "\(approver.name) may only break the glass on this host, not approve"
                continue
            }
            guard approver.name != ticket.plan.plan.proposer else {
                complaint = "\(approver.name) proposed the plan and can't approve it too"
                continue
            }
            guard reading.isApproved(ticket.plan.id, signature: approval.signature, key: approver.key) else {
                complaint = "the signature of \(approver.name) is not over this plan"
                continue
            }
            if !names.contains(approver.name) { names.append(approver.name) }
        }
        let needed = max(policy.approvalsNeeded, ticket.plan.plan.approvalsNeeded)
        if names.count >= needed {
            return Authority(name: names.joined(separator: ", "), permission: .approved)
        }
        if let breakGlass = ticket.breakGlass { return try authority(for: ticket.plan, breakGlass) }
        if let preApproval = ticket.preApproval {
            return try authority(for: ticket.plan.plan, preApproval, now: now)
        }
        guard names.isEmpty else {
            throw PolicyRefusal(
                "the plan needs \(needed) approvals and has that of \(names.joined(separator: ", "))"
            )
        }
        throw PolicyRefusal(complaint)
    }

    /// One person alone, who may also have proposed the plan.
    private func authority(for plan: SealedPlan, _ use: BreakGlass) throws(PolicyRefusal) -> Authority {
        guard policy.allowsBreakGlass else {
            throw PolicyRefusal("this host's policy lets nobody set a plan going alone (break_glass)")
        }
        guard
            let approver = policy.approvers.first(where: {
                $0.name == use.signer && $0.may.contains(.breakGlass)
            })
        else {
            throw PolicyRefusal("\"\(use.signer.prefix(64))\" may not break the glass on this host")
        }
        guard BreakGlass.isReason(use.reason) else {
            throw PolicyRefusal("whoever breaks the glass has to say why, in a line of at most 1024 bytes")
        }
        guard reading.isBreakGlass(use, for: plan.id, key: approver.key) else {
            throw PolicyRefusal(
                "the signature of \(approver.name) is not over this plan and reason as one that breaks the glass"
            )
        }
        return Authority(name: "\(approver.name) (break-glass)", permission: .approved, breakGlass: use)
    }

    /// Without a list that counts nobody may approve, plans or runbooks.
    private func checkApprovers() throws(PolicyRefusal) {
        switch policy.approverSource {
        case .policy, .list: break
        case .root: throw PolicyRefusal("this host has not looked at its list of approvers")
        case .refused(let reason): throw PolicyRefusal(reason)
        }
    }

    private func authority(
        for plan: Plan,
        _ preApproval: PreApproval,
        now: Timestamp
    ) throws(PolicyRefusal) -> Authority {
        guard policy.allowsPreApproval else {
            throw PolicyRefusal("this host's policy takes no pre-approved runbooks")
        }
        guard let signer = policy.runbookSigners.first(where: { $0.name == preApproval.signer }) else {
            throw PolicyRefusal(
                "\"\(preApproval.signer.prefix(64))\" may not pre-approve runbooks on this host"
            )
        }
        guard reading.isPreApproved(preApproval, key: signer.key) else {
            throw PolicyRefusal("the signature of \(signer.name) is not over this runbook and declaration")
        }
        guard reading.digest(of: preApproval.runbook) == plan.runbookDigest else {
            throw PolicyRefusal("the plan comes from another version of the runbook than the one signed")
        }
        guard policy.preApprovedRunbooks.contains(plan.runbookDigest) else {
            throw PolicyRefusal(
                "this host's policy does not list the runbook \(plan.runbookDigest.short) among those that may run by themselves"
            )
        }
        let declaration = try reading.declaration(from: preApproval.declaration)
        guard now < declaration.expires else {
            throw PolicyRefusal("the pre-approval lapsed at \(declaration.expires)")
        }
        guard matches(selector: declaration.selector) else {
            throw PolicyRefusal(
                "the pre-approval is for hosts with \"\(declaration.selector.prefix(64))\", by this policy's labels"
            )
        }
        let runbook = try reading.runbook(from: preApproval.runbook)
        let confirmations = try check(plan, against: runbook, declaration)
        return Authority(
            name: "\(signer.name) (runbook)",
            permission: .preapproved,
            confirmations: confirmations
        )
    }

    /// Holds a plan against the step that was signed; returns what has to be seen before it.
    private func check(
        _ plan: Plan,
        against runbook: Runbook,
        _ declaration: PreApprovalDeclaration
    ) throws(PolicyRefusal) -> [HostVerification.Check] {
        guard runbook.steps.indices.contains(plan.step), let step = runbook.steps[plan.step].mitigation else {
            throw PolicyRefusal("step \(plan.step + 1) of the runbook changes nothing")
        }
        guard !step.requiresApproval else {
            throw PolicyRefusal("step \(plan.step + 1) of the runbook asks for approval each time")
        }
        guard step.permits(plan.action) else {
            throw PolicyRefusal(
                "the plan's action is not the one of step \(plan.step + 1) in the signed runbook"
            )
        }
        if let rollback = plan.rollback {
            guard let signed = step.rollback, signed.permits(rollback) else {
                throw PolicyRefusal(
                    "the plan's rollback is not the one of step \(plan.step + 1) in the signed runbook"
                )
            }
        } else {
            guard declaration.irreversible[plan.step] != nil || step.irreversible != nil else {
                throw PolicyRefusal(
                    "nobody declared step \(plan.step + 1) irreversible, and it has no rollback"
                )
            }
        }
        guard plan.verification == step.verification else {
            throw PolicyRefusal(
                "the plan's verification is not the one of step \(plan.step + 1) in the signed runbook"
            )
        }
        guard plan.precondition == step.precondition else {
            throw PolicyRefusal(
                "the plan's pre-condition is not the one of step \(plan.step + 1) in the signed runbook"
            )
        }
        let confirmations = runbook.confirmations(before: plan.step)
        guard !confirmations.isEmpty else {
            throw PolicyRefusal(
                "neither step \(plan.step + 1) nor one before it lets this host see by itself that it is needed"
            )
        }
        return confirmations
    }

    /// `role=db,zone=a | role=replica` against the policy's own labels; the empty selector fits every host.
    private func matches(selector: String) -> Bool {
        guard !selector.isEmpty else { return true }
        return selector.split(separator: "|").contains { alternative in
            alternative.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { term in
                let sides = term.split(separator: "=", maxSplits: 1).map { side in
                    String(side.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                }
                return sides.count == 2 && policy.labels[sides[0]] == sides[1]
            }
        }
    }

    // MARK: What it becomes here

    private func execution(of action: Action, need: PolicyPermission) throws(PolicyRefusal) -> Execution {
        switch action {
        case .command(let name, let parameters):
            guard let listed = policy.action(name) else {
                throw PolicyRefusal("action \"\(name.prefix(64))\" is not in this host's policy")
            }
            guard !listed.observes else {
                throw PolicyRefusal(
                    "action \(name) only looks, by this host's policy: it can't be what a plan does"
                )
            }
            try check(listed.allow, covers: need, "action \(name)")
            return .command(try command(listed, parameters))
        case .sql(let target, let statement):
            guard let listed = policy.sql(target) else {
                throw PolicyRefusal(
                    "statements on target \"\(target.prefix(64))\" are not in this host's policy"
                )
            }
            try check(listed.allow, covers: need, "a statement on target \"\(target)\"")
            guard
                listed.statements.isEmpty
                    || listed.statements.contains(reading.digest(of: Array(statement.utf8)))
            else {
                throw PolicyRefusal(
                    "the statement is not among those of this host's policy for target \"\(target)\""
                )
            }
            return .sql(SQLExecution(target: listed.target, statement: statement, timeout: listed.timeout))
        }
    }

    private func command(
        _ listed: PolicyAction,
        _ parameters: [String: String]
    ) throws(PolicyRefusal) -> CommandExecution {
        CommandExecution(
            name: listed.name,
            argv: try listed.expand(parameters),
            user: listed.user,
            timeout: listed.timeout,
            outputBytesMax: listed.outputBytesMax,
            surroundings: listed.surroundings
        )
    }

    private func rollback(
        _ rollback: Action,
        of action: Action,
        need: PolicyPermission
    ) throws(PolicyRefusal) -> Execution {
        if case .command(let name, _) = action, let only = policy.action(name)?.rollback {
            guard case .command(only, _) = rollback else {
                throw PolicyRefusal("this host's policy takes \(name) back only by \(only)")
            }
        }
        return try execution(of: rollback, need: need)
    }

    private func check(
        _ allowed: PolicyPermission,
        covers need: PolicyPermission,
        _ what: String
    ) throws(PolicyRefusal) {
        guard allowed != .never else { throw PolicyRefusal("this host's policy never allows \(what)") }
        guard need == .approved || allowed == .preapproved else {
            throw PolicyRefusal("this host's policy wants a person to approve \(what) each time")
        }
    }

    private func checkHours(of execution: Execution, now: Timestamp) throws(PolicyRefusal) {
        guard case .command(let command) = execution, let hours = policy.action(command.name)?.hours,
            let next = hours.next(after: now)
        else { return }
        throw PolicyRefusal(
            "action \(command.name) may begin \(hours.text) only; it is \(now) on this host, and it may again at \(next)"
        )
    }

    private func checkRate(of execution: Execution, runs: (String) -> Int) throws(PolicyRefusal) {
        let limit =
            switch execution {
            case .command(let command): policy.action(command.name)?.ratePerHour ?? 0
            case .sql(let sql): policy.sql(sql.target)?.ratePerHour ?? 0
            }
        let count = runs(execution.subject)
        guard count < limit else {
            throw PolicyRefusal(
                "\(execution.subject) ran \(count) times in the last hour; \(limit) are allowed"
            )
        }
    }
}

// MARK: - Without doing anything

extension TicketJudge {
    /// What would become of a plan here; a draft may leave its targets out.
    package func trial(of plan: Plan, now: Timestamp, runs: (String) -> Int) -> PlanTrial {
        var trial = PlanTrial()
        trial.approvals = max(policy.approvalsNeeded, plan.approvalsNeeded)
        do throws(PolicyRefusal) {
            guard !policy.observeOnly else { throw PolicyRefusal("this host is observe-only by its policy") }
            guard plan.targets.isEmpty || plan.targets.contains(where: { $0.id == agent }) else {
                throw PolicyRefusal("the plan does not list this host")
            }
            guard now < plan.expires else { throw PolicyRefusal("the plan lapsed at \(plan.expires)") }
            try checkTimes(of: plan, now: now)
            let forward = try execution(of: plan.action, need: .approved)
            trial.action = forward.text
            if let rollback = plan.rollback {
                trial.rollback = try self.rollback(rollback, of: plan.action, need: .approved).text
            }
            if try verification(of: plan) != nil { trial.verification = plan.verification?.text ?? "" }
            if let precondition = plan.precondition { _ = try check(precondition) }
            try checkRate(of: forward, runs: runs)
            guard policy.approvers.count >= trial.approvals else {
                throw PolicyRefusal(
                    "it needs \(trial.approvals) approvers, and this host's policy lists \(policy.approvers.count)"
                )
            }
        } catch {
            trial.refusal = error.reason
            return trial
        }
        do throws(PolicyRefusal) {
            guard policy.allowsPreApproval else {
                throw PolicyRefusal("this host's policy takes no pre-approved runbooks")
            }
            guard policy.preApprovedRunbooks.contains(plan.runbookDigest) else {
                throw PolicyRefusal(
                    "this host's policy does not list the runbook \(plan.runbookDigest.short) among those that may run by themselves"
                )
            }
            _ = try execution(of: plan.action, need: .preapproved)
            if let rollback = plan.rollback {
                _ = try self.rollback(rollback, of: plan.action, need: .preapproved)
            }
        } catch {
            trial.preApproval = error.reason
        }
        return trial
    }
}
