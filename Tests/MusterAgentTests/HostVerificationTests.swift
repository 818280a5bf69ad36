import MusterCore
import Testing

@testable import MusterAgent

/// What a host sees by itself after it has acted decides, and nobody else has to be there.
@Suite struct HostVerificationTests {
    private let world: DeskWorld
    private static let healthy = HostVerification(
        check: .command(name: "healthy", parameters: [:]),
        within: .seconds(30)
    )
    private static let sick = PerformanceOutcome.failed(
        ActionResult(reason: "healthy ended with status 1", exitStatus: 1)
    )

    init() throws { world = try DeskWorld() }

    private func acted() throws -> Ticket {
        let ticket = try world.ticket(to: "1", verification: Self.healthy)
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        #expect(world.state(ticket) == .done)
        return ticket
    }

    @Test("What holds is kept, and a coordinator that is away since the ticket undoes nothing")
    func holds() throws {
        let ticket = try acted()
        world.wait(.zero)
        world.workAll()
        #expect(world.state(ticket) == .committed)
        #expect(world.reason(ticket) == "this host has verified it")
        for _ in 0..<10 { world.wait(.seconds(60)) }
        #expect(world.works.isEmpty)
        #expect(world.performed == ["1", "healthy"])
    }

    @Test("What holds a while later is kept too")
    func holdsLater() throws {
        world.ends("healthy", Self.sick)
        let ticket = try acted()
        for _ in 0..<5 {
            world.wait(.seconds(1))
            world.workAll()
        }
        #expect(world.state(ticket) == .done)
        world.ends("healthy", .succeeded(ActionResult()))
        world.wait(.seconds(1))
        world.workAll()
        #expect(world.state(ticket) == .committed)
    }

    @Test("What does not hold in time is taken back by the host alone, and its report says what it saw")
    func fails() throws {
        world.ends("healthy", Self.sick)
        let ticket = try acted()
        for _ in 0..<29 {
            world.wait(.seconds(1))
            world.workAll()
        }
        #expect(world.state(ticket) == .done)
        world.wait(.seconds(1))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
        #expect(world.reason(ticket) == "not verified: healthy ended with status 1")
        #expect(world.performed.last == "not-1")
        #expect(world.performed.count { $0 == "not-1" } == 1)
    }

    @Test(
        "A look that hangs past the deadline does not keep the host from going back, and its late word changes nothing"
    )
    func hangs() throws {
        let ticket = try acted()
        world.wait(.zero)
        #expect(world.works.count == 1)
        world.wait(.seconds(30))
        #expect(world.works.count == 2)
        // The look ends well, too late.
        world.work()
        #expect(world.state(ticket) == .running)
        world.work()
        #expect(world.state(ticket) == .rolledBack)
    }

    @Test("A verification goes on after a crash")
    func restart() throws {
        let ticket = try acted()
        try world.start()
        world.uptime = .zero
        world.wait(.seconds(5))
        world.workAll()
        #expect(world.state(ticket) == .committed)
    }

    @Test("After a crash with a policy that allows no look any more the action is taken back in time")
    func restartWithoutPolicy() throws {
        let ticket = try acted()
        try world.writePolicy { _ in "observe_only: true\n" }
        try world.start()
        world.wait(.seconds(29))
        #expect(world.works.isEmpty)
        world.wait(.seconds(1))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
    }

    @Test("Only what the policy calls observing may verify, and what observes does nothing else")
    func classes() throws {
        let changing = HostVerification(
            check: .command(name: "rollback_shop", parameters: ["to": "2"]),
            within: .seconds(30)
        )
        let refusal = try world.receive(try world.ticket(to: "1", verification: changing))
        #expect(refusal?.contains("no action of the class observe") == true)
        let plan = world.tickets.plan(.command(name: "healthy", parameters: [:]), at: world.now)
        #expect(try world.receive(try world.tickets.ticket(plan))?.contains("only looks") == true)
        let late = HostVerification(check: Self.healthy.check, within: .seconds(90))
        #expect(try world.receive(try world.ticket(to: "1", verification: late)) != nil)
        #expect(world.performed.isEmpty)
    }
}
