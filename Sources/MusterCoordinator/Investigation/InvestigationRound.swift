import MusterCause
import MusterCore
import MusterIncident

/// One round of an investigation while it goes on: what was asked so far, and what follows from it.
struct InvestigationRound: Sendable {
    let incident: Incident
    let ground: InvestigationGround
    private let map: ServiceMapLookup
    /// What was found before anything was asked in this round, and the hosts as they were then.
    private let start: (findings: [Finding], hosts: [HostHealth])
    private let now: @Sendable () -> Timestamp

    private(set) var interview = Interview()
    private(set) var inquiry: Inquiry
    /// What was asked that looks for whatever there is: what it could have shown and did not is the less probable.
    private var looked: [Prospect] = []
    /// What the answers show.
    private(set) var found: [Finding] = []
    /// Those of them that say something new.
    private(set) var fresh: [Finding] = []

    /// How long a round goes on asking.
    static let time = Duration.seconds(6)

    init(
        _ incident: Incident,
        number: Int,
        ground: InvestigationGround,
        map: ServiceMapLookup,
        start: (findings: [Finding], hosts: [HostHealth]),
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.incident = incident
        self.ground = ground
        self.map = map
        self.start = start
        self.now = now
        inquiry = Inquiry(round: number)
        look()
    }

    /// Asks what tells most for what it takes, and again on what the answers show, until no answer is worth it any more.
    ///
    /// What was asked and why, and what was not, stands in ``inquiry`` then.
    mutating func ask(_ fleet: any Fleet, knowledge: RankingInput.Knowledge) async {
        let catalogue = QuestionCatalogue(ground: ground)
        let ends = ContinuousClock.now + Self.time
        while true {
            let open = catalogue.entries(after: interview)
            let belief = belief(knowledge)
            if inquiry.asked.isEmpty { inquiry.uncertaintyBefore = belief.uncertainty.rounded(toPlaces: 4) }
            inquiry.uncertaintyAfter = belief.uncertainty.rounded(toPlaces: 4)
            let choice = QuestionChoice(of: open.map(\.prospect), belief: belief)
            let isLate = ContinuousClock.now >= ends || inquiry.asked.count >= Inquiry.questionsMax
            guard !choice.asked.isEmpty, !isLate else {
                let left = (choice.asked + choice.left).prefix(Inquiry.questionsMax)
                inquiry.left = left.map { $0.recorded(belief) }.filter { $0.bits >= 0.001 }
                inquiry.stop = open.isEmpty ? .nothingLeft : choice.asked.isEmpty ? .notWorthIt : .timeIsOver
                return
            }
            let chosen = choice.asked.map { open[$0.index] }
            inquiry.asked += choice.asked.map { $0.recorded(belief) }
            looked += choice.asked.map(\.prospect).filter { !$0.isCloser }
            await interview.ask(
                chosen.flatMap(\.items),
                deadline: chosen.map(\.deadline).max() ?? QuestionCatalogue.deadline,
                of: fleet
            )
            look()
        }
    }

    private func belief(_ knowledge: RankingInput.Knowledge) -> Belief {
        let belief = Belief(
            ranking(knowledge),
            // What is wrong at the service itself may not have shown yet.
            regions: Set(ground.regions.keys).union([.service]),
            priors: knowledge.priors,
            region: ground.region
        )
        return looked.reduce(belief) { $0.after(nothingFrom: $1) }
    }

    /// Takes in findings that are no answer of a host.
    mutating func add(_ findings: [Finding]) { fresh += news(findings) }

    func ranking(_ knowledge: RankingInput.Knowledge) -> Ranking {
        CauseRanking.rank(
            RankingInput(
                incident,
                findings: incident.findings + fresh,
                inquiry: inquiry,
                hosts: start.hosts,
                coverage: coverage,
                unseen: interview.unseen,
                knowledge: knowledge
            )
        )
    }

    /// Reads all answers anew: what they show together is more than the sum.
    private mutating func look() {
        let answers = InvestigationAnswers(interview, ground: ground)
        let onset = incident.context?.onset ?? incident.opened
        found = start.findings + answers.findings(incident, onset: onset, known: map.listeners, at: now())
        fresh = news(found)
        let links = answers.links(
            incident,
            mapped: incident.service.isEmpty ? [] : map.calls(incident.service)
        )
        (inquiry.calls, inquiry.looked) = (links.calls, links.looked)
    }

    // MARK: News

    private func news(_ findings: [Finding]) -> [Finding] {
        findings.filter { finding in !incident.findings.contains { Self.same($0, finding) } }
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

    /// Coverage with that of triage: of different hosts they add, of the same the later counts.
    private var coverage: Coverage {
        let first = incident.context?.coverage ?? Coverage()
        let second = interview.coverage
        guard second.asked > 0 else { return first }
        guard inquiry.round == 1 else { return second.asked >= first.asked ? second : first }
        return Coverage(
            asked: first.asked + second.asked,
            outcomes: first.outcomes.merging(second.outcomes) { $0 + $1 }
        )
    }
}
