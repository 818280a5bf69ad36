import Foundation
import MusterCore
import MusterIncident
import MusterRecord
import MusterYAML
import Testing

@testable import MusterCoordinator

/// How runbooks have done, and what that means for their next run.
@Suite struct RunbookBookTests {
    @Test("Runbooks are judged by the stored incidents, also after a restart, and a bad record asks")
    func badRecord() async throws {
        let harness = try LoopHarness { $0.runbookBar.runsMin = 2 }
        try harness.signRunbook()
        harness.world.makeRollbackUseless()
        harness.run()
        for number in 1...2 {
            let id = try await harness.alert("a\(number)")
            _ = try await harness.wait(for: "the end", id) { detail in
                detail.timeline.contains { $0.kind == .escalated }
                    && detail.actions.contains { $0.report.state == .rolledBack }
            }
            // By itself: too few runs say nothing.
            #expect(harness.world.executions == ["web-2": number])
            try await harness.service.close(id, CloseRequest(), by: "dana")
            _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        }
        let before = await harness.service.runbookRecords()
        #expect(before.map(\.name) == ["bad-deploy"] && before.map(\.failed) == [2])
        try await harness.restart()
        let id = try await harness.alert("a3")
        let waiting = try await harness.wait(for: "a request", id) { !$0.pendingPlans.isEmpty }
        #expect(waiting.doubts == ["runbook bad-deploy went well in 0 of 2 runs"])
        #expect(await harness.service.runbookRecords() == before)
        #expect(harness.world.executions == ["web-2": 2])
        // That somebody says it was a false alarm counts as well, once.
        try await harness.service.close(id, CloseRequest(falseAlarm: true), by: "dana")
        let after = try #require(await harness.service.runbookRecords().first)
        #expect(after.runs == 3 && after.falseAlarms == 1)
        await harness.kill()
        #expect(try await harness.store.verify(id).holds)
    }

    /// An incident of the runbook with this digest whose run ended; a false alarm when it is closed as one.
    private func incident(_ number: Int, digest: UInt8, isFalseAlarm: Bool = false) -> Incident {
        let at = Timestamp(nanoseconds: 1_800_000_000_000_000_000) + .seconds(number)
        let id = IncidentID(at: at)
        let digest = Digest(bytes: [UInt8](repeating: digest, count: 32)) ?? .zero
        let host = HostReference(id: digest, name: "web-1")
        let action = Action.command(name: "x", parameters: [:])
        let plan = SealedPlan(
            id: digest,
            bytes: [],
            plan: Plan(
                incident: id,
                runbook: "pool",
                runbookDigest: digest,
                step: 0,
                action: action,
                targets: [host],
                rollback: nil,
                irreversible: "",
                notBefore: at,
                expires: at + .seconds(60),
                proposer: "muster",
                evidence: [],
                commitWithin: .zero,
                summary: ""
            )
        )
        let step = RunbookStep(
            action: .notify(message: ""),
            position: DocumentPosition(line: 1, column: 1)
        )
        let match = RunbookMatch(
            runbook: Runbook(
                name: "pool",
                trigger: RunbookTrigger(alert: "pool", cause: nil, confidence: .low),
                steps: [step]
            ),
            digest: digest,
            source: "",
            because: "",
            doubts: [],
            signature: nil
        )
        let ticket = TicketID(at: at)
        var bodies: [IncidentEvent] = [
            .alertReceived(
                alert: Alert(
                    source: "t",
                    fingerprint: "f",
                    name: "pool",
                    status: .firing,
                    starts: at,
                    ends: nil,
                    labels: [:],
                    annotations: [:]
                ),
                intake: 1
            ),
            .runbookMatched(match: match), .planProposed(plan: plan, doubts: []),
            .actionTicketed(ticket: ticket, plan: plan.id, host: host, expires: at + .seconds(60)),
            .actionReported(
                report: ActionReport(ticket: ticket, plan: plan.id, state: .done, at: at, reason: ""),
                host: host
            ),
            .stepEnded(step: 0, outcome: .passed, text: "", values: [:]),
        ]
        if isFalseAlarm { bodies.append(.closed(by: "dana", confirmedCause: "", falseAlarm: true)) }
        var incident = Incident(id: id)
        for (index, body) in bodies.enumerated() {
            _ = incident.apply(
                StoredEvent(
                    id: EventID(at: at),
                    incident: id,
                    v: 1,
                    seq: index + 1,
                    prevHash: .zero,
                    hash: .zero,
                    at: at,
                    body: body
                )
            )
        }
        return incident
    }

    @Test("Each incident counts once, as it was seen last, and a changed file is noted")
    func counts() throws {
        let book = RunbookBook()
        let first = incident(1, digest: 1)
        for _ in 0..<3 { book.put(first) }
        var record = try #require(book.record(of: "pool"))
        #expect(record.runs == 1 && record.succeeded == 1 && record.changed == nil)
        let second = incident(2, digest: 2)
        book.put(second)
        // Late word of an older incident does not bring the older file back.
        book.put(first)
        record = try #require(book.record(of: "pool"))
        #expect(record.runs == 2 && record.digest == second.match?.digest)
        #expect(record.changed == second.opened && record.last == second.opened)
        #expect(book.record(of: "other") == nil)
    }

    @Test("A run that turns out to be a false alarm counts as that, and no more as a success")
    func turnsOut() throws {
        let book = RunbookBook()
        let incident = incident(1, digest: 1)
        book.put(incident)
        var closed = incident
        _ = closed.apply(
            StoredEvent(
                id: EventID(at: incident.opened),
                incident: incident.id,
                v: 1,
                seq: incident.sequence + 1,
                prevHash: .zero,
                hash: .zero,
                at: incident.opened,
                body: .closed(by: "dana", confirmedCause: "", falseAlarm: true)
            )
        )
        book.put(closed)
        let record = try #require(book.record(of: "pool"))
        #expect(record.succeeded == 0 && record.falseAlarms == 1)
        #expect(book.records == [record])
    }

    @Test("An event from before there were false alarms is still read, byte for byte")
    func stored() throws {
        let old = #"{"incident.closed":{"by":"dana","confirmedCause":"a bad release"}}"#
        let coding = EventCoding()
        let event = try coding.body(Array(old.utf8), kind: "incident.closed", version: 1)
        #expect(event == .closed(by: "dana", confirmedCause: "a bad release"))
        #expect(String(decoding: try coding.bytes(event), as: UTF8.self) == old)
    }

    @Test("The bar is configured beside the coverage", arguments: ["1.5", "-0.1", "x"])
    func configured(_ wrong: String) throws {
        func read(_ text: String) throws -> CoordinatorConfiguration {
            try CoordinatorConfiguration(
                document: try YAMLReader.read(Array(text.utf8), name: "coordinator.yaml"),
                directory: "/nowhere",
                read: { _ in nil }
            )
        }
        let bar = try read("runbook_success_min: 0.5\nrunbook_runs_min: 7\n").runbookBar
        #expect(bar.successMin == 0.5 && bar.runsMin == 7)
        #expect(throws: (any Error).self) { try read("runbook_success_min: \(wrong)\n") }
        #expect(throws: (any Error).self) { try read("runbook_runs_min: \(wrong)\n") }
    }
}
