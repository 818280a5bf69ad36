import MusterCore

/// How much longer a question may be worked on.
struct QuestionClock {
    /// Moment by which the answer must be made; a little before the asker's deadline, so that it also arrives.
    let deadline: ContinuousClock.Instant
    private let isCancelled: @Sendable () -> Bool

    init(_ budget: QuestionBudget, isCancelled: @escaping @Sendable () -> Bool) {
        let margin = min(budget.deadline / 10, .milliseconds(100))
        self.deadline = ContinuousClock.now + budget.deadline - margin
        self.isCancelled = isCancelled
    }

    var left: Duration { max(.zero, deadline - ContinuousClock.now) }

    /// Whether nobody waits any more, or will when this goes on.
    var mustStop: Bool { isCancelled() || left == .zero }

    /// Whether the asker took the question back.
    var wasCancelled: Bool { isCancelled() }

    /// The outcome of a question that was stopped before there was anything to answer.
    var stopped: Outcome {
        wasCancelled
            ? Outcome(.failed, reason: "cancelled by the asker")
            : Outcome(.timeout, reason: "the host did not finish within the deadline")
    }
}
