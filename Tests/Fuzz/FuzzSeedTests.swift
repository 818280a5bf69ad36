import Foundation
import MusterTesting
import Testing

/// The short form of fuzzing, in every test run: what fuzzing found worth keeping, and seeded changes of it.
///
/// A parser that traps takes the whole test run down, which is the point.
@Suite struct FuzzSeedTests {
    /// Changed inputs of each target: enough to notice what was broken; looking for more is the fuzzer's work.
    private static let changes = 400

    /// Seeds of a target: each line of its file is one input in base64.
    private static func seeds(_ target: String) -> [[UInt8]] {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "seeds/\(target).base64"
        )
        guard let text = try? String(contentsOf: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").compactMap { Data(base64Encoded: String($0)).map { Array($0) } }
    }

    // One after the other: each keeps a thread busy.
    @Test(
        "Every parser has seeds, and returns from each of them and from changed ones",
        .serialized,
        arguments: FuzzTarget.all.map(\.name)
    )
    func replay(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let seeds = Self.seeds(name)
        #expect(!seeds.isEmpty, "Tests/Fuzz/seeds/\(name).base64 is missing or empty")
        var random = SplitMix64(seed: 7)
        for seed in seeds { target.run(seed) }
        for _ in 0..<Self.changes {
            guard let seed = seeds.randomElement(using: &random) else { break }
            target.run(Self.changed(seed, among: seeds, &random))
        }
    }

    /// Cuts, repeats, overwrites and splices.
    private static func changed(
        _ seed: [UInt8],
        among seeds: [[UInt8]],
        _ random: inout SplitMix64
    ) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2:
                let end = min(bytes.count, place + Int.random(in: 0...16, using: &random))
                bytes.removeSubrange(place..<end)
            case 3:
                let end = min(bytes.count, place + 64)
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default:
                guard let other = seeds.randomElement(using: &random) else { continue }
                bytes = Array(bytes.prefix(place) + other.dropFirst(place))
            }
        }
        return Array(bytes.prefix(1 << 16))
    }
}
