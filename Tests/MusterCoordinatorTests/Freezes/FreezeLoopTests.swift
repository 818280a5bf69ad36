import GRDB
import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

/// A runbook that runs by itself, and what a freeze makes of it.
@Suite struct FreezeLoopTests {
    @Test("A signed runbook runs by itself when nothing is frozen that concerns it")
    func runs() async throws {
        let harness = try LoopHarness()
        try harness.signRunbook()
        harness.run()
        let other = FreezeRequest(service: "pay", reason: "audit")
        #expect(try await harness.service.freeze(other, by: "sarah").reach == FreezeReach())
        let id = try await harness.alert()
        let end = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        #expect(end.timeline.contains { $0.kind == .approvalPresent })
        #expect(end.timeline.allSatisfy { $0.kind != .freezeBegan && $0.kind != .approvalRequested })
        #expect(harness.world.executions == ["web-2": 1])
        await harness.kill()
    }

    @Test("Frozen it asks, also after a restart, and runs when a person approves")
    func asks() async throws {
        let harness = try LoopHarness()
        try harness.signRunbook()
        harness.run()
        let receipt = try await harness.service.freeze(
            FreezeRequest(service: nil, reason: "night", lifeSeconds: 86_400),
            by: "sarah"
        )
        #expect(receipt.reach == FreezeReach(hostsTold: 2, hostsAway: 0, incidents: 0))
        try await harness.restart()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a request", id) { !$0.pendingPlans.isEmpty }
        #expect(waiting.doubts.count == 1)
        #expect(waiting.doubts.first?.hasPrefix("all automatic actions are frozen by sarah until ") == true)
        #expect(waiting.doubts.first?.hasSuffix(": night") == true)
        #expect(harness.world.executions.isEmpty)
        // It is on for an incident that is open already, and its end is in the record.
        let reach = try await harness.service.thaw(ThawRequest(service: nil), by: "ana")
        #expect(reach == FreezeReach(hostsTold: 2, hostsAway: 0, incidents: 1))
        let thawed = try #require(await harness.service.incident(id))
        #expect(thawed.timeline.contains { $0.text == "The freeze for everything is over: lifted by ana" })
        #expect(thawed.pendingPlans.count == 1)
        try await harness.approve(id)
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        #expect(harness.world.executions == ["web-2": 1])
        await harness.kill()
        #expect(try await harness.store.verify(id).holds)
    }

    @Test("A freeze is in the record of every open incident that it concerns when the call comes back")
    func open() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        _ = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        for service in ["pay", "shop"] {
            let request = FreezeRequest(service: service, reason: "the sale")
            _ = try await harness.service.freeze(request, by: "sarah")
        }
        let lines = try #require(await harness.service.incident(id)).timeline.filter {
            $0.kind == .freezeBegan
        }
        #expect(
            lines.map(\.text) == ["Frozen: automatic actions for shop are frozen by sarah: the sale"]
        )
        #expect(await harness.service.freezes().compactMap(\.service) == ["pay", "shop"])
        await harness.kill()
    }

    @Test(
        "What is no proper freeze is refused, and nothing is frozen",
        arguments: [
            (FreezeRequest(service: "", reason: "x"), OperationError.Code.malformed),
            (FreezeRequest(service: String(repeating: "x", count: 129), reason: "x"), .malformed),
            (FreezeRequest(service: nil, reason: " "), .malformed),
            (FreezeRequest(service: nil, reason: String(repeating: "x", count: 513)), .malformed),
            (FreezeRequest(service: nil, reason: "x", lifeSeconds: 0), .malformed),
            (FreezeRequest(service: nil, reason: "x", lifeSeconds: 366 * 86_400 + 1), .malformed),
        ]
    )
    func malformed(_ request: FreezeRequest, _ code: OperationError.Code) async throws {
        let harness = try LoopHarness()
        do {
            _ = try await harness.service.freeze(request, by: "sarah")
            Issue.record("it was taken")
        } catch {
            #expect(error.code == code)
        }
        var both = FreezeRequest(service: "shop", reason: "x")
        both.all = true
        await #expect(throws: OperationError.self) {
            _ = try await harness.service.freeze(both, by: "sarah")
        }
        await #expect(throws: OperationError.self) {
            _ = try await harness.service.thaw(ThawRequest(service: "shop"), by: "sarah")
        }
        #expect(await harness.service.freezes().isEmpty)
    }
}
