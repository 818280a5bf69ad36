import MusterCore
import Testing

/// What the ledger tells: deadlines, runs of the last hour, and reports that nobody has taken yet.
@Suite struct LedgerRecordTests {
    private let now = LedgerSamples.now

    private func ticket(_ number: UInt64, plan: UInt8 = 1) -> Ticket {
        LedgerSamples.ticket(number, plan: plan)
    }

    @Test("What waits for a decision is due at its deadline, and the next deadline is told before")
    func due() throws {
        var engine = LedgerEngine()
        #expect(engine.due(at: now).next == nil)
        let ticket = ticket(1)
        try engine.take(ticket)
        try engine.bring(ticket, to: [.running, .done])
        let before = engine.due(at: LedgerSamples.deadline - .nanoseconds(1))
        #expect(before.tickets.isEmpty && before.next == LedgerSamples.deadline)
        let after = engine.due(at: LedgerSamples.deadline)
        #expect(after.tickets == [ticket.id] && after.next == nil)
        try engine.bring(ticket, to: [.committed])
        #expect(engine.due(at: LedgerSamples.deadline).tickets.isEmpty)
    }

    @Test("Runs of the last hour count, from the moment a ticket is taken on")
    func rate() throws {
        var engine = LedgerEngine()
        try engine.apply(.step(try engine.refuse(ticket(1), reason: "no", at: now)))
        try engine.take(ticket(2))
        try engine.take(ticket(3, plan: 2))
        try engine.bring(ticket(3), to: [.running, .failed])
        #expect(engine.runs(of: "command:x", before: now + .seconds(3599)) == 2)
        #expect(engine.runs(of: "command:x", before: now + .seconds(3600)) == 0)
        #expect(engine.runs(of: "command:y", before: now) == 0)
    }

    @Test("Reports wait until the coordinator has taken them, and a step out of turn is damage")
    func pending() throws {
        var engine = LedgerEngine()
        try engine.take(ticket(1))
        try engine.bring(ticket(1), to: [.running, .done])
        #expect(engine.reportsPending.map(\.number) == [1, 2, 3])
        #expect(engine.reportsPending.map(\.report.state) == [.prepared, .running, .done])
        try engine.apply(.acknowledged(2))
        #expect(engine.reportsPending.map(\.number) == [3])
        // Nothing that was not sent yet can be taken, and nothing is untaken.
        try engine.apply(.acknowledged(99))
        try engine.apply(.acknowledged(1))
        #expect(engine.acknowledged == 3)
        var step = try engine.advance(ticket(1).id, to: .committed, at: now)
        step.number += 1
        let record = LedgerRecord.step(step)
        let error = #expect(throws: LedgerError.self) { try engine.apply(record) }
        #expect(error?.code == .damaged)
        #expect(engine.steps == 3)
    }

    @Test("Applied again from the file, the records make the same ledger")
    func replay() throws {
        var engine = LedgerEngine()
        for number in UInt64(1)...3 {
            try engine.take(ticket(number, plan: UInt8(number)))
        }
        try engine.bring(ticket(1), to: [.running, .done])
        try engine.bring(ticket(2), to: [.running])
        let records = engine.reportsPending.map(LedgerRecord.step) + [.acknowledged(4)]
        let contents = LedgerCodec.decode(LedgerCodec.magic + records.flatMap(LedgerCodec.encode))
        #expect(contents.damage == nil)
        #expect(contents.records == records)
        var again = LedgerEngine()
        for record in contents.records { try again.apply(record) }
        try engine.apply(.acknowledged(4))
        #expect(again.reports == engine.reports)
        #expect(again.reportsPending == engine.reportsPending)
        #expect(again.steps == engine.steps)
        #expect(
            again.due(at: LedgerSamples.deadline).tickets == engine.due(at: LedgerSamples.deadline).tickets
        )
        let recovered = again.recover(at: now)
        #expect(recovered == engine.recover(at: now))
        #expect(recovered?.report.ticket == ticket(2).id)
    }
}
