import MusterCore
import MusterIncident

extension IncidentPage {
    /// The page of an incident; all of its words are chosen here, the template only places them.
    ///
    /// `mayClose` when whoever looks at it may say what the cause was.
    init(_ detail: IncidentDetail, mayClose: Bool = false) {
        let summary = detail.summary
        let findings = Dictionary(detail.findings.map { ($0.id, $0.text) }) { first, _ in first }
        self.title = summary.title
        self.status = summary.status.rawValue
        self.facts = Self.facts(summary)
        self.blast = detail.blast.map(Self.blast)
        self.plans = detail.pendingPlans.map { Self.plan($0, of: summary.id, why: detail.doubts) }
        self.ranking = detail.ranking.map {
            Self.ranking(
                $0,
                findings,
                VerdictExplanation($0, findings: detail.findings, inquiry: detail.inquiry)
            )
        }
        self.past = detail.recollection?.lines ?? []
        self.hasPast = !past.isEmpty
        self.contextLines = detail.contextLines
        self.hasContext = !contextLines.isEmpty
        self.health = (detail.context?.hosts ?? []).map(Self.host)
        self.hasHealth = !health.isEmpty
        self.actions = detail.actions.map(Self.action)
        self.hasActions = !actions.isEmpty
        self.postMortem = detail.postMortemAvailable ? summary.id.description : nil
        self.timeline = detail.timeline.map { entry in
            Entry(
                at: entry.at.description,
                clock: entry.at.timeOfDay,
                kind: entry.kind.rawValue,
                entry: entry.text
            )
        }
        self.isOpen = summary.status != .closed
        self.closeID = mayClose && isOpen ? summary.id.description : nil
        let first = detail.ranking?.hypotheses.first?.kind
        self.kinds = CauseKind.allCases.filter { $0 != .unknown }.map {
            KindChoice(kindValue: $0.rawValue, isFirstKind: $0 == first)
        }
    }

    private static func facts(_ summary: IncidentSummary) -> [String] {
        var facts = [summary.service, summary.severity ?? ""]
        if let owner = summary.owner { facts.append("owned by \(owner.team)") }
        facts.append("opened \(minute(summary.opened)) UTC")
        if let resolved = summary.resolved {
            facts.append("resolved after \((resolved - summary.opened).spoken)")
        }
        return facts.filter { !$0.isEmpty }
    }

    private static func blast(_ blast: BlastRadius) -> Blast {
        let subject = blast.endpoint.isEmpty ? blast.service : blast.endpoint
        var headline = "\(percent(blast.ratio)) of requests to \(subject) fail"
        if let users = blast.users { headline += ", about \(users.text(decimals: 0)) users" }
        return Blast(
            headline: headline,
            range: "\(blast.failed) of \(blast.requests) requests, "
                + "\(percent(blast.low)) to \(percent(blast.high)) with 95% certainty",
            coverage: blast.coverage.summary
        )
    }

    private static func plan(_ sealed: SealedPlan, of incident: IncidentID, why: [String]) -> PlanCard {
        let plan = sealed.plan
        let cannot =
            plan.irreversible.isEmpty ? "nothing: no rollback is given" : "nothing: \(plan.irreversible)"
        return PlanCard(
            summary: plan.summary,
            action: plan.action.summary,
            hosts: plan.targets.map(\.name).joined(separator: ", "),
            rollback: plan.rollback?.summary ?? cannot,
            expires: "\(minute(plan.expires)) UTC",
            planID: sealed.id.description,
            why: why,
            command: "muster approve \(incident) \(sealed.id.short) --key FILE --as NAME"
        )
    }

    private static func ranking(
        _ ranking: Ranking,
        _ findings: [FindingID: String],
        _ why: VerdictExplanation
    ) -> RankingCard {
        let theories = ranking.hypotheses.prefix(5).map { hypothesis in
            let evidence = hypothesis.evidence.compactMap { findings[$0] }
            let against = hypothesis.against.compactMap { findings[$0] }
            return Theory(
                percent: percent(hypothesis.probability),
                value: Int((hypothesis.probability * 100).rounded()),
                theory: hypothesis.cause,
                evidence: evidence,
                against: against,
                hasEvidence: !evidence.isEmpty || !against.isEmpty
            )
        }
        return RankingCard(
            verdict: ranking.verdict.rawValue,
            headline: why.headline,
            hypotheses: theories,
            rankingCoverage: ranking.coverage.summary,
            unseen: why.unseen,
            wouldChange: why.wouldChange
        )
    }

    private static func host(_ health: HostHealth) -> Host {
        let traits = health.traits.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return Host(
            hostName: health.host.name,
            state: health.state.rawValue,
            requests: health.requests,
            errors: health.errors,
            traits: ([health.reason] + traits).filter { !$0.isEmpty }.joined(separator: ", ")
        )
    }

    private static func action(_ action: HostAction) -> String {
        let report = action.report
        let reason = report.reason.isEmpty ? "" : ": \(report.reason)"
        return "\(action.host.name) \(report.state.rawValue) at \(report.at.timeOfDay)\(reason)"
    }
}
