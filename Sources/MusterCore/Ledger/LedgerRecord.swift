/// One line of the action ledger: what is written and synced before it counts.
package enum LedgerRecord: Hashable, Sendable {
    /// A ticket came to a new state.
    case step(LedgerStep)
    /// The coordinator has taken every report up to this step's number.
    case acknowledged(UInt64)
    /// The ledger was begun here, by joining or by the host's root: what ran before is not known.
    case accepted(at: Timestamp, reason: String)
}

/// One state of one ticket.
package struct LedgerStep: Hashable, Sendable {
    /// Counts the steps of the ledger from 1.
    package var number: UInt64
    package var report: ActionReport
    /// What it acts on, for the rate limit: `command:rollback_shop`.
    package var subject: String
    /// Whether the state belongs to taking the action back.
    package var isRollback: Bool
    /// Whether the permission rests on a pre-approved runbook.
    package var isPreApproved: Bool
    /// The plan's exact bytes; only with the first step of a ticket that will run.
    package var plan: [UInt8]
    /// How it is taken back, as the policy allowed it then; only with the first step, and nil when it can't be.
    package var rollback: Execution?
    /// When the action is taken back unless it was committed; only with `done`.
    package var commitDeadline: Timestamp?

    package init(
        number: UInt64,
        report: ActionReport,
        subject: String,
        isRollback: Bool = false,
        isPreApproved: Bool = false,
        plan: [UInt8] = [],
        rollback: Execution? = nil,
        commitDeadline: Timestamp? = nil
    ) {
        self.number = number
        self.report = report
        self.subject = subject
        self.isRollback = isRollback
        self.isPreApproved = isPreApproved
        self.plan = plan
        self.rollback = rollback
        self.commitDeadline = commitDeadline
    }
}

/// What the ledger knows of one ticket.
package struct LedgerEntry: Hashable, Sendable {
    package var plan: PlanID
    package var subject: String
    package var isPreApproved: Bool
    /// The newest report.
    package var report: ActionReport
    /// Whether the newest state belongs to taking the action back.
    package var isRollback: Bool
    /// The plan's exact bytes while something may still be taken back; else empty.
    package var planBytes: [UInt8]
    /// How it is taken back, while it may be.
    package var rollback: Execution?
    /// When the action is taken back unless it was committed; nil when there is nothing to decide.
    package var commitDeadline: Timestamp?
    /// When its action began to run; nil before.
    package var started: Timestamp?

    package var state: ActionState { report.state }
    /// Done, with a rollback at hand, and nobody has said whether to keep it.
    package var awaitsCommit: Bool { state == .done && commitDeadline != nil }
}

/// Why the ledger does not take a step.
package struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The ticket is not in a state from which this can follow.
        case illegalStep
        /// The file could not be written or synced.
        case storage
        /// The file is damaged in its middle.
        case damaged
        /// The file has reached its limit.
        case full
    }

    package var code: Code
    /// What happened and what to do.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
