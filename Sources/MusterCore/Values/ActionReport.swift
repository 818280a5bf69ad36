/// Where an action stands on a host.
package enum ActionState: String, Sendable, Codable, CaseIterable {
    /// Checked and refused; nothing happened.
    case refused
    /// In the ledger; nothing happened yet.
    case prepared
    case running
    /// Ran and ended well; waits for commit when it has a rollback.
    case done
    /// Ran and ended badly.
    case failed
    /// Kept.
    case committed
    /// Taken back.
    case rolledBack = "rolled-back"
    /// Tried to take it back and could not.
    case rollbackFailed = "rollback-failed"
    /// Interrupted while it ran; never run again by itself.
    case indeterminate

    /// Whether the ticket will not move any more by itself.
    package var isFinal: Bool {
        switch self {
        case .prepared, .running, .done: false
        case .refused, .failed, .committed, .rolledBack, .rollbackFailed, .indeterminate: true
        }
    }
}

/// One state of one ticket, as the agent's ledger holds it.
package struct ActionReport: Hashable, Sendable, Codable {
    package var ticket: TicketID
    package var plan: PlanID
    package var state: ActionState
    package var at: Timestamp
    package var reason: String
    /// Exit status of a command.
    package var exitStatus: Int
    /// End of its output, masked.
    package var output: String
    /// Rows whose first column was true, or rows affected, of a SQL action.
    package var count: Int

    package init(
        ticket: TicketID,
        plan: PlanID,
        state: ActionState,
        at: Timestamp,
        reason: String = "",
        exitStatus: Int = 0,
        output: String = "",
        count: Int = 0
    ) {
        self.ticket = ticket
        self.plan = plan
        self.state = state
        self.at = at
        self.reason = reason
        self.exitStatus = exitStatus
        self.output = output
        self.count = count
    }
}
