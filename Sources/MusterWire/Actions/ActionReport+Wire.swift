import FoundationEssentials
import MusterCore

extension WireActionReport {
    /// The message of a report; reason and output are cut to their limits, the output at its front.
    package init(_ report: ActionReport) {
        self.init()
        ticketID = report.ticket.description
        planID = Data(report.plan.bytes)
        state = WireActionState(report.state)
        atNs = report.at.nanoseconds
        reason = Fields.clipped(report.reason, max: 512)
        exitStatus = Int32(clamping: report.exitStatus)
        output = Fields.tail(report.output, max: 16 << 10)
        count = Fields.count(report.count)
    }
}

extension ActionReport {
    /// Reads a report.
    package init(_ wire: WireActionReport) throws(WireError) {
        guard let state = ActionState(wire.state) else {
            throw WireError(.unknownKind, "this version does not know action state \(wire.state.rawValue)")
        }
        try Fields.check(wire.output.utf8.count, max: 16 << 10, "output")
        self.init(
            ticket: try Fields.identifier(wire.ticketID, "ticket id"),
            plan: try Fields.digest(wire.planID, "plan id"),
            state: state,
            at: Fields.time(wire.atNs),
            reason: Fields.clipped(wire.reason, max: 512),
            exitStatus: Int(wire.exitStatus),
            output: wire.output,
            count: Fields.count(wire.count)
        )
    }
}

extension WireActionState {
    init(_ state: ActionState) {
        switch state {
        case .refused: self = .refused
        case .prepared: self = .prepared
        case .running: self = .running
        case .done: self = .done
        case .failed: self = .failed
        case .committed: self = .committed
        case .rolledBack: self = .rolledBack
        case .rollbackFailed: self = .rollbackFailed
        case .indeterminate: self = .indeterminate
        }
    }
}

extension ActionState {
    init?(_ wire: WireActionState) {
        switch wire {
        case .refused: self = .refused
        case .prepared: self = .prepared
        case .running: self = .running
        case .done: self = .done
        case .failed: self = .failed
        case .committed: self = .committed
        case .rolledBack: self = .rolledBack
        case .rollbackFailed: self = .rollbackFailed
        case .indeterminate: self = .indeterminate
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }
}

extension WireCommit {
    /// Keeps the effect of a ticket's action.
    package init(_ ticket: TicketID) {
        self.init()
        ticketID = ticket.description
    }

    /// The ticket meant.
    package var ticket: TicketID {
        get throws(WireError) { try Fields.identifier(ticketID, "ticket id") }
    }
}

extension WireAbort {
    /// Takes the effect of a ticket's action back.
    package init(_ ticket: TicketID, reason: String) {
        self.init()
        ticketID = ticket.description
        self.reason = Fields.clipped(reason, max: 512)
    }

    /// The ticket meant.
    package var ticket: TicketID {
        get throws(WireError) { try Fields.identifier(ticketID, "ticket id") }
    }
}
