import MusterCore
import Testing

/// What many hosts' log answers make together.
struct LogSummaryTests {
    private static func summary(_ counts: [(second: Int, count: Int)], width: Int) -> LogSummary {
        var summary = LogSummary()
        summary.bucketSeconds = width
        summary.buckets = counts.map { LogBucket(from: .zero + .seconds($0.second), count: $0.count) }
        summary.first = summary.buckets.first?.from
        summary.last = summary.buckets.last?.from
        return summary
    }

    @Test func countsOfHostsAddUpPerBucket() {
        var sum = LogSummary()
        sum.merge(Self.summary([(0, 1), (60, 2)], width: 60))
        sum.merge(Self.summary([(60, 5), (180, 7)], width: 60))
        #expect(sum.buckets.map(\.count) == [1, 7, 7])
        #expect(sum.buckets.map(\.from) == [0, 60, 180].map { .zero + .seconds($0) })
        #expect(sum.first == .zero && sum.last == .zero + .seconds(180))
    }

    @Test func bucketsOfOneWidthGoIntoTheWiderOnesOfAnotherHost() {
        var sum = Self.summary([(-60, 1), (0, 2), (60, 4), (120, 8)], width: 60)
        sum.merge(Self.summary([(-120, 16), (120, 32)], width: 120))
        #expect(sum.bucketSeconds == 120)
        #expect(sum.buckets.map(\.from) == [-120, 0, 120].map { .zero + .seconds($0) })
        #expect(sum.buckets.map(\.count) == [17, 6, 40])
    }

    @Test func levelsAddUpAndOnlyWhatAllHaveLookedAtIsCovered() {
        var sum = LogSummary()
        sum.levels = ["error": 1, "": 2]
        sum.covered = TimeWindow(from: .zero, to: .zero + .seconds(100))
        var other = LogSummary()
        other.levels = ["error": .max, "fatal": 1]
        other.covered = TimeWindow(from: .zero + .seconds(40), to: .zero + .seconds(100))
        sum.merge(other)
        sum.merge(LogSummary())
        #expect(sum.levels == ["error": .max, "fatal": 1, "": 2])
        #expect(sum.covered == TimeWindow(from: .zero + .seconds(40), to: .zero + .seconds(100)))
    }

    @Test(arguments: [
        (LogOrder.newest, [7, 8, 9]), (.oldest, [0, 1, 2]), (.spread, [0, 4, 9]),
    ])
    func anOrderChoosesEnds(order: LogOrder, expected: [Int]) {
        let all = Array(0..<10)
        #expect(all.chosen(order, 3) == expected)
        #expect(all.chosen(order, 20) == all)
        #expect(all.chosen(order, 0).isEmpty && all.chosen(order, 1).count == 1)
    }
}
