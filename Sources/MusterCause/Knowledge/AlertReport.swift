import MusterCore
import MusterIncident

/// How good each alert rule is, and which ones are noise.
package struct AlertReport: Hashable, Sendable, Codable {
    /// One rule, by its name.
    package struct Rule: Hashable, Sendable, Codable {
        package var name: String
        /// How often it fired and was resolved, over all incidents.
        package var firings: AlertTally
        /// Incidents that it is part of, and of these those that people closed, and closed as a false alarm.
        package var incidents = 0
        package var closed = 0
        package var falseAlarms = 0
        /// Incidents that it joined because it flaps.
        package var damped = 0

        package init(name: String) {
            self.name = name
            self.firings = AlertTally()
        }

        /// Share of the closed incidents that were no false alarm; nil while none is closed.
        package private(set) var precision: Double?

        fileprivate var judged: Rule {
            var rule = self
            if closed > 0 { rule.precision = Double(closed - falseAlarms) / Double(closed) }
            return rule
        }

        /// Why it is noise, one sentence each; empty when it is not, or too little is known.
        package var evidence: [String] {
            var evidence: [String] = []
            if closed >= AlertReport.leastCount, falseAlarms * 2 >= closed {
                evidence.append("\(falseAlarms) of \(closed) closed incidents were false alarms")
            }
            if firings.brief >= AlertReport.leastCount, firings.brief * 2 >= firings.resolved {
                evidence.append(
                    "it was over within \(AlertTally.briefMax.spoken) in \(firings.brief) of \(firings.resolved) times"
                )
            }
            if damped > 0 {
                evidence.append("it flapped, so that \(damped) incidents took it in instead of new ones")
            }
            return evidence
        }
    }

    /// Incidents, or ends of an alert, from which they count as evidence.
    package static let leastCount = 3

    /// A rule that is noise, with why.
    package struct Noise: Hashable, Sendable, Codable {
        package var rule: String
        package var evidence: [String]
    }

    /// Incidents were opened since then.
    package var since: Timestamp
    /// By name.
    package var rules: [Rule]
    package var noisy: [Noise]

    package init(_ facts: [IncidentFacts], since: Timestamp) {
        self.since = since
        self.rules = Self.rules(facts.filter { $0.opened >= since })
        self.noisy = rules.filter { !$0.evidence.isEmpty }.map { Noise(rule: $0.name, evidence: $0.evidence) }
    }

    static func rules(_ facts: [IncidentFacts]) -> [Rule] {
        var rules: [String: Rule] = [:]
        for fact in facts {
            for (name, tally) in fact.firings {
                var rule = rules[name] ?? Rule(name: name)
                rule.firings.add(tally)
                rule.incidents += 1
                if fact.isClosed { rule.closed += 1 }
                if fact.isFalseAlarm { rule.falseAlarms += 1 }
                if fact.isDamped { rule.damped += 1 }
                rules[name] = rule
            }
        }
        return rules.values.map(\.judged).sorted { $0.name < $1.name }
    }
}
