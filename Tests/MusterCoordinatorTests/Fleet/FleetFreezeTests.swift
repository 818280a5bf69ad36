import MusterCore
import MusterWire
import Synchronization
import Testing

@testable import MusterCoordinator

/// What connected hosts are told of freezes.
@Suite struct FleetFreezeTests {
    /// The freezes of a test, which may change.
    private final class Switch: Sendable {
        let freezes = Mutex<[Freeze]>([])
    }

    private let freeze = Freeze(service: nil, by: "sarah", reason: "night", since: FleetClock.now())

    private func freezes(_ agent: TestAgent) async throws -> [Freeze]? {
        guard case .freezes(let wire)? = await agent.next() else { return nil }
        return try wire.values
    }

    @Test("A host is told right after its welcome, and at each change; one that takes no freezes is not")
    func told() async throws {
        let held = Switch()
        try await TestFleet.run(freezes: { _ in held.freezes.withLock { $0 } }) { fleet in
            let (old, credentials) = try await fleet.join("web-1")
            #expect(await fleet.gateway.tellFreezes().isEmpty)
            old.close()

            let agent = try await fleet.connect(credentials)
            guard case .welcome? = try await agent.hello(name: "web-1", capabilities: ["freeze"]) else {
                Issue.record("it is not welcome")
                return
            }
            #expect(try await freezes(agent) == [])
            held.freezes.withLock { $0 = [freeze] }
            #expect(await fleet.gateway.tellFreezes() == [credentials.id])
            #expect(try await freezes(agent) == [freeze])
            agent.close()

            let back = try await fleet.connect(credentials)
            guard case .welcome? = try await back.hello(name: "web-1", capabilities: ["freeze"]) else {
                Issue.record("it is not welcome")
                return
            }
            #expect(try await freezes(back) == [freeze])
        }
    }
}
