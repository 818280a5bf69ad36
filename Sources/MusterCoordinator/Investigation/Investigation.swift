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

    /// How long a round goes on asking.
    static let roundTime = Duration.seconds(6)

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
    ///
    /// Within a round it asks, ranks, and asks what then tells most, until no answer is worth what it takes.
    func run(_ incident: Incident, round: Int, knowledge: RankingInput.Knowledge) async -> Result {
        guard let context = incident.context else {
            preconditionFailure("round \(round) of incident \(incident.id) before its context")
        }
        let hosts = await fleet.hosts()
        var start = Start(findings: [], hosts: context.hosts)
        let limits: GatheredEvidence.Limits = incident.ranking?.verdict == .novel ? .novel : .usual
        var evidence = GatheredEvidence(limits)
        if round > 2 {
            let again = await triage.collect(incident)
            evidence.add(again.evidence)
            start = Start(findings: again.findings, hosts: again.context.hosts)
        }
        let ground = InvestigationGround(
            incident,
            context: context,
            round: round,
            hosts: hosts,
            related: incident.service.isEmpty ? [] : map.dependencies(incident.service),
            changeWindow: triage.changeWindow,
            now: now()
        )
        var interview = Interview()
        var view = View(incident, start, interview, ground, map, round: round, at: now())
        await ask(&interview, ground, &view, incident, start, knowledge, round: round)
        evidence.add(GatheredEvidence(for: view.found, in: interview, limits))
        var ranking = view.ranking(incident, interview, knowledge.with(incident.recollection))
        let signature = IncidentSignature(
            incident,
            findings: incident.findings + view.fresh,
            cause: ranking.hypotheses.first?.kind
        )
        var news = recall(signature)
        // What was stored is what replays go by: what differs only in the last digits is not stored again.
        if let same = news, same.isLike(incident.recollection) { news = nil }
        if let past = news ?? incident.recollection {
            view.fresh += past.findings(at: now()).filter { finding in
                !incident.findings.contains { Self.same($0, finding) }
            }
            ranking = view.ranking(incident, interview, knowledge.with(past))
        }
        return Result(
            findings: view.fresh,
            recollection: news,
            inquiry: view.inquiry,
            ranking: ranking,
            evidence: evidence.only(for: view.fresh)
        )
    }

    /// What a round begins with.
    private struct Start {
        let findings: [Finding]
        let hosts: [HostHealth]
    }

    // MARK: Asking

    /// Asks until nothing is worth it any more; keeps what was asked, and why, in the view's inquiry.
    private func ask(
        _ interview: inout Interview,
        _ ground: InvestigationGround,
        _ view: inout View,
        _ incident: Incident,
        _ start: Start,
        _ knowledge: RankingInput.Knowledge,
        round: Int
    ) async {
        let catalogue = QuestionCatalogue(ground: ground)
        let known = knowledge.with(incident.recollection)
        let ends = ContinuousClock.now + Self.roundTime
        while true {
            let open = catalogue.entries(after: interview)
            let belief = Belief(
                view.ranking(incident, interview, known),
                regions: Set(ground.regions.keys),
                priors: known.priors,
                region: ground.region
            )
            let choice = QuestionChoice(of: open.map(\.prospect), belief: belief)
            let isLate = ContinuousClock.now >= ends || view.inquiry.asked.count >= Inquiry.questionsMax
            guard !choice.asked.isEmpty, !isLate else {
                let left = (choice.asked + choice.left).prefix(Inquiry.questionsMax)
                view.inquiry.left = left.map { $0.recorded(belief) }.filter { $0.bits > 0 }
                view.inquiry.stop =
                    open.isEmpty ? .nothingLeft : choice.asked.isEmpty ? .notWorthIt : .timeIsOver
                return
            }
            let chosen = choice.asked.map { open[$0.index] }
            await interview.ask(
                chosen.flatMap(\.items),
                deadline: chosen.map(\.deadline).max() ?? QuestionCatalogue.deadline,
                of: fleet
            )
            let asked = view.inquiry.asked + choice.asked.map { $0.recorded(belief) }
            view = View(incident, start, interview, ground, map, round: round, at: now())
            view.inquiry.asked = asked
        }
    }

    // MARK: What it shows

    /// What the answers so far show.
    private struct View {
        let round: Int
        let hosts: [HostHealth]
        let coverage: Coverage
        let found: [Finding]
        /// Those that say something new.
        var fresh: [Finding]
        var inquiry: Inquiry

        init(
            _ incident: Incident,
            _ start: Start,
            _ interview: Interview,
            _ ground: InvestigationGround,
            _ map: ServiceMapLookup,
            round: Int,
            at now: Timestamp
        ) {
            let context = incident.context
            self.round = round
            hosts = start.hosts
            let answers = InvestigationAnswers(interview, ground: ground)
            found =
                start.findings + answers.findings(incident, onset: context?.onset ?? incident.opened, at: now)
            fresh = found.filter { finding in !incident.findings.contains { Investigation.same($0, finding) }
            }
            coverage = Investigation.added(
                context?.coverage ?? Coverage(),
                interview.coverage,
                together: round == 1
            )
            let links = answers.links(
                incident,
                mapped: incident.service.isEmpty ? [] : map.calls(incident.service)
            )
            inquiry = Inquiry(round: round, calls: links.calls, looked: links.looked)
        }

        func ranking(
            _ incident: Incident,
            _ interview: Interview,
            _ knowledge: RankingInput.Knowledge
        ) -> Ranking {
            CauseRanking.rank(
                RankingInput(
                    incident,
                    findings: incident.findings + fresh,
                    inquiry: inquiry,
                    hosts: hosts,
                    coverage: coverage,
                    unseen: interview.unseen,
                    knowledge: knowledge
                )
            )
        }
    }

    /// Whether a finding says nothing that another did not.
    private static func same(_ old: Finding, _ new: Finding) -> Bool {
        guard old.kind == new.kind, old.subject == new.subject, old.suggests == new.suggests,
            old.service == new.service
        else { return false }
        if let change = new.change {
            // Asked again, hosts tell of it in their own words: people may have said that it began earlier.
            guard let known = old.change, ChangeList.same(known, change) else { return false }
            return Set(change.hosts).isSubset(of: known.hosts)
        }
        return Set(new.hosts).isSubset(of: old.hosts) && new.effect < old.effect + 0.2
    }

    /// Coverage over both; of different hosts they add, of the same the later counts.
    private static func added(_ first: Coverage, _ second: Coverage, together: Bool) -> Coverage {
        guard second.asked > 0 else { return first }
        guard together else { return second.asked >= first.asked ? second : first }
        return Coverage(
            asked: first.asked + second.asked,
            outcomes: first.outcomes.merging(second.outcomes) { $0 + $1 }
        )
    }
}
