import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire

/// Makes the plan of a mitigating step: hosts resolved, templates filled in, sealed.
struct PlanMaker: Sendable {
    let fleet: any Fleet
    let planLife: Duration
    let now: @Sendable () -> Timestamp

    /// Added to the time that the verification may take before a host takes its action back by itself.
    static let commitMargin = Duration.seconds(60)
    /// Most hosts in one plan, as the protocol allows.
    static let targetsMax = 10_000

    /// How long the hosts have for their dry runs.
    static let trialBudget = QuestionBudget(deadline: .seconds(2), bytesMax: 64 << 10, rowsMax: 16)

    /// A plan with what was learnt about it.
    struct Proposal {
        var plan: SealedPlan
        /// What speaks against acting without a person.
        var doubts: [String]
        /// What the hosts say they would do.
        var trials: [PlanTrialGroup]
    }

    /// - Throws: ``RemediationError`` with a sentence for people when the plan can't be made.
    func plan(step: Int, of incident: Incident) async throws(RemediationError) -> Proposal {
        guard let match = incident.match, match.runbook.steps.indices.contains(step),
            let mitigation = match.runbook.steps[step].mitigation
        else { throw RemediationError("step \(step + 1) changes nothing") }
        let hosts = await fleet.hosts()
        let targets = try await self.targets(mitigation, incident, hosts, again: incident.retries[step])
        let moment = now()
        let first = incident.ranking?.hypotheses.first
        let declared = match.signature?.says.irreversible[step]
        let action = try filled(mitigation.action, incident)
        let rollback: Action? =
            if let rollback = mitigation.rollback { try filled(rollback, incident) } else { nil }
        let names = HostReference.list(targets)
        let rollout = mitigation.rollout ?? RunbookRollout()
        let spread = rollout.resolved(
            hosts: targets.count,
            atOnce: Self.atOnce(targets, of: hosts, share: rollout.shareMax)
        )
        var plan = Plan(
            incident: incident.id,
            runbook: match.runbook.name,
            runbookDigest: match.digest,
            step: step,
            action: action,
            targets: targets,
            rollback: rollback,
            irreversible: rollback == nil ? mitigation.irreversible ?? declared ?? "" : "",
            notBefore: moment,
            expires: moment + planLife,
            // Whoever signed the runbook beforehand has proposed what it does.
            proposer: match.signature?.signer ?? "muster",
            evidence: Array((first?.evidence ?? []).prefix(64).map(\.description)),
            commitWithin: rollback == nil
                ? .zero
                : max(
                    commitWithin(match.runbook, after: step, spread),
                    mitigation.verification?.within ?? .zero
                ),
            summary: Self.clipped(
                "\(action.summary) on \(names)\(first.map { ", because of \($0.cause)" } ?? "")"
            ),
            rollout: spread,
            approvals: mitigation.approvals,
            verification: mitigation.verification,
            precondition: mitigation.precondition
        )
        var doubts = self.doubts(targets, hosts: hosts, selector: match.signature?.says.selector ?? "")
        let trials = await dryRun(plan)
        let wanted = trials.map(\.trial.approvals).max() ?? 1
        if wanted > plan.approvalsNeeded { plan.approvals = wanted }
        for group in trials {
            let names = HostReference.list(group.hosts)
            if !group.trial.refusal.isEmpty {
                doubts.append("\(names) would refuse: \(group.trial.refusal)")
            } else if match.signature != nil, !group.trial.preApproval.isEmpty {
                doubts.append("\(names): \(group.trial.preApproval)")
            }
        }
        do {
            let sealed = try WireCodec.sealed(plan, identify: { Sealing.planID($0) })
            return Proposal(plan: sealed, doubts: doubts, trials: trials)
        } catch {
            throw RemediationError("the plan can't be sealed: \(error)")
        }
    }

    /// Asks the hosts what they would do; those that do not say are left out.
    func dryRun(_ plan: Plan) async -> [PlanTrialGroup] {
        var draft = plan
        // Each host is asked about itself.
        (draft.targets, draft.rollout, draft.evidence) = ([], nil, [])
        let reply = await fleet.ask(
            .dryRun(plan: draft),
            of: plan.targets.map(\.id),
            budget: Self.trialBudget,
            onReply: nil
        )
        return PlanTrialGroup.groups(
            reply.replies.compactMap { reply in
                guard case .dryRun(let trial)? = reply.answer else { return nil }
                return (reply.host, trial)
            }
        )
    }

    // MARK: Parts

    private func targets(
        _ mitigation: RunbookMitigation,
        _ incident: Incident,
        _ hosts: [FleetHost],
        again: [HostReference]?
    ) async throws(RemediationError) -> [HostReference] {
        let found: [HostReference]
        switch mitigation.hosts {
        case _ where again != nil: found = again ?? []
        case .culprit: found = incident.ranking?.hypotheses.first?.hosts ?? []
        case .database:
            let target = if case .sql(_, let target) = mitigation.action { target } else { "" }
            let locator = DatabaseLocator(fleet: fleet)
            let answers = try await locator.ask("SELECT 1", target: target, settings: [], for: incident)
            found = answers.first.map { [$0.host] } ?? []
        case .selector(let text):
            do {
                let selector = try TargetSelector(parsing: text)
                found = hosts.filter { selector.matches($0) }.map(\.reference)
            } catch {
                throw RemediationError("hosts: \(error)")
            }
        }
        let trusted = Set(hosts.filter(\.state.isTrusted).map(\.id))
        let targets = found.filter { trusted.contains($0.id) }.sorted()
        guard !targets.isEmpty else {
            throw RemediationError("no host is meant: \(Self.word(for: mitigation.hosts)) names none")
        }
        guard targets.count <= Self.targetsMax else {
            throw RemediationError("\(targets.count) hosts are meant, at most \(Self.targetsMax) are allowed")
        }
        return targets
    }

    private static func word(for hosts: RunbookHosts) -> String {
        switch hosts {
        case .culprit: "the most probable cause"
        case .database: "the database"
        case .selector(let text): "the selector \(text)"
        }
    }

    /// Fills names in braces in; a name without a value is refused, never left empty.
    private func filled(
        _ action: RunbookAction,
        _ incident: Incident
    ) throws(RemediationError) -> Action {
        switch action {
        case .sql(let statement, let target): return .sql(target: target, statement: statement)
        case .command(let name, let parameters):
            let change = incident.ranking?.hypotheses.first?.change
            let values: [String: String] = [
                "service": incident.service,
                "change.before": change?.before ?? "",
                "change.after": change?.after ?? "",
                "change.reference": change?.reference ?? "",
                "change.service": change?.service ?? "",
            ]
            var filled: [String: String] = [:]
            for (key, value) in parameters {
                let template = TextTemplate(value)
                guard let text = template.filled({ name in values[name].flatMap { $0.isEmpty ? nil : $0 } })
                else {
                    throw RemediationError(
                        "parameter \(key) of \(name): nothing is known for "
                            + template.names.map { "{\($0)}" }.joined(separator: ", ")
                    )
                }
                filled[key] = text
            }
            return .command(name: name, parameters: filled)
        }
    }

    /// How many of the hosts may act at once: of no service more than its share, but one always.
    ///
    /// A service's hosts are those of the whole fleet that run it, so that a plan for all of them leaves most of them be.
    static func atOnce(_ targets: [HostReference], of hosts: [FleetHost], share: Double) -> Int {
        let meant = Set(targets.map(\.id))
        var total: [String: Int] = [:]
        var touched: Set<String> = []
        for host in hosts where host.state.isTrusted {
            for service in Set(host.services.map(\.name)) {
                total[service, default: 0] += 1
                if meant.contains(host.id) { touched.insert(service) }
            }
        }
        let bounds = touched.map { max(1, Int(Double(total[$0] ?? 0) * share)) }
        return bounds.min() ?? max(1, Int(Double(targets.count) * share))
    }

    /// How long a host waits for a decision, which comes when all waves are over and the verification is.
    private func commitWithin(_ runbook: Runbook, after step: Int, _ spread: Rollout) -> Duration {
        let verification = runbook.steps.dropFirst(step + 1).lazy.compactMap { later -> Duration? in
            if case .verifyResolution(_, let timeout) = later.action { timeout } else { nil }
        }.first
        var wait = (verification ?? Self.commitMargin * 4) + Self.commitMargin
        // The first host waits for all later waves; whoever waits too long takes its action back, and all stops.
        for (earlier, later) in zip(spread.waves, spread.waves.dropFirst()) {
            let turns = (later - earlier + spread.atOnce - 1) / spread.atOnce
            wait += spread.soak + Self.commitMargin * turns
        }
        return min(wait, TicketJudge.commitWithinMax)
    }

    private func doubts(_ targets: [HostReference], hosts: [FleetHost], selector: String) -> [String] {
        var doubts: [String] = []
        let ids = Set(targets.map(\.id))
        let meant = hosts.filter { ids.contains($0.id) }
        let away = meant.filter { $0.state != .connected }
        if !away.isEmpty { doubts.append("not connected: \(HostReference.list(away.map(\.reference)))") }
        guard !selector.isEmpty else { return doubts }
        do {
            let allowed = try TargetSelector(parsing: selector)
            let strangers = meant.filter { !allowed.matches($0) }
            if !strangers.isEmpty {
                let names = HostReference.list(strangers.map(\.reference))
                doubts.append("the signature is for hosts with \(selector), not for \(names)")
            }
        } catch {
            doubts.append("the signature's selector can't be understood: \(error)")
        }
        return doubts
    }

    /// At most 512 bytes, as the protocol allows.
    private static func clipped(_ text: String) -> String {
        guard text.utf8.count > 512 else { return text }
        var clipped = text
        while clipped.utf8.count > 509 { clipped.removeLast() }
        return clipped + "…"
    }
}
