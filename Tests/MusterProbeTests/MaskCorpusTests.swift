import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// How much of what is secret is found, and how much of what is not is left alone.
@Suite struct MaskCorpusTests {
    @Test("98 of a hundred secrets at least are gone, of each kind nine of ten")
    func recall() {
        var corpus = MaskCorpus(seed: 7)
        let cases = corpus.secretCases(rounds: 600)
        var (secrets, left) = (0, 0)
        var kinds: [String: (all: Int, left: Int)] = [:]
        for entry in cases {
            let masked = SecretMask.mask(entry.text, rules: .standard)
            for secret in entry.secrets {
                // Of two ways to write one, only one is there.
                guard entry.text.contains(secret) else { continue }
                let isLeft = masked.contains(secret)
                secrets += 1
                left += isLeft ? 1 : 0
                kinds[entry.kind, default: (0, 0)].all += 1
                kinds[entry.kind]?.left += isLeft ? 1 : 0
            }
        }
        let recall = 1 - Double(left) / Double(secrets)
        print(
            "masking: recall \(recall) of \(secrets) secrets in \(cases.count) texts of \(kinds.count) kinds"
        )
        #expect(recall >= 0.98)
        for (kind, count) in kinds where count.left > 0 {
            print("masking: \(kind): \(count.left) of \(count.all) left")
            #expect(Double(count.left) <= 0.1 * Double(count.all), "\(kind)")
        }
    }

    @Test(
        "of a hundred lines without a secret one at most is touched",
        .enabled(
            if: access("../shared/data/loghub", R_OK) == 0,
            "the real logs are not at ../shared/data"
        )
    )
    func falsePositives() throws {
        var corpus = MaskCorpus(seed: 8)
        let real = try Self.realLines()
        let rates = [("real", real), ("look-alike", corpus.benignLines(rounds: 100))].map { name, lines in
            let touched = lines.filter { SecretMask.mask($0, rules: .standard) != $0 }
            let rate = Double(touched.count) / Double(lines.count)
            print("masking: false positive rate \(rate) of \(lines.count) \(name) lines")
            for line in touched.prefix(5) { print("masking: touched: \(line.prefix(160))") }
            return rate
        }
        #expect(real.count > 15_000)
        #expect(rates.allSatisfy { $0 <= 0.01 })
    }

    private static func realLines() throws -> [String] {
        let files = HostFiles(root: "../shared/data")
        let paths =
            files.matches("/loghub/*/*.log") + files.matches("/logs/*.log") + files.matches("/logs/*.txt")
        return try paths.flatMap { path in
            try files.read(path, bytesMax: 16 << 20).split(separator: 0x0A).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }
}
