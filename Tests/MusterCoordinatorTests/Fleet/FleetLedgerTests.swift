import MusterCore
import MusterWire
import Testing

@testable import MusterCoordinator

/// What the coordinator remembers of a host's action ledger.
@Suite struct FleetLedgerTests {
    private static func head(_ steps: UInt64, begun: Duration = .zero, of story: UInt8 = 1) -> LedgerHead {
        let digest = Digest(bytes: [UInt8](repeating: story, count: 32)) ?? .zero
        return LedgerHead(begun: Timestamp(nanoseconds: 1_000) + begun, steps: steps, digest: digest)
    }

    /// Connects and tells of a ledger, with a heartbeat too where it is to be remembered; returns what the welcome says.
    private func welcomed(
        _ fleet: TestFleet,
        _ credentials: TestAgent.Credentials,
        with ledger: LedgerHead,
        beats: Bool = true
    ) async throws -> LedgerHead? {
        let agent = try await fleet.connect(credentials)
        defer { agent.close() }
        guard case .welcome(let welcome)? = try await agent.hello(name: "web-1", ledger: ledger) else {
            Issue.record("it is not welcome")
            return nil
        }
        if beats {
            var heartbeat = WireHeartbeat()
            heartbeat.sentAtNs = FleetClock.now().nanoseconds
            heartbeat.ledger = WireLedgerHead(ledger)
            try agent.send(.heartbeat(heartbeat))
            #expect(await eventually { await known(fleet, credentials) == ledger })
        }
        return welcome.hasLedger ? try LedgerHead(welcome.ledger) : nil
    }

    private func known(_ fleet: TestFleet, _ credentials: TestAgent.Credentials) async -> LedgerHead? {
        await fleet.gateway.hosts().first { $0.id == credentials.id }?.ledger
    }

    @Test("A host hears how far its ledger was seen, and one that was put back changes nothing of that")
    func putBack() async throws {
        try await TestFleet.run { fleet in
            let (first, credentials) = try await fleet.join("web-1")
            first.close()
            #expect(try await welcomed(fleet, credentials, with: Self.head(7)) == nil)
            #expect(try await welcomed(fleet, credentials, with: Self.head(9)) == Self.head(7))
            // Put back with its whole folder, and what it has become since.
            for other in [Self.head(3), Self.head(9, of: 2), Self.head(12, of: 2)] {
                #expect(try await welcomed(fleet, credentials, with: other, beats: false) == Self.head(9))
                #expect(await known(fleet, credentials) == Self.head(9))
            }
            // Begun anew by root, and then put back to before that.
            let anew = Self.head(0, begun: .seconds(5), of: 3)
            #expect(try await welcomed(fleet, credentials, with: anew) == Self.head(9))
            #expect(try await welcomed(fleet, credentials, with: Self.head(9), beats: false) == anew)
        }
    }
}
