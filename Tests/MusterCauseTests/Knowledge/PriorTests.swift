import MusterCore
import MusterIncident
import Testing

@testable import MusterCause

@Suite("What the past does to a ranking") struct PriorTests {
    private let samples = RankingSamples()

    private func past(_ kind: CauseKind, _ shift: Double, similarity: Double = 0.9) -> Recollection {
        let match = Recollection.Match(
            id: KnowledgeSamples.id(1),
            similarity: similarity,
            cause: kind,
            text: "",
            fix: nil,
            seen: 1,
            last: RankingSamples.onset
        )
        return Recollection(
            matches: [match],
            priors: [.init(kind: kind, shift: shift)],
            nearest: similarity,
            compared: 1
        )
    }

    private func rank(_ findings: [Finding], _ past: Recollection?) -> Ranking {
        var input = samples.input(findings + (past?.findings(at: RankingSamples.onset) ?? []))
        input.knowledge = input.knowledge.with(past)
        return CauseRanking.rank(input)
    }

    @Test("It shifts the kind that it speaks of, as evidence with a finding of its own")
    func shifts() throws {
        let findings = [
            samples.symptom(1), samples.change(2, before: .seconds(900), on: ["web-1", "web-2"]),
        ]
        let plain = try #require(rank(findings, nil).hypotheses.first)
        let recalled = past(.badDeploy, 1.2)
        let shifted = try #require(rank(findings, recalled).hypotheses.first)
        #expect(shifted.probability > plain.probability + 0.1)
        #expect(shifted.evidence.count == plain.evidence.count + 1)
        let against = try #require(rank(findings, past(.badDeploy, -1.2)).hypotheses.first)
        #expect(against.probability < plain.probability - 0.1)
        #expect(against.against.count == plain.against.count + 1)
        let other = try #require(rank(findings, past(.dns, 1.5)).hypotheses.first)
        #expect(other.kind == plain.kind && other.evidence == plain.evidence)
        #expect(other.probability < plain.probability)
    }

    @Test(
        "What people found before is a hypothesis also where nothing that is seen speaks of it, never a sure one"
    )
    func unseen() throws {
        for shift in [0.6, 1.5] {
            let ranking = rank([samples.symptom(1)], past(.dns, shift))
            let first = try #require(ranking.hypotheses.first)
            #expect(first.kind == .dns && first.probability <= 0.5 && first.service == "shop")
            #expect(first.cause.contains("seen once before") && ranking.verdict == .unknown)
        }
        #expect(rank([samples.symptom(1)], past(.dns, -0.6)).hypotheses.isEmpty)
    }

    @Test("A cause that people confirmed in an incident like this one is known without a runbook")
    func known() {
        let clear = [samples.symptom(1), samples.change(2, before: .seconds(60), on: ["web-2"])]
        #expect(rank(clear, nil).verdict == .likely)
        #expect(rank(clear, past(.badDeploy, 0.5)).verdict == .known)
        #expect(rank(clear, past(.dns, 0.5)).verdict == .likely)
        // A runbook does not make known what people found to be wrong before.
        var input = samples.input(clear, knows: [.badDeploy])
        #expect(CauseRanking.rank(input).verdict == .known)
        input.knowledge.priors = [.badDeploy: -0.7]
        #expect(CauseRanking.rank(input).verdict == .likely)
    }

    @Test("What nothing explains is novel only while nothing like it was seen before")
    func novel() {
        #expect(rank([samples.symptom(1)], nil).verdict == .novel)
        #expect(rank([samples.symptom(1)], past(.dns, 0.5)).verdict == .unknown)
        let nothing = Recollection(matches: [], priors: [], nearest: 0.4, compared: 7)
        #expect(rank([samples.symptom(1)], nothing).verdict == .novel)
    }
}
