import MusterCore

enum LedgerSamples {
    static let now = IncidentSamples.start
    /// When an action that went well is taken back unless somebody decides.
    static let deadline = now + .seconds(120)

    static func ticket(_ number: UInt64, plan: UInt8 = 1) -> Ticket {
        Ticket(
            id: IncidentSamples.ticket(number),
            plan: IncidentSamples.plan(number: plan),
            agent: IncidentSamples.web2.id,
            expires: now + .seconds(600),
            approvals: [],
            preApproval: nil
        )
    }
}

extension LedgerEngine {
    /// Takes a ticket on.
    mutating func take(_ ticket: Ticket) throws {
        let step = try prepare(ticket, subject: "command:x", isPreApproved: false, at: LedgerSamples.now)
        try apply(.step(step))
    }

    /// Brings a ticket from state to state; `done` waits for a decision.
    mutating func bring(_ ticket: Ticket, to states: [ActionState], isRollback: Bool = false) throws {
        for state in states {
            let step = try advance(
                ticket.id,
                to: state,
                isRollback: isRollback,
                commitDeadline: state == .done ? LedgerSamples.deadline : nil,
                at: LedgerSamples.now
            )
            try apply(.step(step))
        }
    }
}
