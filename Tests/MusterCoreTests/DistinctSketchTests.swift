import MusterCore
import MusterTesting
import Testing

@Suite struct DistinctSketchTests {
    private func hashes(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in random.next() }
    }

    private func sketch(_ hashes: some Sequence<UInt64>) -> DistinctSketch {
        var sketch = DistinctSketch()
        for hash in hashes { sketch.add(hash: hash) }
        return sketch
    }

    @Test(
        "An estimate is within three standard errors of the true count",
        arguments: [100, 10_000, 100_000],
        [UInt64(1), 2, 3]
    )
    func estimate(count: Int, seed: UInt64) {
        let estimate = sketch(hashes(count, seed: seed)).estimate
        #expect(abs(estimate / Double(count) - 1) < 3 * DistinctSketch.relativeError)
    }

    @Test("What was added before counts no second time")
    func repeats() {
        let values = hashes(3_000, seed: 1)
        var twice = sketch(values)
        for hash in values.reversed() { twice.add(hash: hash) }
        #expect(twice == sketch(values))
    }

    @Test(
        "The merge of parts that overlap is the sketch of their union",
        arguments: [(10, 20), (500, 700), (10, 9_000), (9_000, 10), (6_000, 9_000)]
    )
    func merges(first: Int, second: Int) {
        let all = hashes(first + second, seed: 7)
        let left = sketch(all.prefix(first + second / 2))
        let right = sketch(all.suffix(second))
        var merged = left
        merged.merge(right)
        #expect(merged == sketch(all))
        var turned = right
        turned.merge(left)
        #expect(turned == merged)
        merged.merge(DistinctSketch())
        #expect(merged == turned)
    }

    @Test("The same value counts once under one salt and again under another")
    func salt() {
        let user = Array("ana".utf8)
        var sketch = DistinctSketch()
        sketch.add(user, salt: [1, 2, 3])
        var same = DistinctSketch()
        same.add(hash: KeyedHash(salt: [1, 2, 3]).hash(user))
        #expect(sketch == same)
        sketch.add(user, salt: [1, 2, 3])
        #expect(sketch == same)
        sketch.add(user, salt: [4, 5, 6])
        #expect(sketch != same)
        #expect((1.5..<2.5).contains(sketch.estimate))
    }

    @Test(
        "The serialised form is small and brings back the same sketch",
        arguments: [0, 1, 700, 900, 50_000]
    )
    func roundTrip(count: Int) throws {
        let sketch = sketch(hashes(count, seed: 5))
        #expect(sketch.isEmpty == (count == 0))
        #expect(sketch.bytes.isEmpty == (count == 0))
        #expect(sketch.bytes.count <= 3_073)
        #expect(try #require(DistinctSketch(bytes: sketch.bytes)) == sketch)
    }

    @Test("A serialised form that is cut or has a tail is refused", arguments: [40, 5_000])
    func cut(count: Int) {
        let bytes = sketch(hashes(count, seed: 2)).bytes
        for length in 1..<bytes.count {
            #expect(DistinctSketch(bytes: Array(bytes[..<length])) == nil, "cut at \(length)")
        }
        #expect(DistinctSketch(bytes: bytes + [0]) == nil)
    }

    @Test("A serialised form that no sketch has is refused")
    func hostile() {
        #expect(DistinctSketch(bytes: [1, 1, 5, 53]) != nil)
        let refused: [(String, [UInt8])] = [
            ("another version", [3, 1, 5, 1]),
            ("nothing but the version", [1]),
            ("no registers", [1, 0]),
            ("a register of nothing", [1, 1, 5, 0]),
            ("a register above the largest", [1, 1, 5, 54]),
            ("the same register twice", [1, 2, 5, 1, 0, 1]),
            ("a register out of range", [1, 1, 0x80, 0x20, 1]),
            ("a distance that leaves the range", [1, 2, 0xFF, 0x1F, 1, 1, 1]),
            ("more registers than the sparse form holds", [1, 0x81, 0x06]),
            ("fewer bytes than registers", [1, 3, 5, 1, 1, 1]),
            ("a dense form of nothing", [2] + [UInt8](repeating: 0, count: 3_072)),
            ("a dense form above the largest", [2] + [UInt8](repeating: 0xFF, count: 3_072)),
            ("a dense form of another size", [2] + [UInt8](repeating: 0x41, count: 3_071)),
        ]
        for (what, bytes) in refused { #expect(DistinctSketch(bytes: bytes) == nil, "\(what)") }
    }

    @Test("Whatever bytes are taken are given back as they were", arguments: [30, 2_000])
    func fuzz(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let good = sketch(hashes(count, seed: 3)).bytes
        var taken = 0
        for _ in 0..<2_000 {
            var bytes = good
            bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            guard let sketch = DistinctSketch(bytes: bytes) else { continue }
            taken += 1
            #expect(sketch.bytes == bytes)
            #expect(sketch.estimate > 0)
        }
        #expect(taken > 0)
    }
}
