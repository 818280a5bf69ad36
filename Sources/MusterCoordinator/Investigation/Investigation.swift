import MusterCause
import MusterCore
import MusterIncident

/// Asks beyond the hosts that triage asked, each time what tells most for what it takes, and ranks what it all may mean.
struct Investigation: Sendable {
    let fleet: any Fleet
    let triage: Triage
    let now: @Sendable () -> Timestamp
    var map = ServiceMapLookup.empty
    /// What past incidents of such a signature turned out to be; nil when nothing is known at all.
    var recall: @Sendable (IncidentSignature) -> Recollection? = { _ in nil }

    struct Result: Sendable {
        /// Only those that are new.
        var findings: [Finding]
        /// What the past says by now; nil when it is nothing new.
        var recollection: Recollection?
        var inquiry: Inquiry
        var ranking: Ranking
        /// What the findings rest on.
        var evidence: GatheredEvidence
    }

    /// Round 1 asks the hosts that triage left out, round 2 everybody with a wider question, later rounds look
    /// again at everything.
    func run(_ incident: Incident, round number: Int, knowledge: RankingInput.Knowledge) async -> Result {
        guard let context = incident.context else {
            preconditionFailure("round \(number) of incident \(incident.id) before its context")
        }
        var start = (findings: [Finding](), hosts: context.hosts)
        let limits: GatheredEvidence.Limits = incident.ranking?.verdict == .novel ? .novel : .usual
        var evidence = GatheredEvidence(limits)
        if number > 2 {
            let again = await triage.collect(incident)
            evidence.add(again.evidence)
            start = (again.findings, again.context.hosts)
        }
        let service = incident.service
        let ground = InvestigationGround(
            incident,
            context: context,
            round: number,
            hosts: await fleet.hosts(),
            related: service.isEmpty ? [] : map.dependencies(service),
            changeWindow: triage.changeWindow,
            now: now()
        )
        var round = InvestigationRound(
            incident,
            number: number,
            ground: ground,
            map: map,
            start: start,
            now: now
        )
        await round.ask(fleet, knowledge: knowledge.with(incident.recollection))
        evidence.add(GatheredEvidence(for: round.found, in: round.interview, limits))
        let recollection = recalled(incident, round, knowledge)
        let past = recollection ?? incident.recollection
        if let past { round.add(past.findings(at: now())) }
        return Result(
            findings: round.fresh,
            recollection: recollection,
            inquiry: round.inquiry,
            ranking: round.ranking(knowledge.with(past)),
            evidence: evidence.only(for: round.fresh)
        )
    }

    /// What the past says of what was found; nil when it said the same before.
    private func recalled(
        _ incident: Incident,
        _ round: InvestigationRound,
        _ knowledge: RankingInput.Knowledge
    ) -> Recollection? {
        let signature = IncidentSignature(
            incident,
            findings: incident.findings + round.fresh,
            cause: round.ranking(knowledge.with(incident.recollection)).hypotheses.first?.kind
        )
        // What was stored is what replays go by: what differs only in the last digits is not stored again.
        guard let news = recall(signature), !news.isLike(incident.recollection) else { return nil }
        return news
    }
}
