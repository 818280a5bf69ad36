import MusterCause
import MusterCore
import Testing

/// Diffs in the ranking of a live incident.
@Suite struct ChangeRelevanceTests {
    private let samples = RankingSamples()

    private func change(_ number: UInt64, before span: Duration, diff: String) -> Finding {
        var finding = samples.change(number, before: span, on: ["web-2"], to: "\(number)")
        finding.change?.diff = diff
        return finding
    }

    private var lines: Finding {
        var finding = samples.finding(
            3,
            .logs,
            effect: 0.9,
            on: ["web-2"],
            about: "reserveStock: deadline of * exceeded"
        )
        finding.exemplars = ["reserveStock: deadline of 150ms exceeded"]
        return finding
    }

    private let tight = "@@ reserveStock\n-  deadline: 5s\n+  deadline: 150ms\n"
    private let other = "@@\n-  greeting: hello\n+  greeting: welcome\n"

    @Test("Of two deploys on the sick host the one whose diff speaks of the new lines is named, and why")
    func named() throws {
        func first(_ nearDiff: String, _ farDiff: String) -> Hypothesis? {
            let near = change(8, before: .seconds(60), diff: nearDiff)
            let far = change(9, before: .seconds(600), diff: farDiff)
            return CauseRanking.rank(samples.input([samples.symptom(1), lines, near, far])).hypotheses.first
        }
        #expect(first("", "")?.change?.reference == "8")
        #expect(first(other, other)?.change?.reference == "8")
        let named = try #require(first(other, tight))
        #expect(named.change?.reference == "9")
        #expect(
            named.cause
                == "deploy #9 by sarah on web-2 (shop 4520 -> 9): changed `deadline` from 5 s to 150 ms, and the symptom says 150 ms"
        )
    }

    @Test("A diff of documentation alone speaks against a deploy")
    func harmless() throws {
        let docs = "--- a/docs/x.md\n+++ b/docs/x.md\n@@\n-old\n+new words\n"
        func probability(_ diff: String) -> Double {
            // On sick and healthy hosts, and long ago: one that may be it or not.
            var found = samples.change(8, before: .seconds(3600), on: ["web-1", "web-2", "web-3"])
            found.change?.diff = diff
            return CauseRanking.rank(samples.input([samples.symptom(1), found])).hypotheses.first?.probability
                ?? 0
        }
        #expect(probability(docs) < probability(""))
    }

    @Test("Without symptoms to compare with, a diff changes nothing")
    func nothing() {
        let plain = CauseRanking.rank(samples.input([change(8, before: .seconds(60), diff: "")]))
        let diff = CauseRanking.rank(samples.input([change(8, before: .seconds(60), diff: other)]))
        #expect(plain.hypotheses.map(\.probability) == diff.hypotheses.map(\.probability))
    }
}
