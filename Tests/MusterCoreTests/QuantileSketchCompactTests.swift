import Glibc
import MusterTesting
import Testing

@testable import MusterCore

@Suite struct QuantileSketchCompactTests {
    @Test("A sketch read back from its compact form has the same buckets", arguments: UInt64(1)...5)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var sketch = QuantileSketch()
        for _ in 0..<Int(random.next() % 2_000) {
            sketch.add(pow(10, random.unit() * 20 - 8), times: Int(random.next() % 40) + 1)
        }
        sketch.add(0)
        var bytes: [UInt8] = [7]
        sketch.appendCompact(to: &bytes)
        bytes.append(9)
        var place = 1
        var back = QuantileSketch()
        back.addCompact(bytes, at: &place)
        #expect(place == bytes.count - 1)
        #expect(back.count == sketch.count)
        #expect(back.counts == sketch.counts && back.offset == sketch.offset && back.zeros == sketch.zeros)
        for share in [0, 0.1, 0.5, 0.99, 1] {
            let (a, b) = (try #require(sketch.quantile(share)), try #require(back.quantile(share)))
            #expect(abs(a - b) <= max(a, b) * 0.02)
        }
        place = 1
        QuantileSketch.skipCompact(bytes, at: &place)
        #expect(place == bytes.count - 1)
    }

    @Test("What is cut off or made up is read to its end, without a trap", arguments: UInt64(1)...3)
    func broken(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<5_000 {
            let bytes = (0..<Int(random.next() % 40)).map { _ in UInt8.random(in: 0...255, using: &random) }
            var place = 0
            var sketch = QuantileSketch()
            sketch.addCompact(bytes, at: &place)
            #expect(place <= bytes.count)
            place = 0
            QuantileSketch.skipCompact(bytes, at: &place)
            #expect(place <= bytes.count)
        }
    }
}
