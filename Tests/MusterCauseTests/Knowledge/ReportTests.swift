import MusterCore
import Testing

@testable import MusterCause
@testable import MusterIncident

@Suite("Reports of accuracy and alerts") struct ReportTests {
    private typealias Samples = KnowledgeSamples

    private func facts(
        _ number: Int,
        grade: AccuracyGrade?,
        said: Double? = 0.9,
        verdict: Verdict = .likely,
        seconds: Int = 60,
        isFalse: Bool = false,
        brief: Int = 0,
        isDamped: Bool = false
    ) -> IncidentFacts {
        var tally = AlertTally()
        (tally.fired, tally.resolved, tally.brief) = (1 + brief, max(1, brief), brief)
        return IncidentFacts(
            id: Samples.id(number),
            opened: Samples.start + .seconds(number),
            firings: ["rule": tally],
            isDamped: isDamped,
            isClosed: grade != nil || isFalse,
            isFalseAlarm: isFalse,
            verdict: verdict,
            probability: said,
            grade: grade,
            toHypothesis: .seconds(seconds),
            toFix: nil,
            isRepeat: number % 2 == 0,
            isRepeatConfirmed: number % 2 == 0 ? grade == .exact : nil
        )
    }

    private func report(_ facts: [IncidentFacts], manual: Double? = nil) -> AccuracyReport {
        AccuracyReport(facts, since: Samples.start, manualMinutes: manual, runbooks: [])
    }

    @Test("Error of calibration, Brier score and its skill are those computed by hand")
    func calibration() throws {
        // 0.9 said four times, three of them exact; 0.35 said twice, never exact.
        let judged = [AccuracyGrade.exact, .exact, .exact, .wrong].enumerated().map {
            facts($0.offset, grade: $0.element)
        }
        let low = [facts(4, grade: .partly, said: 0.35), facts(5, grade: .wrong, said: 0.35)]
        let unsaid = [facts(6, grade: AccuracyGrade.none, said: nil), facts(7, grade: nil)]
        let report = report(judged + low + unsaid)
        #expect(report.incidents == 8 && report.grades.total == 7 && report.grades.exact == 3)
        #expect(report.reliability.map(\.count) == [2, 4])
        #expect(report.reliability.map(\.exact) == [0, 0.75])
        // (4 * 0.15 + 2 * 0.35) / 6
        #expect(abs(try #require(report.calibrationError) - 1.3 / 6) < 1e-9)
        // (3 * 0.01 + 0.81 + 2 * 0.1225) / 6, against a base rate of a half.
        let brier = (0.03 + 0.81 + 0.245) / 6
        #expect(abs(try #require(report.brier) - brier) < 1e-9)
        #expect(abs(try #require(report.brierSkill) - (1 - brier / 0.25)) < 1e-9)
        #expect(report.byVerdict["likely"]?.total == 7)
        #expect(report.repeats == 4 && report.repeatsConfirmed == 2)
    }

    @Test("Without anything judged there are no figures, and none are made up")
    func empty() {
        let nothing = report([])
        #expect(nothing.calibrationError == nil && nothing.brier == nil && nothing.savedMinutes == nil)
        #expect(nothing.toHypothesis == nil && nothing.reliability.isEmpty)
        #expect(report([facts(1, grade: .exact)]).brierSkill == nil)
        #expect(report([facts(1, grade: .exact)]).savedMinutes == nil)
        #expect(report([facts(1, grade: .wrong)], manual: 45).savedMinutes == nil)
    }

    @Test("Time saved is against the configured minutes, over exact hypotheses alone")
    func saved() throws {
        let all = [
            facts(1, grade: .exact, seconds: 60), facts(2, grade: .exact, seconds: 180),
            facts(3, grade: .wrong, seconds: 6000),
        ]
        #expect(report(all, manual: 45).savedMinutes == 43)
        #expect(report(all).toHypothesis?.medianSeconds == 180)
    }

    @Test("What was opened before is left out")
    func since() {
        let old = [facts(-5, grade: .wrong), facts(5, grade: .exact)]
        #expect(report(old).grades.total == 1)
        #expect(AlertReport(old, since: Samples.start).rules.map(\.incidents) == [1])
    }

    @Test(
        "An alert rule is noise by its false alarms, its short life or its flapping, and not by one of them alone"
    )
    func noise() throws {
        func noisy(_ facts: [IncidentFacts]) -> [String] {
            AlertReport(facts, since: Samples.start).noisy.flatMap(\.evidence)
        }
        #expect(noisy([facts(1, grade: nil, isFalse: true)]).isEmpty)
        let half = (1...4).map { facts($0, grade: $0 > 2 ? .exact : nil, isFalse: $0 <= 2) }
        #expect(noisy(half) == ["2 of 4 closed incidents were false alarms"])
        let rule = try #require(AlertReport(half, since: Samples.start).rules.first)
        #expect(rule.precision == 0.5 && rule.firings.fired == 4)
        #expect(noisy([facts(1, grade: nil, brief: 3)]).first?.contains("3 of 3 times") == true)
        #expect(noisy([facts(1, grade: nil, isDamped: true)]).first?.contains("flapped") == true)
        #expect(noisy((1...4).map { facts($0, grade: .exact) }).isEmpty)
    }
}
