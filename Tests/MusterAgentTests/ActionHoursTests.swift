import MusterCore
import Testing

@testable import MusterAgent

/// Actions that may begin in some hours only; the tests begin on a Friday at 08:00 UTC.
@Suite("Hours, folder and environment of an action") struct ActionHoursTests {
    private let world: DeskWorld

    init() throws { world = try DeskWorld() }

    private func add(_ keys: String) throws {
        let line = "    parameters: { to: { kind: version } }\n"
        try world.writePolicy { $0.replacing(line, with: "\(line)    \(keys)\n") }
    }

    @Test("outside its hours an action is refused with the next moment at which it may begin")
    func outside() throws {
        try add("hours: mon-fri 09:00-18:00 UTC")
        let refusal = try world.receive(try world.ticket(to: "1"))
        #expect(refusal?.contains("may begin mon-fri 09:00-18:00 UTC only") == true, "\(refusal ?? "taken")")
        #expect(refusal?.hasSuffix("it may again at 2027-01-15T09:00:00Z") == true, "\(refusal ?? "taken")")
        world.wait(.seconds(3600))
        #expect(try world.receive(try world.ticket(to: "2")) == nil)
        world.workAll()
        #expect(world.performed == ["2"])
    }

    @Test("what waits until its hours are over does not begin")
    func waitsTooLong() throws {
        try add("hours: fri 08:00-08:01 UTC")
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        #expect(try world.receive(first) == nil)
        #expect(try world.receive(second) == nil)
        world.now = world.now + .seconds(60)
        world.work()
        world.workAll()
        #expect(world.state(second) == .failed)
        #expect(world.reason(second).contains("it may again at 2027-01-22T08:00:00Z"))
        #expect(world.performed.first == "1" && !world.performed.contains("2"))
    }

    @Test("hours keep nothing from being taken back, not even after a restart", arguments: [false, true])
    func rollback(_ restarts: Bool) throws {
        try add("hours: fri 08:00-08:01 UTC")
        let ticket = try world.ticket(to: "1", commitWithin: .seconds(90))
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        #expect(world.state(ticket) == .done)
        if restarts { try world.start() }
        world.wait(.seconds(100))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack && world.performed == ["1", "not-1"])
    }

    @Test("folder and environment of the policy reach what is run, and its rollback through the ledger")
    func surroundings() throws {
        try add("cwd: /srv/shop\n    env: { MODE: { value: batch }, TOKEN: agent }")
        let expected = CommandSurroundings(
            folder: "/srv/shop",
            environment: ["MODE": .fixed("batch"), "TOKEN": .passed]
        )
        let policy = try PolicyFile(path: world.directory.path("policy.yaml"), state: world.directory.root)
            .load(at: world.now)
        let judge = TicketJudge(policy: policy, agent: world.tickets.agent, reading: SignedTicketReader())
        let ticket = try world.ticket(to: "1")
        let permitted = try judge.judge(ticket, now: world.now) { _ in 0 }
        for execution in [permitted.forward, try #require(permitted.rollback)] {
            guard case .command(let command) = execution else { throw PolicyRefusal("no command") }
            #expect(command.surroundings == expected)
        }
        var engine = LedgerEngine()
        let step = try engine.prepare(
            ticket,
            subject: permitted.forward.subject,
            isPreApproved: false,
            rollback: permitted.rollback,
            at: world.now
        )
        try engine.apply(.step(step))
        let bytes = LedgerCodec.magic + LedgerCodec.encode(.step(step))
        let contents = LedgerCodec.decode(bytes)
        #expect(contents.damage == nil && contents.records == [.step(step)])
        for length in LedgerCodec.magic.count..<bytes.count {
            #expect(LedgerCodec.decode(Array(bytes[..<length])).records.isEmpty)
        }
    }
}
