import MusterCause
import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

/// What closed incidents teach, and what that does to the next one.
@Suite struct LearningTests {
    /// One incident of the loop's world, closed as people say once it has a hypothesis and the channel was opened.
    ///
    /// The world's time runs on: on a busy machine a later incident is seen long after its fault began, and weaker.
    private func close(
        _ harness: LoopHarness,
        _ group: String,
        _ request: CloseRequest
    ) async throws -> IncidentDetail {
        let id = try await harness.alert(group)
        let waiting = try await harness.wait(for: "a hypothesis", id) { detail in
            detail.ranking?.hypotheses.isEmpty == false && detail.timeline.contains { $0.kind == .notified }
        }
        try await harness.service.close(id, request, by: "dana")
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        return waiting
    }

    @Test(
        "The same fault once more shows the earlier fix, weighs as evidence, and is counted, across a restart"
    )
    func secondTime() async throws {
        let harness = try LoopHarness()
        harness.world.makeRollbackUseless()
        harness.run()
        let first = try await close(
            harness,
            "a1",
            CloseRequest(cause: "a bad release", kind: .badDeploy, fix: "took it back by hand")
        )
        #expect(first.recollection == nil)
        #expect(harness.service.knowledge.all.map(\.seen) == [1])

        try await harness.restart()
        let second = try await close(harness, "a2", CloseRequest(kind: .badDeploy))
        let past = try #require(second.recollection)
        let match = try #require(past.matches.first)
        #expect(match.cause == .badDeploy && match.seen == 1 && match.fix == "took it back by hand")
        #expect(match.id == first.summary.id && match.similarity > 0.55)
        let opening = try #require(second.timeline.first { $0.kind == .notified })
        #expect(opening.seq > (second.timeline.first { $0.kind == .pastRecalled }?.seq ?? .max))
        let events = await harness.service.eventsSince(incident: second.summary.id, sequence: 0)
        let messages = events.compactMap { event in
            if case .notified(.opened, _, let text, _, _) = event.body { text } else { nil }
        }
        #expect(messages.first?.contains("\nseen once before, last ") == true)
        #expect(messages.first?.contains("bad-deploy: a bad release; fixed by took it back by hand") == true)

        let after = try #require(second.ranking)
        let finding = try #require(second.findings.first { $0.kind == .past })
        #expect(after.hypotheses.first?.evidence.contains(finding.id) == true)

        let item = try #require(harness.service.knowledge.all.first)
        #expect(harness.service.knowledge.all.count == 1)
        #expect(item.seen == 2 && item.right == 1 && item.wrong == 0 && item.fix == "took it back by hand")
        let report = await harness.service.accuracy(since: .zero)
        #expect(report.grades.exact == 2 && report.repeats == 1 && report.repeatsConfirmed == 1)
        #expect(report.alerts.map(\.name) == ["HighErrorRate"] && report.alerts.first?.precision == 1)
        await harness.kill()
        let replay = try await TestRecord(harness.service, second.summary.id).replayed()
        #expect(replay.differences.isEmpty, "\(replay.differences)")
        #expect(try await harness.store.verify(second.summary.id).holds)
    }

    @Test("Where people found another cause, what was said weighs less the next time")
    func mistaken() async throws {
        let harness = try LoopHarness()
        harness.world.makeRollbackUseless()
        harness.run()
        _ = try await close(harness, "a1", CloseRequest(kind: .memory))
        let second = try await close(harness, "a2", CloseRequest(kind: .memory, grade: .partly))
        let hypothesis = try #require(second.ranking?.hypotheses.first)
        #expect(hypothesis.kind == .badDeploy)
        let said = try #require(second.findings.first { $0.kind == .past && $0.subject == "bad-deploy" })
        #expect(hypothesis.against.contains(said.id))
        // There is a runbook for it, yet what people found speaks against it.
        #expect(second.ranking?.verdict != .known)
        let item = try #require(harness.service.knowledge.all.first)
        #expect(item.mistakes == [.init(kind: .badDeploy, count: 2)])
        let report = await harness.service.accuracy(since: .zero)
        #expect(report.grades.wrong == 1 && report.grades.partly == 1)
        await harness.kill()
    }

    @Test("A coordinator that died between closing and learning learns at its next start, once")
    func crash() async throws {
        let harness = try LoopHarness()
        harness.run()
        try await harness.database.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER full BEFORE INSERT ON knowledge_case
                    BEGIN SELECT RAISE(ABORT, 'the process is dead'); END
                    """
            )
        }
        let closed = try await close(harness, "a1", CloseRequest(kind: .badDeploy))
        #expect(harness.service.knowledge.all.isEmpty)
        try await harness.database.write { db in try db.execute(sql: "DROP TRIGGER full") }
        for _ in 0..<2 {
            try await harness.restart()
            _ = try await harness.wait(for: "the incident", closed.summary.id) { _ in
                !harness.service.knowledge.all.isEmpty
            }
            #expect(harness.service.knowledge.all.map(\.seen) == [1])
        }
        // What people forget stays forgotten.
        try await harness.service.knowledge.forget(closed.summary.id)
        try await harness.restart()
        _ = try await close(harness, "a2", CloseRequest())
        #expect(harness.service.knowledge.all.isEmpty)
        await harness.kill()
    }

    @Test("A false alarm is no cause; what closes twice or says both is refused")
    func refused() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert("a1")
        _ = try await harness.wait(for: "a hypothesis", id) { $0.ranking?.hypotheses.isEmpty == false }
        let long = String(repeating: "x", count: 1_025)
        for wrong in [
            CloseRequest(falseAlarm: true, kind: .dns), CloseRequest(cause: long), CloseRequest(fix: long),
        ] {
            let error = await #expect(throws: OperationError.self) {
                try await harness.service.close(id, wrong, by: "dana")
            }
            #expect(error?.code == .malformed)
        }
        try await harness.service.close(id, CloseRequest(falseAlarm: true), by: "dana")
        let again = await #expect(throws: OperationError.self) {
            try await harness.service.close(id, CloseRequest(kind: .dns), by: "dana")
        }
        #expect(again?.code == .conflict)
        let item = try #require(harness.service.knowledge.all.first)
        #expect(item.cause == nil && item.mistakes.map(\.kind) == [.badDeploy])
        let report = await harness.service.accuracy(since: .zero)
        #expect(report.falseAlarms == 1 && report.grades.wrong == 1)
        #expect(report.alerts.first?.precision == 0)
        await harness.kill()
    }
}
