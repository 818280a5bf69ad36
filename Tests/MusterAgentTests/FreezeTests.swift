import Glibc
import MusterCore
import MusterTesting
import MusterWire
import Testing

@testable import MusterAgent

/// What a freeze keeps from running on a host, whoever sends it.
@Suite struct FreezeTests {
    private let world: DeskWorld
    private let freeze = Freeze(
        service: nil,
        by: "sarah",
        reason: "moving the data centre",
        since: TestTickets.now
    )

    init() throws { world = try DeskWorld() }

    /// A ticket that rests on the runbook's signature alone, as somebody sends it who has all that the coordinator has.
    private func preApproved() throws -> Ticket {
        let plan = world.tickets.plan(
            .sql(target: "orders", statement: TestTickets.statement),
            at: world.now
        )
        return try world.tickets.preApproved(plan)
    }

    @Test("A pre-approved ticket is refused while frozen, and the same runbook runs before and after")
    func refused() throws {
        try world.receive(try preApproved())
        world.workAll()
        #expect(world.performed == [TestTickets.statement])
        world.desk?.freeze([freeze])
        let reason = "all automatic actions are frozen by sarah: moving the data centre"
        #expect(try world.receive(try preApproved()) == reason)
        world.workAll()
        #expect(world.performed.count == 1)
        world.desk?.freeze([])
        try world.receive(try preApproved())
        world.workAll()
        #expect(world.performed.count == 2)
    }

    @Test("What waits for its turn is refused when its turn comes")
    func queued() throws {
        let (first, second) = (try world.ticket(to: "1"), try preApproved())
        try world.receive(first)
        try world.receive(second)
        #expect(world.state(second) == .prepared)
        world.desk?.freeze([freeze])
        world.workAll()
        #expect(world.performed == ["1"])
        #expect(world.state(second) == .failed)
        #expect(world.reason(second).hasPrefix("not started: all automatic actions are frozen by sarah"))
    }

    @Test("A freeze that comes while the host looks for itself comes in time")
    func confirming() throws {
        let ticket = try preApproved()
        try world.receive(ticket)
        #expect(world.works.count == 1)
        world.desk?.freeze([freeze])
        world.workAll()
        #expect(world.performed.isEmpty && world.state(ticket) == .failed)
    }

    @Test("What people approved runs, and taking back is never stopped")
    func approved() throws {
        let done = try world.ticket(to: "1")
        try world.receive(done)
        world.workAll()
        world.desk?.freeze([freeze])
        try FreezeFile.freezeByRoot(folder: world.directory.root, reason: "")
        world.wait(.seconds(60))
        world.workAll()
        #expect(world.state(done) == .rolledBack)
        let second = try world.ticket(to: "2")
        try world.receive(second)
        world.workAll()
        #expect(world.performed == ["1", "not-1", "2"])
    }

    @Test("The host keeps a freeze over a restart, and ends one with an end by its own clock")
    func durable() throws {
        var short = freeze
        short.until = world.now + .seconds(300)
        world.desk?.freeze([short])
        try world.start()
        #expect(try world.receive(try preApproved())?.contains("are frozen by sarah until") == true)
        world.wait(.seconds(300))
        #expect(try world.receive(try preApproved()) == nil)
    }

    @Test("What can't be read counts as a freeze until the coordinator tells anew")
    func damaged() throws {
        try world.directory.write(FreezeFile.name, [0xFF, 0xFF, 0xFF])
        try world.start()
        #expect(try world.receive(try preApproved())?.contains("can't be read") == true)
        world.desk?.freeze([])
        #expect(try world.receive(try preApproved()) == nil)
        try world.start()
        #expect(try world.receive(try preApproved()) == nil)
    }

    @Test("What root froze no coordinator lifts")
    func root() throws {
        let folder = world.directory.root
        try FreezeFile.freezeByRoot(folder: folder, reason: "restoring the database\nby hand")
        world.desk?.freeze([])
        let reason = "this host is frozen by its root: restoring the database by hand"
        #expect(try world.receive(try preApproved()) == reason)
        try world.start()
        #expect(try world.receive(try preApproved()) == reason)
        #expect(try FreezeFile.thawByRoot(folder: folder))
        #expect(try world.receive(try preApproved()) == nil)
        #expect(try !FreezeFile.thawByRoot(folder: folder))
    }

    @Test("A file of root that says nothing, or that can't be read, freezes all the same")
    func rootWithoutWords() throws {
        try world.directory.write(FreezeFile.rootName, [])
        #expect(try world.receive(try preApproved()) == "this host is frozen by its root")
        unlink(world.directory.path(FreezeFile.rootName))
        mkdir(world.directory.path(FreezeFile.rootName), 0o700)
        #expect(try world.receive(try preApproved()) == "this host is frozen by its root")
    }

    @Test("A list of freezes that is beyond the protocol's limits is refused whole")
    func limits() throws {
        var wire = WireFreezes([freeze])
        #expect(try wire.values == [freeze])
        wire.freezes = Array(repeating: wire.freezes[0], count: Freeze.countMax + 1)
        #expect(throws: WireError.self) { try wire.values }
        wire.freezes = [wire.freezes[0]]
        wire.freezes[0].reason = String(repeating: "x", count: Freeze.reasonBytesMax + 1)
        #expect(throws: WireError.self) { try wire.values }
    }

    @Test("The commands of root are read, and nothing else")
    func commands() throws {
        #expect(
            try AgentCommand(["freeze", "--reason", "by hand", "--state", "/s"])
                == .freeze(state: "/s", reason: "by hand")
        )
        #expect(try AgentCommand(["freeze"]) == .freeze(state: nil, reason: ""))
        #expect(try AgentCommand(["unfreeze", "--state=/s"]) == .unfreeze(state: "/s"))
        #expect(throws: AgentError.self) { try AgentCommand(["unfreeze", "--reason", "x"]) }
    }
}
