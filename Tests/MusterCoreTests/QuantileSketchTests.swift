import Glibc
import MusterCore
import MusterTesting
import Testing

@Suite struct QuantileSketchTests {
    /// Values over nine orders of magnitude.
    private func numbers(_ count: Int, seed: UInt64) -> [Double] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in pow(10, random.unit() * 9 - 3) }
    }

    private func sketch(_ values: [Double]) -> QuantileSketch {
        var sketch = QuantileSketch()
        for value in values { sketch.add(value) }
        return sketch
    }

    @Test("Every quantile is within the promised error of the true value", arguments: UInt64(1)...5)
    func relativeError(seed: UInt64) throws {
        let values = numbers(10_000, seed: seed)
        let sorted = values.sorted()
        let sketch = sketch(values)
        #expect(sketch.count == values.count)
        for share in [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1] {
            let exact = sorted[Int(share * Double(sorted.count - 1))]
            let estimate = try #require(sketch.quantile(share))
            #expect(abs(estimate - exact) <= exact * QuantileSketch.relativeError * 1.0001, "at \(share)")
        }
        #expect(sketch.minimum == sorted.first)
        #expect(sketch.maximum == sorted.last)
    }

    @Test("The merge of any parts in any order equals the sketch of all values", arguments: UInt64(1)...5)
    func merges(seed: UInt64) {
        let values = numbers(2_000, seed: seed) + [0, 1e-9, 5e12, -3]
        var parts = [[Double]](repeating: [], count: 7)
        for (index, value) in values.enumerated() { parts[index * index % 7].append(value) }
        var forward = QuantileSketch()
        for part in parts { forward.merge(sketch(part)) }
        var backward = QuantileSketch()
        for part in parts.reversed() { backward.merge(sketch(part.reversed())) }
        #expect(forward == sketch(values))
        #expect(backward == forward)
    }

    @Test("An empty sketch has no quantile and changes nothing it is merged into")
    func empty() {
        var values = sketch([1, 2, 3])
        let before = values
        values.merge(QuantileSketch())
        #expect(values == before)
        #expect(QuantileSketch().quantile(0.5) == nil)
        #expect(QuantileSketch().bytes.isEmpty)
        #expect(QuantileSketch(bytes: [])?.isEmpty == true)
    }

    @Test("Values out of range count as the nearest in range, and NaN not at all")
    func outOfRange() throws {
        let sketch = sketch([.nan, -5, 0, 1e-9, .infinity])
        #expect(sketch.count == 4)
        #expect(sketch.quantile(0.3) == 0)
        #expect(try #require(sketch.quantile(1)) >= QuantileSketch.largest * 0.99)
        #expect(sketch.maximum == QuantileSketch.largest)
        #expect(sketch.minimum == 0)
        #expect(sketch.quantile(.nan) == nil)
        #expect(sketch.quantile(7) == sketch.quantile(1))
        #expect(sketch.quantile(-7) == sketch.quantile(0))
    }

    @Test("The serialised form brings back the same sketch", arguments: [1, 2, 100, 5_000])
    func roundTrip(count: Int) throws {
        let sketch = sketch(numbers(count, seed: UInt64(count)) + [0])
        #expect(try #require(QuantileSketch(bytes: sketch.bytes)) == sketch)
    }

    @Test("A serialised form that is cut or has a tail is refused")
    func cut() {
        let bytes = sketch(numbers(200, seed: 1)).bytes
        for length in 1..<bytes.count {
            #expect(QuantileSketch(bytes: Array(bytes[..<length])) == nil, "cut at \(length)")
        }
        #expect(QuantileSketch(bytes: bytes + [0]) == nil)
    }

    /// Version, zeros, least and greatest value, then whatever follows.
    private static func form(
        _ zeros: [UInt8] = [1],
        _ low: Double = 1,
        _ high: Double = 2,
        _ rest: [UInt8] = [0]
    ) -> [UInt8] {
        let bits = [low, high].flatMap { value in
            (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
        }
        return [1] + zeros + bits + rest
    }

    @Test("A serialised form that no sketch has is refused")
    func hostile() {
        #expect(QuantileSketch(bytes: Self.form())?.count == 1)
        #expect(QuantileSketch(bytes: Self.form([0], 1, 2, [1, 9, 3]))?.count == 3)
        // The largest count that is taken, and one more.
        let most: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]
        let tooMany: [UInt8] = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]
        let refused: [(String, [UInt8])] = [
            ("another version", [9] + Array(Self.form().dropFirst())),
            ("nothing in it", Self.form([0])),
            ("least above greatest", Self.form([1], 3, 2)),
            ("negative", Self.form([1], -1, 2)),
            ("NaN", Self.form([1], .nan, 2)),
            ("infinite", Self.form([1], 1, .infinity)),
            ("above the largest", Self.form([1], 1, 1e13)),
            ("more zeros than anybody counts", Self.form(tooMany)),
            ("an integer that is not in its shortest form", Self.form([0x81, 0x00])),
            ("an integer without an end", Self.form([UInt8](repeating: 0xFF, count: 12))),
            ("a bucket of nothing", Self.form([1], 1, 2, [1, 9, 0])),
            ("the same bucket twice", Self.form([1], 1, 2, [2, 9, 1, 0, 1])),
            ("a bucket out of range", Self.form([1], 1, 2, [1, 0xFF, 0x7F, 1])),
            ("more buckets than there are", Self.form([1], 1, 2, [0xFF, 0x7F])),
            ("a sum that is too large", Self.form([1], 1, 2, [1, 9] + most)),
        ]
        for (what, bytes) in refused { #expect(QuantileSketch(bytes: bytes) == nil, "\(what)") }
    }

    @Test("Whatever bytes are taken are given back as they were", arguments: UInt64(1)...5)
    func fuzz(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let good = sketch(numbers(50, seed: seed)).bytes
        var taken = 0
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0...random.next() % 3 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let sketch = QuantileSketch(bytes: bytes) else { continue }
            taken += 1
            #expect(sketch.bytes == bytes)
            #expect(sketch.quantile(0.5)?.isFinite == true)
        }
        #expect(taken > 0)
    }
}
