import MusterAnalysis
import MusterCore
import MusterTesting
import Testing

@Suite struct FleetEstimateTests {
    @Test("Counts of all hosts need no estimate")
    func whole() {
        #expect(FleetEstimate.total([3, 4, 5], asked: 3) == EstimatedValue(value: 12, low: 12, high: 12))
        let sampled = FleetEstimate.total([30, 40], variance: 100, asked: 2)
        #expect(abs(sampled.low - 50.4) < 0.1 && abs(sampled.high - 89.6) < 0.1)
        #expect(FleetEstimate.total([], asked: 0) == EstimatedValue(value: 0, low: 0, high: 0))
    }

    @Test(
        "The true total is inside the interval nine times of ten, though hosts differ tenfold and few answer",
        arguments: [3, 5, 9]
    )
    func coverage(answered: Int) {
        var random = SplitMix64(seed: UInt64(answered))
        var inside = 0
        for _ in 0..<2_000 {
            let hosts = (0..<12).map { _ in 100 + Int(random.unit() * random.unit() * 900) }
            let some = Array(hosts.shuffled(using: &random).prefix(answered))
            let estimate = FleetEstimate.total(some, asked: 12)
            let truth = Double(hosts.reduce(0, +))
            if (estimate.low...estimate.high).contains(truth) { inside += 1 }
            #expect(estimate.low >= Double(some.reduce(0, +)))
        }
        #expect(inside >= 1_780, "\(inside)")
    }

    @Test("The interval widens with every host that is missing")
    func widens() {
        let widths = [9, 8, 6, 4, 2].map { answered in
            let estimate = FleetEstimate.total(
                Array([50, 60, 40, 55, 45, 52, 48, 61, 39].prefix(answered)),
                asked: 9
            )
            return estimate.high - estimate.low
        }
        #expect(widths == widths.sorted())
        #expect(widths[0] == 0 && widths[4] > 100)
        let alone = FleetEstimate.total([50], asked: 9)
        #expect(alone.low == 50 && alone.high > 900)
    }

    @Test("Users of hosts that did not answer may all be others")
    func users() {
        let whole = FleetEstimate.users(1_000, covered: 1, answered: 4, asked: 4)
        #expect(whole.low < 1_000 && whole.low > 960 && whole.high > 1_000 && whole.high < 1_040)
        let half = FleetEstimate.users(1_000, covered: 1, answered: 2, asked: 4)
        #expect(half.value == 1_000 && half.low == whole.low && abs(half.high - 2 * whole.high) < 1)
        #expect(FleetEstimate.users(1_000, covered: 0.5, answered: 4, asked: 4).high > 2_000)
    }
}
