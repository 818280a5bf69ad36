import MusterCore
import MusterWire
import Testing

@testable import MusterCoordinator

/// What the coordinator remembers of a host's action ledger.
@Suite struct FleetLedgerTests {
    private static func head(_ steps: UInt64, begun: Duration = .zero) -> LedgerHead {
        LedgerHead(begun: Timestamp(nanoseconds: 1_000) + begun, steps: steps)
    }

    /// Connects, and returns what the welcome says of the ledger.
    private func welcomed(
        _ fleet: TestFleet,
        _ credentials: TestAgent.Credentials,
        with ledger: LedgerHead?
    ) async throws -> LedgerHead? {
        let agent = try await fleet.connect(credentials)
        defer { agent.close() }
        guard case .welcome(let welcome)? = try await agent.hello(name: "web-1", ledger: ledger) else {
            Issue.record("it is not welcome")
            return nil
        }
        return welcome.hasLedger ? LedgerHead(welcome.ledger) : nil
    }

    @Test("A ledger that is behind what was seen of it is told of, and its host hears how far it once was")
    func putBack() async throws {
        try await TestFleet.run { fleet in
            let (first, credentials) = try await fleet.join("web-1")
            first.close()
            #expect(try await welcomed(fleet, credentials, with: nil) == nil)
            #expect(try await welcomed(fleet, credentials, with: Self.head(7)) == Self.head(7))
            #expect(try await welcomed(fleet, credentials, with: Self.head(9)) == Self.head(9))
            // Put back with its whole folder; also to before root began it anew.
            #expect(try await welcomed(fleet, credentials, with: Self.head(3)) == Self.head(9))
            let anew = Self.head(0, begun: .seconds(5))
            #expect(try await welcomed(fleet, credentials, with: anew) == anew)
            #expect(try await welcomed(fleet, credentials, with: Self.head(9)) == anew)
            let told = await fleet.gateway.hosts().first { $0.id == credentials.id }?.ledger
            #expect(told == anew)
        }
    }
}
