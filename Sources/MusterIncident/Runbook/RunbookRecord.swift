import MusterCore

/// How the runs of a runbook went, by its name, over all incidents that are stored.
package struct RunbookRecord: Hashable, Sendable, Codable {
    package var name: String
    /// SHA-256 of the file's bytes, as they ran last.
    package var digest: Digest
    /// When these bytes first ran in the place of others; nil when no others ever ran.
    package var changed: Timestamp?
    /// When the incident of the last run was opened.
    package var last: Timestamp
    /// Runs whose effect was verified or kept.
    package var succeeded = 0
    /// Runs that failed or were taken back.
    package var failed = 0
    /// Runs of which people said afterwards that there was nothing to act on.
    package var falseAlarms = 0

    package var runs: Int { succeeded + failed + falseAlarms }

    package init(name: String, digest: Digest, last: Timestamp) {
        self.name = name
        self.digest = digest
        self.last = last
    }

    /// What speaks against running it without a person; nil when nothing does, or too little is known.
    package func doubt(_ bar: RunbookBar) -> String? {
        guard runs >= max(1, bar.runsMin), Double(succeeded) < bar.successMin * Double(runs) else {
            return nil
        }
        return "runbook \(name) went well in \(succeeded) of \(runs) runs"
    }
}

/// How good a runbook's record has to be for it to run without a person.
package struct RunbookBar: Hashable, Sendable {
    /// Runs before the record counts; fewer say nothing for or against it.
    package var runsMin = 3
    /// Least share of the runs that went well.
    package var successMin = 0.8

    package init() {}
}

/// What became of a runbook in one incident.
package struct RunbookRun: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case succeeded
        case failed
        case falseAlarm
    }

    package var name: String
    package var digest: Digest
    /// When the incident was opened.
    package var at: Timestamp
    package var outcome: Outcome
}

extension Incident {
    /// What became of its runbook; nil while that is open, and when it did nothing that would tell.
    ///
    /// A false alarm counts from the moment at which the runbook wanted to act; all else only when a host has acted.
    package var runbookRun: RunbookRun? {
        guard let match else { return nil }
        let hasActed = tickets.contains { ticket in
            switch ticket.state {
            case nil, .prepared?, .refused?: false
            default: true
            }
        }
        let outcome: RunbookRun.Outcome
        if isFalseAlarm, !plans.isEmpty {
            outcome = .falseAlarm
        } else if hasActed, runbookFailed || beyondBudget != nil {
            outcome = .failed
        } else if hasActed, currentStep == nil {
            outcome = .succeeded
        } else {
            return nil
        }
        return RunbookRun(name: match.runbook.name, digest: match.digest, at: opened, outcome: outcome)
    }
}
