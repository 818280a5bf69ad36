import MusterCore
import MusterIncident

/// How right Muster was: counted from closed incidents, never estimated.
package struct AccuracyReport: Hashable, Sendable, Codable {
    /// How often each grade was given.
    package struct Grades: Hashable, Sendable, Codable {
        package var exact = 0
        package var partly = 0
        package var wrong = 0
        package var none = 0

        package init() {}

        package var total: Int { exact + partly + wrong + none }

        mutating func count(_ grade: AccuracyGrade) {
            switch grade {
            case .exact: exact += 1
            case .partly: partly += 1
            case .wrong: wrong += 1
            case .none: none += 1
            }
        }
    }

    /// Incidents whose first hypothesis was about as probable.
    package struct Bin: Hashable, Sendable, Codable {
        /// Probabilities from `low` to below `high`; the last one includes 1.
        package var low: Double
        package var high: Double
        package var count: Int
        /// Mean of the probabilities that were said.
        package var said: Double
        /// Share of the incidents in which the hypothesis was exact.
        package var exact: Double
    }

    /// How long something took, over all incidents in which it happened.
    package struct Span: Hashable, Sendable, Codable {
        package var count: Int
        package var medianSeconds: Double
    }

    /// Incidents were opened since then.
    package var since: Timestamp
    package var incidents: Int
    package var closed: Int
    package var falseAlarms: Int
    /// Of those that were judged.
    package var grades: Grades
    /// By what was said: `known`, `likely`, `unknown`, `novel`; `nothing` where no verdict was there yet.
    package var byVerdict: [String: Grades]
    /// Ten bins of equal width; those without incidents are left out.
    package var reliability: [Bin]
    /// Expected calibration error; nil without judged hypotheses.
    ///
    /// Mean distance between what was said and what was exact, weighted by the bins' counts (Naeini, Cooper and
    /// Hauskrecht, AAAI 2015).
    package var calibrationError: Double?
    /// Mean squared error of the probability, after Brier (1950); nil without judged hypotheses.
    package var brier: Double?
    /// Skill of that against always saying the share of exact ones; nil also when all were exact, or none.
    package var brierSkill: Double?
    /// Incidents that were like something known when they were opened, and those of which people confirmed it.
    package var repeats: Int
    package var repeatsConfirmed: Int
    /// From the alert; nil when it never happened.
    package var toHypothesis: Span?
    package var toVerifiedFix: Span?
    /// Minutes that people need for the cause without Muster, as configured; nil when they are not.
    package var manualMinutes: Double?
    /// Median minutes saved: those less the median to the first hypothesis, over incidents in which it was exact; nil
    /// without both.
    package var savedMinutes: Double?
    package var alerts: [AlertReport.Rule]
    package var runbooks: [RunbookRecord]

    package init(
        _ facts: [IncidentFacts],
        since: Timestamp,
        manualMinutes: Double?,
        runbooks: [RunbookRecord]
    ) {
        let facts = facts.filter { $0.opened >= since }
        self.since = since
        self.incidents = facts.count
        self.closed = facts.count { $0.isClosed }
        self.falseAlarms = facts.count { $0.isFalseAlarm }
        var grades = Grades()
        var byVerdict: [String: Grades] = [:]
        for fact in facts {
            guard let grade = fact.grade else { continue }
            grades.count(grade)
            byVerdict[fact.verdict?.rawValue ?? "nothing", default: Grades()].count(grade)
        }
        (self.grades, self.byVerdict) = (grades, byVerdict)
        let judged = facts.compactMap { fact -> (said: Double, isExact: Bool)? in
            guard let grade = fact.grade, grade != .none, let said = fact.probability else { return nil }
            return (min(max(said, 0), 1), grade == .exact)
        }
        self.reliability = Self.bins(judged)
        (self.calibrationError, self.brier, self.brierSkill) = (nil, nil, nil)
        if !judged.isEmpty {
            let count = Double(judged.count)
            calibrationError =
                reliability.reduce(0) { $0 + abs($1.said - $1.exact) * Double($1.count) } / count
            let error = judged.reduce(0) { sum, one in
                let distance = one.said - (one.isExact ? 1 : 0)
                return sum + distance * distance
            }
            brier = error / count
            let rate = Double(judged.count { $0.isExact }) / count
            let usual = rate * (1 - rate)
            if usual > 0 { brierSkill = 1 - error / count / usual }
        }
        self.repeats = facts.count { $0.isRepeat }
        self.repeatsConfirmed = facts.count { $0.isRepeatConfirmed == true }
        self.toHypothesis = Span(facts.compactMap(\.toHypothesis))
        self.toVerifiedFix = Span(facts.compactMap(\.toFix))
        self.manualMinutes = manualMinutes
        let exact = Span(facts.filter { $0.grade == .exact }.compactMap(\.toHypothesis))
        self.savedMinutes = nil
        if let manualMinutes, let exact { savedMinutes = manualMinutes - exact.medianSeconds / 60 }
        self.alerts = AlertReport.rules(facts)
        self.runbooks = runbooks
    }

    private static func bins(_ judged: [(said: Double, isExact: Bool)]) -> [Bin] {
        (0..<10).compactMap { number in
            let inside = judged.filter { min(9, Int($0.said * 10)) == number }
            guard !inside.isEmpty else { return nil }
            let count = Double(inside.count)
            return Bin(
                low: Double(number) / 10,
                high: Double(number + 1) / 10,
                count: inside.count,
                said: inside.reduce(0) { $0 + $1.said } / count,
                exact: Double(inside.count { $0.isExact }) / count
            )
        }
    }
}

extension AccuracyReport.Span {
    /// Nil without any.
    fileprivate init?(_ spans: [Duration]) {
        let seconds = spans.map(\.inSeconds).sorted()
        guard !seconds.isEmpty else { return nil }
        let middle = seconds.count / 2
        let median = seconds.count % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2
        self.init(count: seconds.count, medianSeconds: median)
    }
}
