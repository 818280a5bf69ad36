import MusterCause
import MusterCore
import MusterTesting
import Testing

@Suite struct CauseRankingVerdictTests {
    private let samples = RankingSamples()
    private var clear: [Finding] {
        [samples.symptom(1), samples.change(2, before: .seconds(60), on: ["web-2"])]
    }

    private func coverage(answered: Int) -> Coverage {
        Coverage(asked: 10, outcomes: ["ok": answered, "timeout": 10 - answered])
    }

    @Test("Without findings the verdict is unknown, whoever answered")
    func nothing() {
        for coverage in [RankingSamples.everybody, Coverage()] {
            var input = samples.input([], coverage: coverage)
            #expect(CauseRanking.rank(input).verdict == .unknown)
            (input.hosts, input.service) = ([], "")
            let ranking = CauseRanking.rank(input)
            #expect(ranking.verdict == .unknown)
            #expect(ranking.hypotheses.isEmpty)
            #expect(ranking.coverage == coverage)
        }
    }

    @Test("A symptom that nothing explains is novel")
    func novel() {
        #expect(CauseRanking.rank(samples.input([samples.symptom(1)])).verdict == .novel)
    }

    @Test("No cause is more probable than the share of hosts that answered allows", arguments: 0...10)
    func cap(answered: Int) throws {
        let ranking = CauseRanking.rank(
            samples.input(clear, coverage: coverage(answered: answered), knows: [.badDeploy])
        )
        let first = try #require(ranking.hypotheses.first)
        let cap = CauseWeights().cap(coverage: Double(answered) / 10)
        #expect(first.probability <= cap)
        #expect(answered == 10 || first.probability < cap)
        let expected: Verdict = answered < 5 ? .unknown : answered < 8 ? .likely : .known
        #expect(ranking.verdict == expected)
        #expect(ranking.coverage.answered == answered)
    }

    @Test("Only a kind of cause or an alert that runbooks are made for is known")
    func knowledge() {
        var input = samples.input(clear)
        #expect(CauseRanking.rank(input).verdict == .likely)
        input.knowledge.causes = [.poolExhausted]
        #expect(CauseRanking.rank(input).verdict == .likely)
        input.knowledge.alertIsKnown = true
        #expect(CauseRanking.rank(input).verdict == .known)
    }

    @Test("Of two causes that are alike none stands out")
    func tie() {
        let twin = samples.change(3, before: .seconds(60), on: ["web-2"], to: "4600")
        let ranking = CauseRanking.rank(samples.input(clear + [twin], knows: [.badDeploy]))
        #expect(ranking.verdict == .unknown)
        #expect(Set(ranking.hypotheses.map(\.probability)).count == 1)
    }

    @Test("Names of hosts and services carry no weight")
    func renaming() {
        func probabilities(_ samples: RankingSamples) -> [Double] {
            let findings = [
                samples.symptom(1), samples.change(2, before: .seconds(60), on: ["web-2"]),
                samples.change(3, before: .seconds(10), on: ["web-1"], to: "4600"),
                samples.change(4, .config, before: .seconds(500), on: ["web-2", "web-3"], of: "search"),
                samples.pool(5),
            ]
            return CauseRanking.rank(samples.input(findings)).hypotheses.map(\.probability)
        }
        let plain = probabilities(samples)
        #expect(Set(plain).count == 4)
        #expect(probabilities(RankingSamples(named: { String($0.reversed()) })) == plain)
        #expect(probabilities(RankingSamples(named: { "\($0)-\($0)" })) == plain)
    }

    @Test("Whatever is found, probabilities are finite and together at most 1", arguments: UInt64(1)...60)
    func bounds(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let findings = (0..<Int(random.next() % 40)).map { finding(UInt64($0), &random) }
        let answered = Int(random.next() % 11)
        let ranking = CauseRanking.rank(samples.input(findings, coverage: coverage(answered: answered)))
        let probabilities = ranking.hypotheses.map(\.probability)
        #expect(probabilities.count <= 8)
        #expect(probabilities.allSatisfy { $0.isFinite && $0 >= 0 })
        #expect(probabilities.reduce(0, +) <= 1 + 1e-9)
        #expect(probabilities == probabilities.sorted(by: >))
    }

    /// Any finding, also such as a host with a mad clock would tell.
    private func finding(_ number: UInt64, _ random: inout SplitMix64) -> Finding {
        let names = ["web-1", "web-2", "web-3", "db-1"].filter { _ in random.next() % 2 == 0 }
        let wild = Timestamp(nanoseconds: Int64(bitPattern: random.next()))
        let near = RankingSamples.onset + .seconds(Int64(random.next() % 7200) - 3600)
        let at = random.next() % 4 == 0 ? wild : near
        let kind = Finding.Kind.allCases.randomElement(using: &random) ?? .nothing
        var found = samples.finding(number, kind, effect: random.unit(), on: names, about: "\(number % 7)")
        found.onset = random.next() % 4 == 0 ? nil : at
        if kind == .change {
            found.change = Change(
                kind: Change.Kind.allCases.randomElement(using: &random) ?? .other,
                at: at,
                service: ["", "shop", "search"].randomElement(using: &random) ?? "",
                hosts: names,
                summary: "\(number)"
            )
        } else if random.next() % 2 == 0 {
            found.suggests = CauseKind.allCases.randomElement(using: &random)
        }
        return found
    }
}
