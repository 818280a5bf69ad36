import MusterCore
import MusterIncident

/// An incident as text for people.
enum IncidentText {
    static func print(_ detail: IncidentDetail) {
        let summary = detail.summary
        let clean = Terminal.clean
        Terminal.out(Terminal.paint(clean(summary.title), .bold))
        var facts = ["\(summary.status.rawValue)", summary.service, summary.severity ?? ""]
        if let owner = summary.owner { facts.append("owned by \(owner.team)") }
        facts.append("opened \(Words.time(summary.opened)) UTC")
        if let resolved = summary.resolved {
            facts.append("resolved after \((resolved - summary.opened).spoken)")
        }
        Terminal.out(clean(facts.filter { !$0.isEmpty }.joined(separator: " · ")))
        Terminal.out(Terminal.paint("\(summary.id)", .dim))

        if let blast = detail.blast {
            heading("Blast radius")
            Terminal.out("  \(clean(text(blast)))")
        }
        if !detail.contextLines.isEmpty {
            heading("Context")
            for line in detail.contextLines { Terminal.out("  - \(clean(line))") }
        }
        if let past = detail.recollection, !past.matches.isEmpty {
            heading("Like before")
            for line in past.lines { Terminal.out("  - \(clean(line))") }
        }
        if let ranking = detail.ranking { print(ranking, findings: detail.findings, inquiry: detail.inquiry) }
        for plan in detail.pendingPlans {
            heading("Waits for approval")
            PlanText.print(plan)
            let trials = detail.rollouts?.first { $0.plan == plan.id }?.trials
            if let trials { PlanText.print(trials, of: plan.plan) }
            for doubt in detail.doubts { Terminal.out("  because \(clean(doubt))") }
            Terminal.out("  approve: muster approve \(summary.id) \(plan.id.short)")
        }
        if let rollouts = detail.rollouts, !rollouts.isEmpty {
            heading("Plans")
            for rollout in rollouts { Terminal.out("  \(clean(text(rollout)))") }
        }
        if !detail.actions.isEmpty {
            heading("Actions")
            for action in detail.actions {
                let report = action.report
                let reason = report.reason.isEmpty ? "" : ": \(report.reason)"
                Terminal.out("  \(clean("\(action.host.name) \(report.state.rawValue)\(reason)"))")
            }
        }
        heading("Timeline (UTC)")
        for entry in detail.timeline { print(entry) }
        if detail.postMortemAvailable { Terminal.out("\nPost-mortem: muster postmortem \(summary.id)") }
    }

    /// One line of the timeline.
    static func print(_ entry: TimelineEntry) {
        let kind = entry.kind.rawValue
        let blanks = String(repeating: " ", count: max(1, 20 - kind.count))
        let time = Terminal.paint(entry.at.timeOfDay, .dim)
        Terminal.out("  \(time)  \(Terminal.paint(kind, .dim))\(blanks)\(Terminal.clean(entry.text))")
    }

    private static func print(_ ranking: Ranking, findings: [Finding], inquiry: Inquiry?) {
        let why = VerdictExplanation(ranking, findings: findings, inquiry: inquiry)
        heading("Most likely cause (\(ranking.verdict.rawValue))")
        Terminal.out("  " + Terminal.paint(Terminal.clean(why.headline), .bold))
        for statement in why.evidence {
            Terminal.out("      + \(Terminal.clean(statement.text))  \(mark(statement.finding))")
            for line in statement.exemplars {
                Terminal.out("          " + Terminal.paint(Terminal.clean(line), .dim))
            }
        }
        for statement in why.against {
            Terminal.out("      - \(Terminal.clean(statement.text))  \(mark(statement.finding))")
        }
        for text in why.runnersUp { Terminal.out("  else \(Terminal.clean(text))") }
        for text in why.unseen { Terminal.out("  not seen: \(Terminal.clean(text))") }
        for text in why.wouldChange { Terminal.out("  \(Terminal.clean(text))") }
        Terminal.out("  \(ranking.coverage.summary)")
    }

    /// A finding as `incident show --json` names it, by its last digits: the first ones are the time.
    private static func mark(_ finding: FindingID) -> String {
        Terminal.paint("[\(String("\(finding)".suffix(12)))]", .dim)
    }

    /// `4f1a22ab running: 12 of 100 hosts well, 3 under way, 1 went wrong (wave 3 of 4)`.
    static func text(_ rollout: PlanProgress) -> String {
        var parts = ["\(rollout.well) of \(rollout.hosts) hosts well"]
        if rollout.underWay > 0 { parts.append("\(rollout.underWay) under way") }
        if rollout.bad > 0 { parts.append("\(rollout.bad) went wrong") }
        if rollout.takenBack > 0 { parts.append("\(rollout.takenBack) taken back") }
        let wave = rollout.wave > 0 ? " (wave \(rollout.wave) of \(rollout.waves))" : ""
        let reason = rollout.reason.isEmpty ? "" : "; \(rollout.reason)"
        let numbers = parts.joined(separator: ", ")
        return "\(rollout.plan.short) \(rollout.state.rawValue): \(numbers)\(wave)\(reason)"
    }

    private static func text(_ blast: BlastRadius) -> String {
        var text = "\(Words.percent(blast.ratio)) of \(blast.requests) requests"
        text += " to \(blast.endpoint.isEmpty ? blast.service : blast.endpoint) fail"
        text += " (\(Words.percent(blast.low)) to \(Words.percent(blast.high)))"
        if let users = blast.users { text += ", about \(Int(users.rounded())) users" }
        return text + "; \(blast.coverage.summary)"
    }

    private static func heading(_ text: String) { Terminal.out("\n" + Terminal.paint(text, .bold)) }
}

/// A plan as text for whoever approves it.
enum PlanText {
    static func print(_ sealed: SealedPlan) {
        let plan = sealed.plan
        let clean = Terminal.clean
        Terminal.out("  \(clean(plan.summary))")
        Terminal.out("  does        \(clean(plan.action.summary))")
        printHosts(of: plan)
        if let precondition = plan.precondition {
            Terminal.out("  only where  the host itself sees: \(clean(precondition.text))")
        }
        if let rollback = plan.rollback {
            Terminal.out("  taken back  \(clean(rollback.summary))")
            let unless = plan.verification.map { "it sees: \(clean($0.text))" }
            Terminal.out(
                "              by the host itself unless \(unless ?? "kept within \(plan.commitWithin.spoken)")"
            )
        } else {
            let why = plan.irreversible.isEmpty ? "no rollback is given" : plan.irreversible
            Terminal.out("  " + Terminal.paint("CAN'T BE TAKEN BACK", .red) + ": \(clean(why))")
        }
        Terminal.out("  runbook     \(clean(plan.runbook)), step \(plan.step + 1)")
        Terminal.out("  proposed by \(clean(plan.proposer))")
        if plan.approvalsNeeded > 1 { Terminal.out("  needs       \(plan.approvalsNeeded) approvals") }
        Terminal.out("  valid       \(Words.time(plan.notBefore)) to \(Words.time(plan.expires)) UTC")
        Terminal.out("  plan        \(sealed.id)")
    }

    /// Which hosts act in which wave, and what stops it.
    private static func printHosts(of plan: Plan) {
        let spread = plan.spread
        var first = 0
        for (index, bound) in spread.waves.enumerated() where bound <= plan.targets.count {
            for (place, target) in plan.targets[first..<bound].enumerated() {
                let wave = place == 0 ? "wave \(index + 1)" : ""
                let blanks = String(repeating: " ", count: 12 - wave.count)
                Terminal.out("  \(wave)\(blanks)\(Terminal.clean(target.name)) (\(target.id.short))")
            }
            first = bound
        }
        guard plan.targets.count > 1 else { return }
        let soak = spread.waves.count > 1 ? ", \(spread.soak.spoken) between waves" : ""
        Terminal.out("  at once     \(spread.atOnce)\(soak)")
        let budget = spread.errorBudget == 0 ? "a host" : "more than \(spread.errorBudget) hosts"
        Terminal.out("  stops       when it goes wrong on \(budget)")
        guard !spread.stopWhen.isEmpty else { return }
        Terminal.out("              or when \(Terminal.clean(spread.stopWhen))")
    }
    /// What the hosts say they would do, and who of them says nothing.
    static func print(_ trials: [PlanTrialGroup], of plan: Plan, _ title: String = "dry run") {
        let blanks = String(repeating: " ", count: max(0, 12 - title.count))
        var head = "  \(title)\(blanks)"
        func line(_ text: String) {
            Terminal.out(head + Terminal.clean(text))
            head = String(repeating: " ", count: 14)
        }
        for group in trials {
            let (names, trial) = (HostReference.list(group.hosts), group.trial)
            if !trial.refusal.isEmpty {
                Terminal.out(
                    "\(head)\(Terminal.clean(names)) would \(Terminal.paint("REFUSE", .red)): \(Terminal.clean(trial.refusal))"
                )
                head = String(repeating: " ", count: 14)
                continue
            }
            line("\(names) would run \(trial.action)")
            if !trial.rollback.isEmpty { line("  and take it back by \(trial.rollback)") }
            if !trial.verification.isEmpty { line("  and look at \(trial.verification)") }
            if trial.approvals > 1 { line("  and wants \(trial.approvals) approvals") }
        }
        let heard = Set(trials.flatMap { $0.hosts.map(\.id) })
        let silent = plan.targets.filter { !heard.contains($0.id) }
        if !silent.isEmpty { line("no answer from \(HostReference.list(silent))") }
    }

    /// How what the hosts would do now differs from what they said when the plan was proposed.
    static func printDifference(_ now: [PlanTrialGroup], from then: [PlanTrialGroup], of plan: Plan) {
        func byHost(_ groups: [PlanTrialGroup]) -> [AgentID: PlanTrial] {
            var found: [AgentID: PlanTrial] = [:]
            for group in groups { for host in group.hosts { found[host.id] = group.trial } }
            return found
        }
        let (before, after) = (byHost(then), byHost(now))
        let changed = plan.targets.filter { before[$0.id] != after[$0.id] }
        guard !changed.isEmpty else {
            return Terminal.out("  now         as when it was proposed, on all hosts")
        }
        let moved = Set(changed.map(\.id))
        let groups = now.map { group in
            PlanTrialGroup(trial: group.trial, hosts: group.hosts.filter { moved.contains($0.id) })
        }
        var narrowed = plan
        narrowed.targets = changed
        print(groups.filter { !$0.hosts.isEmpty }, of: narrowed, "now differs")
    }
}
