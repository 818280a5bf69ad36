import MusterCore
import Testing

@testable import MusterCause

@Suite struct QuestionChoiceTests {
    private let weights = QuestionWeights()

    private func ranking(_ hypotheses: [(CauseKind, Double)]) -> Ranking {
        Ranking(
            verdict: .likely,
            hypotheses: hypotheses.map { kind, probability in
                Hypothesis(
                    kind: kind,
                    cause: kind.rawValue,
                    hosts: [],
                    service: "",
                    change: nil,
                    probability: probability,
                    evidence: [],
                    against: []
                )
            },
            coverage: Coverage(asked: 2, outcomes: ["ok": 2]),
            unseen: []
        )
    }

    private func belief(
        _ hypotheses: [(CauseKind, Double)],
        _ regions: Set<Belief.Region> = [.related, .rest],
        priors: [CauseKind: Double] = [:]
    ) -> Belief {
        Belief(ranking(hypotheses), regions: regions, priors: priors) { _ in .service }
    }

    private func broad(
        _ name: String,
        _ region: Belief.Region,
        hosts: Int = 3,
        _ kinds: [CauseKind]
    ) -> Prospect {
        Prospect(
            name,
            regions: [region],
            hosts: hosts,
            costPerHost: 1,
            tells: Dictionary(uniqueKeysWithValues: kinds.map { ($0, 0.9) })
        )
    }

    private let sockets = Prospect(
        "sockets",
        regions: Set(Belief.Region.allCases),
        hosts: 1,
        costPerHost: 2,
        tells: [.dependencyDown: 0.9, .dependencyHung: 0.9, .network: 0.7],
        isCloser: true
    )

    @Test("A belief adds up to 1, whatever was ranked")
    func adds() {
        for hypotheses in [[], [(CauseKind.cpu, 0.99)], [(.network, 0.5), (.badDeploy, 0.3)]] {
            let belief = belief(hypotheses)
            #expect(abs(belief.causes.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
            #expect(belief.uncertainty > 0)
        }
    }

    @Test("An answer that can show nothing, or that shows the same whatever the cause, is worth nothing")
    func worthless() {
        #expect(broad("nothing", .related, []).bits(in: belief([])) == 0)
        #expect(sockets.bits(in: belief([(.badDeploy, 0.9)])) < 0.001)
        // Nobody is there to be asked.
        #expect(broad("dependencies", .related, [.dns]).bits(in: belief([], [.rest])) < 0.001)
    }

    @Test("No question tells more than there is to know, and a sharper one tells more than a blunt one")
    func bounds() {
        let belief = belief([(.network, 0.6)])
        let blunt = Prospect(
            "blunt",
            regions: sockets.regions,
            hosts: 1,
            costPerHost: 1,
            tells: [.dependencyDown: 0.3, .network: 0.3],
            isCloser: true
        )
        let (sharp, dull) = (sockets.bits(in: belief), blunt.bits(in: belief))
        #expect(dull > 0)
        #expect(sharp > dull)
        #expect(sharp < belief.uncertainty)
    }

    @Test("The information of a fair coin, told without error, is one bit")
    func coin() {
        var exact = weights
        exact.falseSigns = 0
        let belief = Belief(causes: [
            .init(kind: .cpu, region: .rest, isRanked: true, probability: 0.5),
            .init(kind: .noisyNeighbour, region: .rest, isRanked: true, probability: 0.5),
        ])
        let prospect = Prospect(
            "processes",
            regions: [.rest],
            hosts: 1,
            costPerHost: 1,
            tells: [.cpu: 1, .noisyNeighbour: 1],
            isCloser: true
        )
        #expect(abs(prospect.bits(in: belief, weights: exact) - 1) < 1e-9)
    }

    @Test("What tells the leading hypotheses apart comes before what would only look for others")
    func separates() throws {
        let choice = QuestionChoice(
            of: [broad("metrics", .rest, hosts: 20, [.cpu, .memory, .disk]), sockets],
            belief: belief([(.network, 0.55), (.dependencyDown, 0.4)])
        )
        #expect(try #require(choice.asked.first).prospect.name == "sockets")
        // The other waits for the answer, or is not worth it.
        #expect(choice.left.map(\.prospect.name) == ["metrics"])
    }

    @Test("Where two questions tell the same, the dearer one is not asked beside the cheaper")
    func same() {
        let cheap = broad("cheap", .related, hosts: 2, [.dns, .certificate, .dependencyDown])
        var dear = cheap
        (dear.name, dear.costPerHost) = ("dear", 30)
        let choice = QuestionChoice(of: [dear, cheap], belief: belief([]))
        #expect(choice.asked.map(\.prospect.name) == ["cheap"])
        #expect(choice.left.map(\.prospect.name) == ["dear"])
    }

    @Test("The surer the cause, the less is asked; a large fleet is left alone when all is plain")
    func stops() {
        let everything = CauseKind.allCases.filter { $0 != .unknown }
        func asked(_ probability: Double, hosts: Int) -> Int {
            let prospects = [
                broad("dependencies", .rest, hosts: hosts, everything),
                broad("metrics", .rest, hosts: hosts, [.cpu, .memory]),
            ]
            return QuestionChoice(of: prospects, belief: belief([(.badDeploy, probability)], [.rest])).asked
                .count
        }
        #expect(asked(0.2, hosts: 5000) == 1)
        #expect(asked(0.99, hosts: 5000) == 0)
        #expect(asked(0.99, hosts: 3) >= 1)
        #expect(asked(0.2, hosts: 10_000_000) == 0)
    }

    @Test("The past draws the questions to what it was before")
    func past() throws {
        let prospects = [broad("metrics", .rest, [.memory]), broad("dependencies", .rest, [.dns])]
        let plain = QuestionChoice(of: prospects, belief: belief([]))
        #expect(try #require(plain.asked.first).prospect.name == "metrics")
        let taught = QuestionChoice(of: prospects, belief: belief([], priors: [.dns: 2]))
        #expect(try #require(taught.asked.first).prospect.name == "dependencies")
    }

    @Test(
        "What was asked and showed nothing makes its causes the less probable, and the same question worth less"
    )
    func nothing() {
        let question = broad("metrics", .rest, [.cpu, .memory])
        let before = belief([(.badDeploy, 0.3)], [.rest])
        let after = before.after(nothingFrom: question)
        func probability(_ belief: Belief, _ kind: CauseKind) -> Double {
            belief.causes.filter { $0.kind == kind }.reduce(0) { $0 + $1.probability }
        }
        #expect(probability(after, .cpu) < probability(before, .cpu) / 5)
        #expect(probability(after, .badDeploy) > probability(before, .badDeploy))
        #expect(question.bits(in: after) < question.bits(in: before))
    }

    @Test("Every round of asking ends: what was asked and found nothing lowers what is left to find")
    func ends() {
        let prospects = (0..<40).map { broad("q\($0)", .rest, [.cpu, .memory, .dns]) }
        let choice = QuestionChoice(of: prospects, belief: belief([]))
        #expect(choice.asked.count < prospects.count)
        #expect(choice.asked.count + choice.left.count == prospects.count)
        for (one, next) in zip(choice.asked, choice.asked.dropFirst()) { #expect(one.bits >= next.bits) }
    }
}
