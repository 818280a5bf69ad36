import MusterCore
import MusterTesting
import Testing

@testable import MusterCause

/// Diffs of which something is far larger, or otherwise, than people write it.
@Suite struct ChangeLimitsTests {
    private static let dots = String(repeating: "ab_", count: 10_000) + String(repeating: ".a", count: 16_000)
    private static let name = "timeout_" + String(repeating: "ab_", count: 9_000)

    /// Diffs by what is long in them.
    private static let long = [
        // The first word was read again for each that follows it.
        "chain": "@@\n+\(dots)\n",
        "setting": "@@\n-\(name) = 5s\n+\(name) = 3s\n",
        "module": "+++ b/go.mod\n@@\n-\t\(name) v1.2.3\n+\t\(name) v2.0.0\n",
    ]

    @Test(
        "What is said of a change is short, and said in time, however long its names are",
        .timeLimit(.minutes(1)),
        arguments: ["chain", "setting", "module"]
    )
    func names(_ what: String) throws {
        let diff = try #require(Self.long[what])
        let symptom = ChangeSamples.symptom("\(Self.name) of 3 s exceeded", "ab_ab: timeout of 3 s")
        let change = ChangeSamples.change("long", "go.mod", diff)
        let ranking = ChangeJudge.rank(ChangeSamples.window([change]), against: symptom)
        let texts = ranking.changes.flatMap { $0.reasons.map(\.text) }
        #expect(!texts.isEmpty)
        #expect(texts.allSatisfy { $0.utf8.count <= ChangeReason.textBytesMax })
    }

    @Test("Paths that no file system has are left out, and the folders of a deep one bounded")
    func paths() {
        let long = String(repeating: "a/", count: 4_000) + "x.go"
        let deep = String(repeating: "b/", count: 2_000) + "x.go"
        let change = CodeChange(id: "deep", message: "", at: .zero, files: [long, deep], diff: "")
        #expect(change.files == [deep])
        let ranking = ChangeJudge.rank(ChangeSamples.window([change]), against: ChangeSamples.symptom())
        #expect(ranking.changes.map(\.id) == ["deep"])
    }

    @Test("Lines that end as on Windows tell the same")
    func lineEnds() throws {
        let diff = "--- a/x.yaml\n+++ b/x.yaml\n@@ reserve\n-deadline: 5s\n+deadline: 150ms\n pool: 3\n"
        let symptom = ChangeSamples.symptom("deadline of 150ms exceeded")
        func reasons(_ diff: String) -> [ChangeReason] {
            let change = ChangeSamples.change("it", "x.yaml", diff)
            return ChangeJudge.rank(ChangeSamples.window([change]), against: symptom).changes[0].reasons
        }
        let plain = reasons(diff)
        #expect(plain.contains { $0.mechanism == .values })
        #expect(reasons(diff.split(separator: "\n").map { $0 + "\r\n" }.joined()) == plain)
    }

    @Test("A beginning of a text has no more bytes than asked for, and whole code points")
    func beginnings() {
        #expect("shop".prefix(bytes: 4) == "shop" && "shops".prefix(bytes: 4) == "shop")
        #expect("aé".prefix(bytes: 2) == "a" && "aé".prefix(bytes: 3) == "aé")
        let accents = "e" + String(repeating: "\u{301}", count: 1_000)
        #expect(accents.count == 1 && accents.prefix(bytes: 100).utf8.count == 99)
        #expect("é".prefix(bytes: 0).isEmpty)
    }

    @Test("Stems that are looked up in order are those that are found one by one")
    func stems() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<2_000 {
            func word() -> String {
                String(
                    (0..<Int.random(in: 1...8, using: &random)).map { _ in
                        "abc".randomElement(using: &random) ?? "a"
                    }
                )
            }
            let words = Set((0..<Int.random(in: 0...12, using: &random)).map { _ in word() })
            let wanted = word()
            let isThere = words.contains { ChangeWords.matches(wanted, $0) }
            #expect(StemSet(words).has(wanted) == isThere, "\(wanted) in \(words)")
        }
    }
}
