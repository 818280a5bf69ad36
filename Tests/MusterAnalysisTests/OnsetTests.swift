import MusterAnalysis
import MusterTesting
import Testing

@Suite struct OnsetTests {
    /// 60 points of baseline and 30 of the window, around 10 with deviation 1; 20 more from `step` on.
    private func series(seed: UInt64, step: Int = .max, by height: Double = 20) -> [Double] {
        var random = SplitMix64(seed: seed)
        return (0..<90).map { (index: Int) -> Double in
            10 + random.noise() + (index >= step ? height : 0)
        }
    }

    private func onset(_ values: [Double], from windowStart: Int = 60, noise: Double = 0.5) -> Onset {
        Onset(values: values, windowStart: windowStart, noise: noise)
    }

    @Test("A step is found at its first point, up and down, with the level before", arguments: UInt64(1)...5)
    func step(seed: UInt64) {
        let up = onset(series(seed: seed, step: 70))
        #expect(up.index == 70)
        #expect(up.score > 10 && up.score < 40)
        #expect(abs(up.baselineMedian - 10) < 0.5)
        #expect(abs(up.baselineMAD * RobustStatistics.normalScale - 1) < 0.5)
        let down = onset(series(seed: seed, step: 70, by: -20))
        #expect(down.index == 70)
        #expect(down.score < -10)
    }

    @Test("A step before the window is found at the window's start")
    func earlier() {
        #expect(onset(series(seed: 1, step: 60)).index == 60)
    }

    @Test("A step is found without a baseline, from what the window itself shows", arguments: UInt64(1)...5)
    func noBaseline(seed: UInt64) {
        let found = onset(series(seed: seed, step: 70), from: 0)
        #expect(found.index == 70)
        #expect(abs(found.baselineMedian - 10) < 0.5)
    }

    @Test("Noise is no change", arguments: UInt64(0)..<100)
    func noise(seed: UInt64) {
        let found = onset(series(seed: seed))
        #expect(found.index == nil)
        #expect(found.score == 0)
    }

    @Test("One spike is no change of level, however high", arguments: [15, 1e9, -1e9, 1e300])
    func spike(height: Double) {
        var values = series(seed: 3)
        values[70] += height
        #expect(onset(values).index == nil)
        #expect(onset(values).score == 0)
    }

    @Test("What is not finite is skipped, and the index still counts it")
    func notFinite() {
        var values = series(seed: 1, step: 70)
        for index in [3, 30, 65] { values[index] = .nan }
        #expect(onset(values).index == 70)
        values[70] = .nan
        values[71] = .infinity
        let found = onset(values)
        #expect(found.index == 72)
        #expect(found.score.isFinite && found.baselineMedian.isFinite && found.baselineMAD.isFinite)
    }

    @Test("A constant series has no change and no deviation")
    func constant() {
        let found = onset([Double](repeating: 7, count: 90))
        #expect(found == onset([Double](repeating: 7, count: 61)))
        #expect(found.index == nil)
        #expect(found.score == 0)
        #expect(found.baselineMedian == 7)
        #expect(found.baselineMAD == 0)
    }

    @Test("A series that stood still changes only by what is more than its noise, and the score is bounded")
    func trifles() {
        func moved(to level: Double) -> Onset {
            onset([Double](repeating: 7, count: 60) + [Double](repeating: level, count: 30))
        }
        #expect(moved(to: 7.4).index == nil)
        #expect(moved(to: 9).index == 60)
        #expect(moved(to: 9).score == 4)
        #expect(moved(to: 1e9).score == Onset.scoreMax)
        #expect(moved(to: -1e9).score == -Onset.scoreMax)
    }

    @Test("Too few points are no change")
    func few() {
        for values in [[], [1], [.nan, .nan], [.infinity]] as [[Double]] {
            let found = onset(values, from: 0)
            #expect(found.index == nil)
            #expect(found.score == 0)
            #expect(found.baselineMedian.isFinite)
        }
        #expect(onset([1, 2, 3, 4, 5, 6, 700], from: 100).index == nil)
    }
}
