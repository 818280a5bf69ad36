import MusterCause
import MusterCore
import MusterTesting
import Testing

@Suite struct ProportionShiftTests {
    private func buckets(_ counts: [(count: Int, errors: Int)]) -> [RequestBucket] {
        counts.enumerated().map { index, bucket in
            RequestBucket(
                from: Timestamp.zero + .seconds(index),
                count: bucket.count,
                errors: bucket.errors
            )
        }
    }

    private func series(_ count: Int, of requests: Int, errors: Int) -> [(count: Int, errors: Int)] {
        Array(repeating: (count: requests, errors: errors), count: count)
    }

    @Test("A rise is found in the bucket in which it begins, with the share before and after")
    func rise() throws {
        let fromNothing = buckets(series(30, of: 20, errors: 0) + series(10, of: 20, errors: 5))
        let first = try #require(ProportionShift.rise(in: fromNothing))
        #expect(first.index == 30)
        #expect(first.before == 0)
        #expect(first.after == 0.25)
        #expect(abs(first.score - 149.1326) < 0.001)
        let fromSome = buckets(series(40, of: 100, errors: 1) + series(20, of: 100, errors: 20))
        let second = try #require(ProportionShift.rise(in: fromSome))
        #expect(second.index == 40)
        #expect(second.before == 0.01)
        #expect(second.after == 0.2)
    }

    @Test("A rise in noisy counts is found in its bucket", arguments: UInt64(1)...20)
    func noisyRise(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let counts = (0..<60).map { index in
            (count: 50, errors: random.successes(of: 50, probability: index < 40 ? 0.02 : 0.3))
        }
        let found = try #require(ProportionShift.rise(in: buckets(counts)))
        #expect(found.index == 40)
        #expect(found.after > found.before)
    }

    @Test("Noise around one share is no rise", arguments: UInt64(0)..<100)
    func noise(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let counts = (0..<60).map { _ in
            (count: 50, errors: random.successes(of: 50, probability: 0.02))
        }
        #expect(ProportionShift.rise(in: buckets(counts)) == nil)
    }

    @Test("Of a thousand long series of noise less than one seems to rise", arguments: [0.02, 0.1])
    func falseAlarms(share: Double) {
        var random = SplitMix64(seed: 4)
        let found = (0..<1000).count { _ in
            let counts = (0..<600).map { _ in
                (count: 20, errors: random.successes(of: 20, probability: share))
            }
            return ProportionShift.rise(in: buckets(counts)) != nil
        }
        #expect(found <= 1)
    }

    @Test("Seconds without requests neither hide nor shift a rise")
    func gaps() throws {
        let counts =
            series(3, of: 0, errors: 0) + series(3, of: 50, errors: 0) + series(3, of: 0, errors: 0)
            + series(3, of: 50, errors: 25)
        #expect(try #require(ProportionShift.rise(in: buckets(counts))).index == 9)
    }

    @Test("A fall, a few errors and nothing at all are no rise")
    func none() {
        #expect(ProportionShift.rise(in: []) == nil)
        #expect(ProportionShift.rise(in: buckets(series(1, of: 100, errors: 100))) == nil)
        #expect(ProportionShift.rise(in: buckets(series(20, of: 0, errors: 0))) == nil)
        #expect(ProportionShift.rise(in: buckets(series(20, of: 50, errors: 0))) == nil)
        #expect(ProportionShift.rise(in: buckets(series(20, of: 50, errors: 50))) == nil)
        let fall = series(20, of: 20, errors: 5) + series(20, of: 20, errors: 0)
        #expect(ProportionShift.rise(in: buckets(fall)) == nil)
        let single =
            series(5, of: 10, errors: 0) + series(1, of: 10, errors: 1) + series(5, of: 10, errors: 0)
        #expect(ProportionShift.rise(in: buckets(single)) == nil)
    }
}
