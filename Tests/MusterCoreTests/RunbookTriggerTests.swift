import MusterCore
import Testing

@Suite struct RunbookTriggerTests {
    private func matches(_ pattern: String?, _ alert: String) -> Bool {
        RunbookTrigger(alert: pattern, cause: nil, confidence: .high).matches(alert: alert)
    }

    @Test(
        "A star stands for any characters, and letters of either case are equal",
        arguments: [
            ("PostgreSQL connection pool > 90%", "postgresql CONNECTION pool > 90%"),
            ("*", ""), ("*", "anything"), ("**", "x"), ("", ""), ("*pool*", "connection pool full"),
            ("*pool*", "pool"), ("High*", "HighErrorRate"), ("*Rate", "HighErrorRate"), ("*rate", "rateRate"),
            ("a*b*c", "a-b-b-c"), ("a*bc", "abcbc"), ("*é*", "CAFÉ au lait"), ("a*", "a*"),
        ]
    )
    func fits(pattern: String, alert: String) {
        #expect(matches(pattern, alert))
    }

    @Test(
        "Everything else must be there, from the first to the last character",
        arguments: [
            ("pool", "pool full"), ("pool", "full pool"), ("", "x"), ("a*", "ba"), ("*a", "ab"),
            ("a*b*c", "acb"),
            ("a?c", "abc"), (".*", "x"), ("[ab]", "a"), ("a**b", "ac"), ("*pool*", "poo l"), ("ab*ba", "aba"),
        ]
    )
    func differs(pattern: String, alert: String) {
        #expect(!matches(pattern, alert))
    }

    @Test("A trigger without an alert's pattern takes any alert")
    func anyAlert() {
        #expect(matches(nil, "") && matches(nil, "HighErrorRate"))
    }

    @Test("A pattern made to be slow is not")
    func hostile() {
        let pattern = String(repeating: "a*", count: 200) + "b"
        #expect(!matches(pattern, String(repeating: "a", count: 2_000)))
        #expect(matches(pattern, String(repeating: "a", count: 2_000) + "b"))
    }

    @Test("More confidence asks for more probability")
    func confidence() {
        let least = RunbookConfidence.allCases.map(\.probabilityMin)
        #expect(RunbookConfidence.allCases == [.high, .medium, .low])
        #expect(least == least.sorted(by: >) && Set(least).count == 3)
    }
}
