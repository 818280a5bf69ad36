import MusterCause
import MusterTesting
import Testing

@Suite struct LevelShiftTests {
    private static func noise(_ count: Int, around center: Double, seed: UInt64 = 3) -> [Double] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in center + random.noise() }
    }

    @Test("A rise is counted in units of the noise")
    func rise() throws {
        let usual = Self.noise(200, around: 100)
        let shift = try #require(LevelShift(usual: usual, now: [110, 110, 110, 110], relativeFloor: 0))
        #expect(shift.score > 7 && shift.score < 13)
        #expect(abs(shift.rise - 10) < 0.5)
    }

    @Test("One outlier on either side changes little")
    func outliers() throws {
        let usual = Self.noise(100, around: 100)
        let plain = try #require(LevelShift(usual: usual, now: [100, 101, 99, 100, 100], part: .all))
        let spoilt = try #require(
            LevelShift(usual: usual + [1e9], now: [100, 101, 99, 100, 1e9], part: .all)
        )
        #expect(abs(plain.score - spoilt.score) < 1)
    }

    @Test("A fault in half of the intervals shows in the upper half, not among single requests")
    func upperHalf() throws {
        let usual = Self.noise(100, around: 100)
        let now = [100.0, 100, 200, 200]
        let intervals = try #require(LevelShift(usual: usual, now: now))
        #expect(intervals.now == 200)
        let singles = try #require(LevelShift(usual: usual, now: now, part: .all))
        #expect(singles.now == 150)
    }

    @Test("A series that never moved has a floor for its noise")
    func floors() throws {
        let flat = [Double](repeating: 5, count: 50)
        let small = try #require(LevelShift(usual: flat, now: [5.0001], relativeFloor: 0.05))
        #expect(small.score < 0.01)
        let absolute = try #require(LevelShift(usual: flat, now: [6], relativeFloor: 0, absoluteFloor: 2))
        #expect(absolute.score <= 0.5)
    }

    @Test("Few values now count less")
    func few() throws {
        let usual = Self.noise(100, around: 100)
        let one = try #require(LevelShift(usual: usual, now: [120]))
        let four = try #require(LevelShift(usual: usual, now: [120, 120, 120, 120]))
        #expect(abs(one.score * 2 - four.score) < 1e-9)
    }

    @Test("Too little to compare is nil, and what is not finite does not count")
    func tooLittle() {
        #expect(LevelShift(usual: [1, 2, 3, 4], now: [9]) == nil)
        #expect(LevelShift(usual: [1, 2, 3, 4, 5], now: []) == nil)
        #expect(LevelShift(usual: [1, 2, 3, 4, .nan, .infinity], now: [9]) == nil)
        #expect(LevelShift(usual: [1, 2, 3, 4, 5], now: [.nan]) == nil)
    }

    @Test("The scale of effects is logarithmic and bounded")
    func effects() {
        #expect(EffectScale.effect(3.9, from: 4, full: 40) == 0)
        #expect(EffectScale.effect(40, from: 4, full: 40) == 1)
        #expect(EffectScale.effect(1e300, from: 4, full: 40) == 1)
        #expect(abs(EffectScale.effect(12.649, from: 4, full: 40) - 0.5) < 1e-3)
        #expect(EffectScale.effect(.nan, from: 4, full: 40) == 0)
        #expect(EffectScale.effect(5, from: 4, full: 4) == 0)
    }
}
