import MusterAnalysis
import MusterTesting
import Testing

@Suite struct RobustStatisticsTests {
    @Test(
        "The median is the middle value, or between the two middle ones",
        arguments: [
            ([3], 3), ([5, 1, 3], 3), ([1, 2, 3, 1000], 2.5), ([-1, .nan, 7, .infinity, -.infinity], 3),
            ([Double.greatestFiniteMagnitude, .greatestFiniteMagnitude], .greatestFiniteMagnitude),
        ] as [([Double], Double)]
    )
    func median(values: [Double], expected: Double) {
        #expect(RobustStatistics.median(values) == expected)
    }

    @Test("Without a finite value there is no median and no deviation")
    func nothing() {
        for values in [[], [Double.nan], [.infinity, -.infinity]] as [[Double]] {
            #expect(RobustStatistics.median(values) == nil)
            #expect(RobustStatistics.medianAbsoluteDeviation(values, around: 0) == nil)
        }
    }

    @Test("The median absolute deviation is not bent by a wild value")
    func deviation() {
        #expect(RobustStatistics.medianAbsoluteDeviation([1, 1, 2, 2, 4, 6, 9], around: 2) == 1)
        #expect(RobustStatistics.medianAbsoluteDeviation([1, 1, 2, 2, 4, 6, 9e9, .nan], around: 2) == 1)
        #expect(RobustStatistics.medianAbsoluteDeviation([4, 4, 4], around: 4) == 0)
    }

    @Test("Scaled, the median absolute deviation of normal noise is its standard deviation")
    func scale() throws {
        var random = SplitMix64(seed: 1)
        let values = (0..<20_000).map { _ in 3 * random.noise() }
        let deviation = try #require(RobustStatistics.medianAbsoluteDeviation(values, around: 0))
        #expect(abs(deviation * RobustStatistics.normalScale - 3) < 0.1)
    }
}

@Suite struct WilsonIntervalTests {
    @Test(
        "Bounds are Wilson's",
        arguments: [
            (0, 10, 0, 0.27754), (5, 10, 0.23659, 0.76341), (10, 10, 0.72246, 1),
            (50, 100, 0.40383, 0.59617), (1, 1000, 0.000177, 0.005643),
        ] as [(Int, Int, Double, Double)]
    )
    func known(successes: Int, trials: Int, low: Double, high: Double) {
        let interval = WilsonInterval(successes: successes, trials: trials)
        #expect(abs(interval.low - low) < 1e-5)
        #expect(abs(interval.high - high) < 1e-5)
        let surer = WilsonInterval(successes: successes, trials: trials, z: 2.5758)
        #expect(surer.low <= interval.low && surer.high >= interval.high)
        #expect(surer.high - surer.low > interval.high - interval.low)
    }

    @Test("Without trials nothing is known")
    func nothing() {
        let interval = WilsonInterval(successes: 0, trials: 0)
        #expect(interval.low == 0 && interval.high == 1)
    }

    @Test("Counts that can't be are taken as the nearest that can")
    func impossible() {
        #expect(
            WilsonInterval(successes: 12, trials: 10) == WilsonInterval(successes: 10, trials: 10)
        )
        #expect(WilsonInterval(successes: -1, trials: 10) == WilsonInterval(successes: 0, trials: 10))
        #expect(WilsonInterval(successes: 1, trials: -1) == WilsonInterval(successes: 0, trials: 0))
    }
}
