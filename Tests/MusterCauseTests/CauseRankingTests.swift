import MusterCause
import MusterCore
import Testing

@Suite struct CauseRankingTests {
    private let samples = RankingSamples()
    /// On exactly the sick host, a minute before it began.
    private var culprit: Finding { samples.change(9, before: .seconds(60), on: ["web-2"]) }

    private func rank(_ findings: [Finding]) -> Ranking { CauseRanking.rank(samples.input(findings)) }

    private func references(_ ranking: Ranking) -> [String] {
        ranking.hypotheses.compactMap { $0.change?.reference }
    }

    @Test("A deploy on exactly the sick host comes before a newer one on a healthy host")
    func decoy() throws {
        let decoy = samples.change(2, before: .seconds(10), on: ["web-1"], to: "4600")
        let ranking = rank([samples.symptom(1), decoy, culprit])
        #expect(references(ranking) == ["4521", "4600"])
        let first = try #require(ranking.hypotheses.first)
        #expect(first.kind == .badDeploy)
        #expect(first.hosts == [samples.host("web-2")])
        #expect(first.cause == "deploy #4521 by sarah on web-2 (shop 4520 -> 4521)")
        #expect(first.probability > 0.9)
        #expect(Set(first.evidence) == [RankingSamples.id(1), RankingSamples.id(9)])
        #expect(first.against.isEmpty)
        #expect(ranking.hypotheses[1].probability < 0.05)
    }

    /// A clock that is a minute and a half off on these hosts.
    private func clock(_ number: UInt64, on hosts: [String]) -> Finding {
        var found = samples.finding(number, .resource, effect: 0.8, on: hosts, about: "clock")
        found.service = ""
        found.suggests = .clockSkew
        return found
    }

    @Test(
        "A clock that is off is a cause on the host that is sick, and none elsewhere unless somebody says so"
    )
    func clocks() throws {
        let first = try #require(rank([samples.symptom(1), clock(2, on: ["web-2"])]).hypotheses.first)
        #expect(first.kind == .clockSkew)
        #expect(first.probability > 0.9)
        #expect(rank([samples.symptom(1), clock(2, on: ["web-3"])]).hypotheses.isEmpty)
        #expect(rank([samples.symptom(1), clock(2, on: ["batch-7"])]).hypotheses.isEmpty)
        var well = samples.input([clock(2, on: ["web-2"])])
        well.hosts = ["web-1", "web-2", "web-3"].map { samples.health($0, .healthy) }
        #expect(CauseRanking.rank(well).hypotheses.isEmpty)

        var refused = samples.finding(3, .logs, effect: 0.8, on: ["web-2"], about: "clock skew too great")
        refused.suggests = .clockSkew
        let told = rank([samples.symptom(1), clock(2, on: ["batch-7"]), refused])
        #expect(told.hypotheses.first?.hosts == [samples.host("batch-7")])
        #expect(told.hypotheses.first?.evidence.contains(RankingSamples.id(3)) == true)
    }

    @Test("One clock that is off among many sick hosts explains none of the others")
    func oneClock() {
        var input = samples.input([samples.symptom(1), clock(2, on: ["web-2"])])
        input.hosts = ["web-1", "web-2", "web-3"].map { samples.health($0, .sick) }
        #expect(CauseRanking.rank(input).hypotheses.isEmpty)
    }

    @Test("A change of another service comes after one of its own, unless it depends on the other")
    func otherService() {
        let other = samples.change(2, before: .seconds(30), on: ["web-2"], of: "search", to: "7")
        var input = samples.input([samples.symptom(1), other, culprit])
        #expect(references(CauseRanking.rank(input)) == ["4521", "7"])
        input.related = ["search"]
        #expect(references(CauseRanking.rank(input)) == ["7", "4521"])
    }

    @Test("A change is no cause while the requests of the service are seen and all is well with them")
    func innocent() throws {
        let deploy = samples.change(2, before: .seconds(12), on: ["web-1"])
        var input = samples.input([deploy])
        input.hosts = ["web-1", "web-2", "web-3"].map { samples.health($0, .healthy) }
        let well = CauseRanking.rank(input)
        #expect(well.verdict == .unknown)
        #expect(try #require(well.hypotheses.first).probability < 0.4)
        input.hosts = ["web-1", "web-2", "web-3"].map { samples.health($0, .unseen) }
        #expect(CauseRanking.rank(input).verdict == .likely)
    }

    @Test("A change after the onset speaks against itself")
    func late() throws {
        let late = samples.change(2, before: .seconds(-120), on: ["web-2"], to: "4522")
        let ranking = rank([samples.symptom(1), late, culprit])
        #expect(references(ranking) == ["4521", "4522"])
        #expect(try #require(ranking.hypotheses.last).against == [RankingSamples.id(2)])
    }

    @Test("A change counts as before the onset while it is later by no more than clocks may be off")
    func clockSlack() {
        func probability(_ span: Duration) -> Double? {
            rank([samples.symptom(1), samples.change(2, before: span, on: ["web-2"])]).hypotheses.first?
                .probability
        }
        #expect(probability(.seconds(-14)) == probability(.zero))
        #expect(probability(.seconds(-16)) ?? 1 < probability(.zero) ?? 0)
    }

    @Test("The nearer of two equal changes before the onset is the more probable one")
    func nearness() {
        let older = samples.change(2, before: .seconds(3600), on: ["web-2"], to: "4519")
        #expect(references(rank([samples.symptom(1), older, culprit])) == ["4521", "4519"])
    }

    @Test("A restart in the same moment and place is less probable than a deploy")
    func restart() {
        let restart = samples.change(2, .restart, before: .seconds(60), on: ["web-2"], to: "pid")
        #expect(references(rank([samples.symptom(1), restart, culprit])) == ["4521", "pid"])
    }

    @Test("An exhausted pool comes first when nothing was changed")
    func pool() throws {
        var lines = samples.finding(3, .logs, effect: 0.5, on: ["web-2"], about: "too many clients")
        lines.suggests = .poolExhausted
        let ranking = rank([samples.symptom(1), samples.pool(2), lines])
        let first = try #require(ranking.hypotheses.first)
        #expect(first.kind == .poolExhausted)
        #expect(first.change == nil)
        #expect(first.cause == "the connection pool of postgres orders is exhausted")
        #expect(first.probability > 0.9)
        #expect(Set(first.evidence) == Set([1, 2, 3].map(RankingSamples.id)))
    }

    @Test("A shortage that began well after the onset is less probable than one before it")
    func lateShortage() {
        var late = samples.pool(2)
        late.onset = RankingSamples.onset + .seconds(90)
        let after = rank([samples.symptom(1), late]).hypotheses.first?.probability ?? 1
        let before = rank([samples.symptom(1), samples.pool(2)]).hypotheses.first?.probability ?? 0
        #expect(after < before)
    }

    @Test("That a service is unwell by itself is left when nothing says why, and gives way to what does")
    func defect() throws {
        var slow = samples.finding(1, .latency, effect: 1, on: ["web-2"], about: "GET /api/checkout")
        slow.magnitude = 60
        func kinds(_ more: [Finding]) throws -> (first: CauseKind, probability: Double) {
            var input = samples.input([slow] + more)
            input.calls = [ServiceCall(caller: "shop", callee: "payments")]
            input.observed = ["shop", "payments"]
            let first = try #require(CauseRanking.rank(input).hypotheses.first)
            return (first.kind, first.probability)
        }
        #expect(try kinds([]).first == .defect)
        var network = samples.finding(2, .dependency, effect: 0.6, on: ["web-2"], about: "payments")
        network.suggests = .networkDelay
        let found = try kinds([network])
        #expect(found.first == .networkDelay && found.probability > 0.8)
        var shortage = samples.finding(3, .resource, effect: 0.8, on: ["web-2"], about: "cpu_pressure")
        (shortage.service, shortage.suggests) = ("", .cpu)
        #expect(try kinds([shortage]).first == .cpu)
        // Elsewhere it explains nothing here.
        var other = samples.finding(4, .resource, effect: 0.8, on: ["db-1"], about: "cpu_pressure")
        (other.service, other.suggests) = ("", .cpu)
        #expect(try kinds([other]).first == .defect)
        #expect(try kinds([samples.change(5, before: .seconds(60), on: ["web-2"])]).first == .badDeploy)
    }

    @Test("A host that serves nothing any more is not elsewhere because others are sick by their requests")
    func silentHost() throws {
        var gone = samples.finding(2, .resource, effect: 0.95, on: ["web-4"], about: "port 8080 of shop")
        (gone.service, gone.suggests) = ("", .dependencyDown)
        func probability(_ state: HostHealth.State) throws -> Double {
            var input = samples.input([samples.symptom(1), gone])
            input.hosts.append(samples.health("web-4", state))
            return try #require(CauseRanking.rank(input).hypotheses.first).probability
        }
        #expect(try probability(.unseen) > probability(.healthy) + 0.2)
    }

    @Test("What was looked at again, closer, is one cause: the later word for it counts")
    func closerLook() throws {
        func process(_ number: UInt64, _ kind: CauseKind) -> Finding {
            var found = samples.finding(
                number,
                .resource,
                effect: 0.8,
                on: ["web-2"],
                about: "process report"
            )
            (found.service, found.suggests) = ("", kind)
            return found
        }
        let ranking = rank([samples.symptom(1), process(2, .cpu), process(3, .noisyNeighbour)])
        #expect(ranking.hypotheses.map(\.kind) == [.noisyNeighbour])
        // Two shortages of different kinds in one thing stay two causes.
        let two = rank([samples.symptom(1), process(2, .memory), process(3, .cpu)])
        #expect(Set(two.hypotheses.map(\.kind)) == [.memory, .cpu])
    }

    @Test("A version that separates sick from healthy hosts settles between two deploys")
    func difference() {
        let one = samples.change(2, before: .seconds(60), on: [], to: "4521")
        let other = samples.change(3, before: .seconds(60), on: [], to: "4600")
        var difference = samples.finding(4, .difference, effect: 0.75, on: ["web-2"], about: "version")
        difference.exemplars = ["4600"]
        let ranking = rank([samples.symptom(1), one, other, difference])
        #expect(references(ranking) == ["4600", "4521"])
        #expect(ranking.hypotheses.first?.evidence.contains(RankingSamples.id(4)) == true)
    }

    @Test("The same change found twice is one hypothesis")
    func twice() {
        let again = samples.change(2, before: .seconds(60), on: ["web-2"])
        #expect(rank([samples.symptom(1), culprit, again]).hypotheses.count == 1)
    }
}
