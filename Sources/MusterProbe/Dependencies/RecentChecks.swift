import MusterCore

/// How the latest checks of a dependency went: what tells a way that loses packets from one that is cut.
struct RecentChecks {
    /// Oldest first.
    private var outcomes: [CheckOutcome] = []

    /// Notes a check; one that tells nothing of the way leaves no trace.
    mutating func take(_ check: DependencyCheck, timeout: Duration) {
        guard let outcome = CheckOutcome(check, timeout: timeout) else { return }
        if outcomes.count == CheckOutcome.recentMax { outcomes.removeFirst() }
        outcomes.append(outcome)
    }

    /// Counts each outcome among the values of a check, from the first one that went wrong; nothing where all is well.
    ///
    /// What went before that is the time before the trouble. A late answer marks its beginning only where nothing worse does:
    /// hosts that are short of CPU have them too.
    func describe(_ check: inout DependencyCheck) {
        let lost = outcomes.firstIndex { $0.isLost || $0 == .resentConnection }
        guard let first = lost ?? outcomes.firstIndex(where: { $0 != .prompt }) else { return }
        for outcome in outcomes[first...] { check.values[outcome.valueName, default: 0] += 1 }
    }
}
