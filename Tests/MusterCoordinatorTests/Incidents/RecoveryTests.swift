import MusterCore
import Testing

@testable import MusterCoordinator

/// A coordinator that dies after any one event goes on where it was.
@Suite struct RecoveryTests {
    /// The whole loop has a few more events than this; later deaths find nothing left to lose.
    @Test(arguments: Array(2...36))
    func coordinatorThatDiesAfterAnyEventGoesOnAndNothingRunsTwice(_ events: Int) async throws {
        let harness = try LoopHarness()
        try await harness.failAfter(events: events)
        harness.run()
        let id = try await harness.alert()
        // An approval that the dead process could not store was not acknowledged: the person gives it again.
        let service = harness.service
        let approving = Task { try? await service.approveWhenAsked(id) }
        for _ in 0..<200 where await harness.service.eventsSince(incident: id, sequence: 0).count < events {
            if await harness.service.incident(id)?.postMortemAvailable == true { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        try await Task.sleep(for: .milliseconds(50))
        approving.cancel()
        await harness.kill()
        let before = await harness.service.eventsSince(incident: id, sequence: 0)
        #expect(before.count <= events)

        try await harness.heal()
        try await harness.restart()
        let isApproved = before.contains { $0.kind == .approvalGiven }
        if !isApproved { try await harness.approve(id) }
        let end = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        let after = await harness.service.eventsSince(incident: id, sequence: 0)
        #expect(Array(after.prefix(before.count)) == before)
        #expect(end.summary.status == .resolved)
        #expect(harness.world.executions == ["web-2": 1])
        #expect(after.filter { $0.kind == .actionTicketed }.count == 1)
        #expect(after.filter { $0.kind == .resolved }.count == 1)
        await harness.kill()
        #expect(try await harness.store.verify(id).holds)
        let replay = try await TestRecord(harness.service, id).replayed()
        #expect(replay.differences.isEmpty, "\(replay.differences)")
    }

    @Test func recordThatSomebodyChangedIsNotDrivenAnyMore() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        _ = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        await harness.kill()
        try await harness.database.write { db in
            try db.execute(
                sql: """
                    DROP TRIGGER events_never_change;
                    UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'sarah', 'admin') AS BLOB)
                    WHERE kind = 'context.collected'
                    """
            )
        }
        let report = try await harness.store.verify(id)
        #expect(!report.holds)
        #expect(report.reason.contains("is not what was written"))
    }
}
