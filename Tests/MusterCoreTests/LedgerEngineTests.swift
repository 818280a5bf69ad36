import MusterCore
import Testing

/// Each ticket runs at most once, whatever happens to the agent meanwhile.
@Suite struct LedgerEngineTests {
    private let now = LedgerSamples.now

    private func ticket(_ number: UInt64, plan: UInt8 = 1) -> Ticket {
        LedgerSamples.ticket(number, plan: plan)
    }

    @Test("A ticket that is in the ledger is never taken on again, nor its plan under another ticket")
    func once() throws {
        var engine = LedgerEngine()
        let first = ticket(1)
        #expect(engine.ticket(thatTook: first.plan.id) == nil)
        try engine.take(first)
        try engine.bring(first, to: [.running, .failed])
        #expect(throws: LedgerError.self) {
            try engine.prepare(first, subject: "command:x", isPreApproved: false, at: now)
        }
        #expect(throws: LedgerError.self) { try engine.refuse(first, reason: "again", at: now) }
        #expect(engine.ticket(thatTook: ticket(2).plan.id) == first.id)
        #expect(engine.ticket(thatTook: ticket(2, plan: 2).plan.id) == nil)
    }

    @Test("A refusal runs nothing and leaves the plan open for another ticket")
    func refusal() throws {
        var engine = LedgerEngine()
        let refused = ticket(1)
        try engine.apply(.step(try engine.refuse(refused, reason: "observe-only", at: now)))
        #expect(engine[refused.id]?.state == .refused)
        #expect(engine.ticket(thatTook: refused.plan.id) == nil)
        #expect(throws: LedgerError.self) { try engine.advance(refused.id, to: .running, at: now) }
        #expect(engine.acceptsRefusals)
    }

    @Test(
        "From no state may it go where it has no business",
        arguments: [
            ([], .done), ([], .committed), ([], .indeterminate), ([], .prepared), ([.running], .running),
            ([.running], .committed), ([.running], .rolledBack), ([.running, .done], .running),
            ([.running, .done], .failed), ([.running, .done, .committed], .running),
            ([.running, .done, .committed], .rolledBack), ([.running, .failed], .running),
            ([.running, .failed], .done), ([.running, .indeterminate], .running),
            ([.running, .indeterminate], .done), ([.failed], .running),
        ] as [([ActionState], ActionState)]
    )
    func illegal(states: [ActionState], next: ActionState) throws {
        var engine = LedgerEngine()
        let ticket = ticket(1)
        try engine.take(ticket)
        try engine.bring(ticket, to: states)
        let error = #expect(throws: LedgerError.self) {
            try engine.advance(ticket.id, to: next, at: now)
        }
        #expect(error?.code == .illegalStep)
        #expect(engine[ticket.id]?.state == states.last ?? .prepared)
    }

    @Test("Only what waits for a decision can be taken back, and only once")
    func rollback() throws {
        var engine = LedgerEngine()
        let ticket = ticket(1)
        try engine.take(ticket)
        #expect(throws: LedgerError.self) {
            try engine.advance(ticket.id, to: .running, isRollback: true, at: now)
        }
        try engine.bring(ticket, to: [.running, .done])
        #expect(engine[ticket.id]?.awaitsCommit == true)
        #expect(engine[ticket.id]?.planBytes == ticket.plan.bytes)
        try engine.bring(ticket, to: [.running, .rolledBack], isRollback: true)
        #expect(engine[ticket.id]?.state == .rolledBack)
        #expect(engine[ticket.id]?.planBytes == [])
        for isRollback in [true, false] {
            #expect(throws: LedgerError.self) {
                try engine.advance(ticket.id, to: .running, isRollback: isRollback, at: now)
            }
        }
    }

    @Test("After a crash what ran is indeterminate, what had not begun has failed, and nothing runs again")
    func recovers() throws {
        var engine = LedgerEngine()
        let tickets = (1...5).map { ticket(UInt64($0), plan: UInt8($0)) }
        for ticket in tickets { try engine.take(ticket) }
        try engine.bring(tickets[1], to: [.running])
        try engine.bring(tickets[2], to: [.running, .done])
        try engine.bring(tickets[3], to: [.running, .done])
        try engine.bring(tickets[3], to: [.running], isRollback: true)
        try engine.bring(tickets[4], to: [.running, .done, .committed])
        var recovered: [ActionReport] = []
        while let step = engine.recover(at: now), recovered.count < 10 {
            try engine.apply(.step(step))
            recovered.append(step.report)
        }
        #expect(recovered.map(\.ticket) == [tickets[0].id, tickets[1].id, tickets[3].id])
        #expect(recovered.map(\.state) == [.failed, .indeterminate, .indeterminate])
        #expect(recovered.allSatisfy { !$0.reason.isEmpty })
        #expect(
            tickets.map { engine[$0.id]?.state }
                == [.failed, .indeterminate, .done, .indeterminate, .committed]
        )
        #expect(engine.recover(at: now) == nil)
        for ticket in tickets {
            #expect(throws: LedgerError.self) {
                try engine.prepare(ticket, subject: "", isPreApproved: false, at: now)
            }
            #expect(throws: LedgerError.self) {
                try engine.advance(ticket.id, to: .running, at: now)
            }
        }
    }
}
