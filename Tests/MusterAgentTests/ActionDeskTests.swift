import Glibc
import MusterCore
import MusterTesting
import MusterWire
import Testing

@testable import MusterAgent

/// What an agent does with tickets, over a real ledger and a real policy file; only what runs is a puppet.
@Suite struct ActionDeskTests {
    private let world: DeskWorld

    init() throws { world = try DeskWorld() }

    @Test("What nobody keeps in time is taken back, and what is kept stays")
    func deadline() throws {
        let (kept, left) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        try world.receive(kept)
        try world.receive(left)
        world.workAll()
        #expect(world.state(kept) == .done && world.state(left) == .done)
        try world.desk?.commit(kept.id, now: world.now)
        world.uptime += .seconds(59)
        world.now = world.now + .seconds(59)
        _ = world.desk?.tick(now: world.now)
        #expect(world.works.isEmpty)
        world.uptime += .seconds(1)
        _ = world.desk?.tick(now: world.now)
        world.workAll()
        #expect(world.state(kept) == .committed)
        #expect(world.state(left) == .rolledBack)
        #expect(world.reason(left) == "no commit came in time")
        #expect(world.performed == ["1", "2", "not-2"])
    }

    @Test("An action that failed half-way is taken back at once, and its report says both")
    func failed() throws {
        let ticket = try world.ticket(to: "1")
        world.ends("1", .failed(ActionResult(reason: "ended with status 3", exitStatus: 3)))
        try world.receive(ticket)
        world.work()
        #expect(world.state(ticket) == .running)
        world.work()
        #expect(world.state(ticket) == .rolledBack)
        #expect(world.reason(ticket) == "it failed: ended with status 3")
        #expect(world.performed == ["1", "not-1"])
        _ = world.desk?.tick(now: world.now + .seconds(3_600))
        #expect(world.works.isEmpty)
    }

    @Test("What could not even begin is not taken back")
    func untouched() throws {
        let ticket = try world.ticket(to: "1")
        world.ends("1", .untouched(ActionResult(reason: "no such program", exitStatus: 126)))
        try world.receive(ticket)
        world.workAll()
        #expect(world.state(ticket) == .failed)
        #expect(world.performed == ["1"])
    }

    @Test("A rollback that fails is told as that, with why it was needed")
    func rollbackFails() throws {
        let ticket = try world.ticket(to: "1")
        world.ends("1", .failed(ActionResult(reason: "ended with status 3")))
        world.ends("not-1", .failed(ActionResult(reason: "ended with status 4")))
        try world.receive(ticket)
        world.workAll()
        #expect(world.state(ticket) == .rollbackFailed)
        #expect(world.reason(ticket) == "it failed: ended with status 3; then: ended with status 4")
    }

    @Test(
        "A policy that was changed or broken meanwhile does not keep a host from going back",
        arguments: ["observe_only: true\n", "actions: [", "approvers: []\n"]
    )
    func policyChanges(_ text: String) throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        try world.writePolicy { _ in text }
        world.uptime += .seconds(61)
        _ = world.desk?.tick(now: world.now)
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
        #expect(world.performed == ["1", "not-1"])
    }

    @Test("A wall clock that is set back or forward moves no deadline of what was done since the start")
    func clock() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        _ = world.desk?.tick(now: world.now + .seconds(86_400))
        #expect(world.works.isEmpty)
        world.uptime += .seconds(61)
        _ = world.desk?.tick(now: world.now - .seconds(86_400))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
    }

    @Test("Going back does not wait behind an action that takes long")
    func lanes() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        try world.receive(first)
        world.work()
        try world.receive(second)
        #expect(world.works.count == 1)
        world.uptime += .seconds(61)
        _ = world.desk?.tick(now: world.now)
        #expect(world.works.count == 2)
        #expect(world.state(second) == .running)
        world.workAll()
        #expect(world.state(first) == .rolledBack)
        #expect(world.state(second) == .done)
    }

    @Test("After a crash what was done is still taken back in time, as it was allowed then")
    func restart() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        try world.writePolicy { _ in "observe_only: true\n" }
        try world.start()
        #expect(world.state(ticket) == .done)
        world.uptime = .zero
        world.now = world.now + .seconds(59)
        _ = world.desk?.tick(now: world.now)
        #expect(world.works.isEmpty)
        world.now = world.now + .seconds(1)
        _ = world.desk?.tick(now: world.now)
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
    }

    @Test("What ran when the agent was killed is indeterminate, and is never run again")
    func crash() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        try world.start()
        #expect(world.state(ticket) == .indeterminate)
        try world.receive(ticket)
        _ = world.desk?.tick(now: world.now + .seconds(3_600))
        #expect(world.works.isEmpty && world.performed.isEmpty)
    }

    /// A policy in which `is_at` can tell whether a rollback took effect.
    private func declareProbe() throws {
        try world.writePolicy { text in
            text.replacing(
                "    parameters: { to: { kind: version } }\n",
                with: """
                        parameters: { to: { kind: version } }
                        settled_by: is_at
                      - name: is_at
                        argv: ["/bin/echo", "at-{to}"]
                        parameters: { to: { kind: version } }
                        class: observe

                    """
            )
        }
    }

    @Test(
        "What ran when the agent was killed is settled by the probe that the policy declares",
        arguments: [
            (
                PerformanceOutcome.succeeded(ActionResult()), ActionState.done,
                "is_at says that it took effect"
            ),
            (
                .failed(ActionResult(reason: "ended with status 1", exitStatus: 1)), .failed,
                "did not take effect"
            ),
            (
                .failed(ActionResult(reason: "ended with status 2", exitStatus: 2)), .indeterminate,
                "can't tell"
            ),
            (.untouched(ActionResult(reason: "not started", exitStatus: 126)), .indeterminate, "can't tell"),
        ]
    )
    func settled(_ outcome: PerformanceOutcome, _ state: ActionState, _ reason: String) throws {
        try declareProbe()
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        #expect(world.state(ticket) == .running)
        world.ends("at-1", outcome)
        try world.start()
        #expect(world.state(ticket) == .running)
        // Nothing else begins before that is known.
        let next = try world.ticket(to: "2")
        #expect(try world.receive(next)?.contains("not written down yet") == true)
        world.workAll()
        #expect(world.state(ticket) == state)
        #expect(world.reason(ticket).contains(reason), "\(world.reason(ticket))")
        #expect(world.performed == ["at-1"])
        guard state == .done else { return }
        // It is as if it had ended just now: taken back unless somebody keeps it.
        world.wait(.seconds(61))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
        #expect(world.performed == ["at-1", "not-1"])
    }

    @Test("What is taken back while a probe is still being asked is this agent's own, and ends as it ends")
    func takenBackMeanwhile() throws {
        try declareProbe()
        let waiting = try world.ticket(to: "0")
        try world.receive(waiting)
        world.workAll()
        world.wait(.seconds(50))
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        try world.start()
        // The time of the first is over; the probe for the second has not answered.
        world.wait(.seconds(20))
        #expect(world.state(waiting) == .running)
        world.wait(.seconds(1))
        #expect(world.state(waiting) == .running)
        world.workAll()
        #expect(world.state(waiting) == .rolledBack)
        #expect(world.state(ticket) == .done)
    }

    @Test("The probe is asked again by the next agent when this one dies over it")
    func settledLater() throws {
        try declareProbe()
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        try world.start()
        try world.start()
        world.workAll()
        #expect(world.state(ticket) == .done)
    }

    @Test("An approved plan does nothing where the host does not see what it is for")
    func precondition() throws {
        var plan = world.tickets.plan()
        plan.precondition = .command(name: "healthy", parameters: [:])
        world.ends("healthy", .failed(ActionResult(reason: "all is well", exitStatus: 1)))
        let ticket = try world.tickets.ticket(plan)
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        #expect(world.state(ticket) == .failed)
        #expect(world.reason(ticket) == "not started: all is well")
        world.ends("healthy", .succeeded(ActionResult()))
        var again = world.tickets.plan(at: world.now + .seconds(1))
        again.precondition = plan.precondition
        let second = try world.tickets.ticket(again)
        #expect(try world.receive(second) == nil)
        world.workAll()
        #expect(world.state(second) == .done)
        var odd = world.tickets.plan(at: world.now + .seconds(2))
        odd.precondition = .command(name: "rollback_shop", parameters: ["to": "1"])
        #expect(try world.receive(try world.tickets.ticket(odd))?.contains("class observe") == true)
    }

    @Test("What waited for its turn when the agent was killed has not begun, and never does")
    func crashWhileWaiting() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        try world.receive(first)
        try world.receive(second)
        try world.start()
        #expect(world.state(second) == .failed)
        #expect(world.reason(second).hasPrefix("not started"))
        #expect(world.works.isEmpty && world.performed.isEmpty)
    }

    @Test(
        "A ticket that comes again, and another ticket for the same plan, run nothing, also after a restart"
    )
    func replay() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        var other = ticket
        other.id = TicketID(at: world.now)
        for _ in 0..<2 {
            #expect(try world.receive(ticket) == nil)
            #expect(try world.receive(other)?.hasPrefix("this host has carried out the plan already") == true)
            world.workAll()
            #expect(world.performed == ["1"])
            try world.start()
        }
    }

    @Test("A ticket that comes again after its end is in the log as a warning, and one before it is not")
    func replayIsLogged() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        try world.receive(ticket)
        world.workAll()
        try world.receive(ticket)
        #expect(world.log.count(.info, "ticket is already in the ledger", ticket) == 2)
        #expect(world.log.count(.warning, "ticket came again", ticket) == 0)
        try world.desk?.commit(ticket.id, now: world.now)
        for times in 1...2 {
            try world.receive(ticket)
            #expect(world.log.count(.warning, "ticket came again", ticket) == times)
            try world.start()
        }
        let refused = try world.tickets.ticket(world.tickets.plan(), signers: [])
        try world.receive(refused)
        try world.receive(refused)
        #expect(world.log.count(.warning, "ticket came again", refused) == 1)
        // With nothing to wait for it is over when it is done.
        let plan = world.tickets.plan(.command(name: "rollback_shop", parameters: ["to": "2"]))
        let last = try world.tickets.ticket(plan)
        try world.receive(last)
        world.workAll()
        try world.receive(last)
        #expect(world.state(last) == .done)
        #expect(world.log.count(.warning, "ticket came again", last) == 1)
    }

    @Test("A known ticket with another plan inside runs nothing")
    func swapped() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        var other = try world.ticket(to: "2")
        other.id = ticket.id
        try world.receive(other)
        world.workAll()
        #expect(world.performed == ["1"])
        #expect(world.state(ticket) == .done)
        #expect(world.log.count(.warning, "ticket came again with another plan", ticket) == 1)
    }

    @Test("A host whose whole state folder was put back takes no action, however much it writes and restarts")
    func putBack() throws {
        let folder = world.directory.path("state")
        try SafeFile.makeFolder(folder)
        try world.move(to: folder)
        let copy = try ["ledger", "ledger.mark"].map { name in
            (name, try #require(try SafeFile.read("\(folder)/\(name)", bytesMax: 1 << 20)))
        }
        try world.receive(try world.ticket(to: "1"))
        world.workAll()
        let known = try #require(world.desk?.head)
        #expect(known.steps == 3)
        // It goes on: what was seen of it before is still in it.
        try world.receive(try world.ticket(to: "2"))
        world.workAll()
        world.desk?.remembered(known)
        #expect(world.desk?.head?.steps == 6)

        world.leave()
        for (name, bytes) in copy { try world.directory.write("state/\(name)", bytes) }
        try world.start()
        // As many steps as were seen, but others.
        for number in 0..<4 {
            let forged = world.tickets.plan(.command(name: "reboot", parameters: [:]), step: number)
            try world.receive(try world.tickets.ticket(forged))
        }
        #expect(world.desk?.head?.steps == 4)
        world.desk?.remembered(known)
        #expect(world.desk?.head == nil)
        let next = try world.ticket(to: "3")
        #expect(try world.receive(next)?.contains("it was put back") == true)
        #expect(world.desk?.trial(of: next.plan.plan, now: world.now).refusal.contains("put back") == true)
        try world.start()
        #expect(try world.receive(try world.ticket(to: "4"))?.contains("it was put back") == true)

        world.leave()
        world.now = world.now + .seconds(5)
        _ = try LedgerFile.begin(folder: folder, reason: "looked", now: world.now)
        try world.start()
        world.desk?.remembered(known)
        #expect(try world.receive(try world.ticket(to: "5")) == nil)
    }

    @Test("A plan from before the ledger was begun is refused")
    func floor() throws {
        let old = try world.ticket(to: "1")
        world.now = world.now + .seconds(10)
        // What an agent that stops leaves behind.
        unlink(world.directory.path("ledger"))
        _ = try LedgerFile.begin(folder: world.directory.root, reason: "restored", now: world.now)
        try world.start()
        #expect(try world.receive(old)?.contains("was begun") == true)
        #expect(try world.receive(try world.ticket(to: "2")) == nil)
        world.workAll()
        #expect(world.performed == ["2"])
    }

    @Test("A ledger that is missing refuses everything")
    func noLedger() throws {
        unlink(world.directory.path("ledger"))
        try world.start()
        #expect(try world.receive(try world.ticket(to: "1"))?.contains("it is missing") == true)
        #expect(world.works.isEmpty)
    }

    @Test("A policy that was tightened while a ticket waited holds for it")
    func tightened() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        try world.receive(first)
        try world.receive(second)
        try world.writePolicy { _ in "observe_only: true\n" }
        world.workAll()
        #expect(world.state(first) == .done)
        #expect(world.state(second) == .failed)
        #expect(world.reason(second) == "not started: this host is observe-only by its policy")
        #expect(world.performed == ["1"])
    }

    @Test("What waits for its turn can be called off, and what runs is taken back when it ends")
    func abort() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        try world.receive(first)
        try world.receive(second)
        try world.desk?.abort(second.id, reason: "stop", now: world.now)
        try world.desk?.abort(first.id, reason: "stop", now: world.now)
        #expect(world.state(second) == .failed)
        world.workAll()
        #expect(world.state(first) == .rolledBack)
        #expect(world.performed == ["1", "not-1"])
    }

    @Test("Decisions about what is unknown or over are refused, and change nothing")
    func lateDecisions() throws {
        let ticket = try world.ticket(to: "1")
        #expect(throws: WireError.self) { try world.desk?.commit(ticket.id, now: world.now) }
        #expect(throws: WireError.self) { try world.desk?.abort(ticket.id, reason: "", now: world.now) }
        try world.receive(ticket)
        world.workAll()
        try world.desk?.commit(ticket.id, now: world.now)
        try world.desk?.abort(ticket.id, reason: "too late", now: world.now)
        world.workAll()
        #expect(world.state(ticket) == .committed)
        #expect(world.performed == ["1"])
    }

    @Test("The rate counts what waits, and only so many run in an hour")
    func rate() throws {
        for number in 1...6 { #expect(try world.receive(try world.ticket(to: "\(number)")) == nil) }
        #expect(try world.receive(try world.ticket(to: "7"))?.contains("6 are allowed") == true)
        world.workAll()
        #expect(world.performed.count == 6)
    }

    @Test("A plan with a way back but no time after which to take it is refused")
    func noDeadline() throws {
        #expect(try world.receive(try world.ticket(to: "1", commitWithin: .zero)) != nil)
        #expect(world.works.isEmpty)
    }

    @Test("A refusal that could not be written down stays one, also when there is room again")
    func refusalOnAFullDisk() throws {
        guard geteuid() == 0 else { return }
        let small = world.directory.path("small")
        mkdir(small, 0o700)
        guard Glibc.mount("tmpfs", small, "tmpfs", 0, "size=1200k") == 0 else { return }
        defer { umount(small) }
        try world.move(to: small)
        let filler = open("\(small)/filler", O_WRONLY | O_CREAT, 0o600)
        let block = [UInt8](repeating: 0, count: 4_096)
        while write(filler, block, block.count) == block.count {}
        close(filler)
        let ticket = try world.ticket(to: "1")
        #expect(try world.receive(ticket)?.contains("no room") == true)
        unlink("\(small)/filler")
        #expect(try world.receive(ticket)?.contains("no room") == true)
        world.workAll()
        #expect(world.performed.isEmpty)
        #expect(try world.receive(try world.ticket(to: "2")) == nil)
        world.workAll()
        #expect(world.performed == ["2"])
        world.leave()
    }

    @Test("An agent that is about to stop begins nothing, not even what was just found to be needed")
    func closing() throws {
        let plan = world.tickets.plan(.sql(target: "orders", statement: TestTickets.statement))
        let ticket = try world.tickets.preApproved(plan)
        #expect(try world.receive(ticket) == nil)
        world.desk?.close()
        world.workAll()
        #expect(world.state(ticket) == .failed)
        #expect(world.reason(ticket) == "not started: the agent is about to stop")
        #expect(world.performed.isEmpty)
    }

    @Test("What fails while the agent is about to stop is still taken back")
    func failingWhileClosing() throws {
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        world.ends("1", .failed(ActionResult(reason: "ended with status 3")))
        try world.receive(first)
        try world.receive(second)
        world.desk?.close()
        world.work()
        #expect(world.desk?.isBusy == true)
        world.workAll()
        #expect(world.state(first) == .rolledBack)
        #expect(world.state(second) == .prepared)
        #expect(world.performed == ["1", "not-1"])
    }
}
