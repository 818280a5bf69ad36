import MusterCore
import Testing

@testable import MusterAgent

/// Whose turn it is, and how long an effect waits: decisions alone, without a desk around them.
@Suite struct ActionTurnsTests {
    private let world: DeskWorld
    private let execution = Execution.command(
        CommandExecution(
            name: "a",
            argv: ["/bin/echo"],
            user: "",
            timeout: .seconds(1),
            outputBytesMax: 1024
        )
    )

    init() throws { world = try DeskWorld() }

    private func action(_ version: String) throws -> ActionJob {
        let ticket = try world.ticket(to: version)
        return ActionJob(ticket: ticket.id, execution: execution, permission: ticket)
    }

    @Test("One action has the turn at a time, in order; a rollback has its own beside it")
    func order() throws {
        var turns = ActionTurns()
        let (first, second) = (try action("1"), try action("2"))
        let back = ActionJob(ticket: first.ticket, execution: execution, reason: "why")
        turns.add(first)
        turns.add(second)
        #expect(turns.nextAction()?.ticket == first.ticket)
        #expect(turns.nextAction() == nil, "it has the turn")
        turns.add(back)
        #expect(turns.nextRollback()?.ticket == first.ticket)
        #expect(turns.nextRollback() == nil)
        #expect(turns.tickets == [first.ticket])
        #expect(turns.job(of: first.ticket, isRollback: true)?.reason == "why")
        #expect(turns.job(of: second.ticket, isRollback: false) == nil)
        turns.end(back)
        #expect(turns.running?.ticket == first.ticket)
        #expect(turns.isBusy == true)
        turns.end(first)
        #expect(turns.nextAction()?.ticket == second.ticket)
    }

    @Test("A rollback that can't begin stays the next, and is known as one all the while")
    func postponed() throws {
        var turns = ActionTurns()
        let backs = try ["1", "2"].map { ActionJob(ticket: try action($0).ticket, execution: execution) }
        for back in backs { turns.add(back) }
        let next = turns.nextRollback()
        let first = try #require(next)
        turns.postpone(first)
        #expect(turns.isBusy == false)
        #expect(turns.hasRollbacks == true)
        for back in backs { #expect(turns.isUndone(back.ticket) == true) }
        #expect(turns.nextRollback()?.ticket == backs[0].ticket)
        turns.end(first)
        #expect(turns.isUndone(backs[0].ticket) == false)
    }

    @Test("What waits can be withdrawn, what runs only marked to be taken back, once")
    func aborts() throws {
        var turns = ActionTurns()
        let (first, second) = (try action("1"), try action("2"))
        turns.add(first)
        turns.add(second)
        _ = turns.nextAction()
        #expect(turns.withdraw(second.ticket) == true)
        #expect(turns.waitingCount == 0)
        #expect(turns.withdraw(first.ticket) == false)
        #expect(turns.abort(second.ticket, reason: "no") == false)
        #expect(turns.abort(first.ticket, reason: "no") == true)
        #expect(turns.abortReason(of: first.ticket) == "no")
        #expect(turns.takeAbort(of: first.ticket) == "no")
        #expect(turns.takeAbort(of: first.ticket) == nil)
    }

    @Test("An effect waits by the clock that nobody sets; after a restart only the wall clock knows")
    func deadlines() throws {
        let ticket = try action("1").ticket
        var effects = EffectWatch()
        #expect(effects.left(of: ticket, at: .seconds(100), wall: .seconds(7)) == .seconds(7))
        effects.wait(for: ticket, until: .seconds(130))
        #expect(effects.left(of: ticket, at: .seconds(100), wall: .seconds(7)) == .seconds(30))
        effects.forget(ticket)
        #expect(effects.left(of: ticket, at: .seconds(100), wall: .seconds(7)) == .seconds(7))
    }

    @Test("One look at a time, a second apart, and what it saw is known until the next")
    func looks() throws {
        let ticket = try action("1").ticket
        guard case .command(let command) = execution else { return }
        let check = PermittedCheck.command(command)
        var effects = EffectWatch()
        #expect(effects.nextLook(at: ticket, at: .zero) == nil)
        #expect(effects.pause(of: ticket, at: .zero) == nil)
        effects.verify(ticket, by: check, at: .zero)
        #expect(effects.objection(to: ticket) == "it was not looked at")
        #expect(effects.nextLook(at: ticket, at: .zero) == check)
        #expect(effects.nextLook(at: ticket, at: .seconds(5)) == nil, "the first look has not ended")
        effects.looked(at: ticket, objection: "sick")
        #expect(effects.objection(to: ticket) == "sick")
        #expect(effects.nextLook(at: ticket, at: .milliseconds(999)) == nil)
        #expect(effects.pause(of: ticket, at: .milliseconds(999)) == .milliseconds(10))
        #expect(effects.nextLook(at: ticket, at: .seconds(1)) == check)
        effects.didNotLook(at: ticket)
        #expect(effects.nextLook(at: ticket, at: .seconds(2)) == check)
    }

    @Test("How an interrupted action ended is what its probe says, and no more")
    func settlements() {
        func state(_ outcome: PerformanceOutcome) -> ActionState { outcome.settlement(by: "probe").state }
        #expect(state(.succeeded(ActionResult())) == .done)
        #expect(state(.failed(ActionResult(exitStatus: 1))) == .failed)
        #expect(state(.failed(ActionResult(exitStatus: 2))) == .indeterminate)
        #expect(state(.untouched(ActionResult())) == .indeterminate)
        let ending = PerformanceOutcome.failed(ActionResult(reason: "b")).rollbackEnding(reason: "a")
        #expect(ending.state == .rollbackFailed && ending.result.reason == "a; then: b")
    }
}
