import MusterCore
import MusterIncident
import MusterRecord
import MusterTesting
import Testing

@testable import MusterCoordinator

/// Today's engines decide what the record says, and where they don't the record says where.
@Suite struct RecordReplayTests {
    /// A whole incident of the loop's own tests: alert, approval, action, verification, post-mortem.
    private static func healed() async throws -> TestRecord {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        try await harness.approve(id)
        _ = try await harness.wait(for: "the last message", id) { detail in
            detail.timeline.contains { $0.kind == .notified && $0.text.contains("post-mortem") }
        }
        await harness.kill()
        return try await TestRecord(harness.service, id)
    }

    @Test func anIncidentThatWentWellReplaysWithoutDifferences() async throws {
        let record = try await Self.healed()
        let report = try record.replayed()
        #expect(report.differences.isEmpty, "\(report.differences)")
        #expect(report.events == record.events.count && report.notRanked.isEmpty)
        #expect(record.events.contains { $0.kind == "hypothesis.ranked" })
    }

    @Test func anIncidentThatWentWrongAcrossACrashReplaysWithoutDifferences() async throws {
        let harness = try LoopHarness()
        harness.world.makeRollbackUseless()
        harness.run()
        let id = try await harness.alert()
        _ = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        try await harness.restart()
        try await harness.approve(id)
        _ = try await harness.wait(for: "the escalation", id) { detail in
            detail.timeline.contains { $0.kind == .escalated }
                && detail.actions.allSatisfy { $0.report.state.isFinal }
        }
        await harness.kill()
        let report = try await TestRecord(harness.service, id).replayed()
        #expect(report.differences.isEmpty, "\(report.differences)")
    }

    @Test func aFleetThatIsCutOffReplaysWithoutDifferences() async throws {
        let harness = try LoopHarness()
        harness.world.cutOff()
        harness.run()
        let id = try await harness.alert()
        _ = try await harness.wait(for: "the escalation", id) { detail in
            detail.timeline.contains { $0.kind == .escalated }
        }
        await harness.kill()
        let report = try await TestRecord(harness.service, id).replayed()
        #expect(report.differences.isEmpty, "\(report.differences)")
        // Later rounds rest on hosts asked anew.
        #expect(!report.notRanked.isEmpty)
    }

    @Test func everyChangeShowsInItsPlaceAndNowhereElse() async throws {
        let record = try await Self.healed()
        func differences(
            _ kind: IncidentEvent.Kind,
            _ change: (IncidentEvent) -> IncidentEvent
        ) throws -> (place: Int, found: [ReplayReport.Difference]) {
            var other = record
            let place = try other.change(kind, change)
            return (place, try other.replayed().differences)
        }

        // A decision with another reason.
        var (place, found) = try differences(.approvalRequested) { event in
            guard case .approvalRequested(let plan, _) = event else { return event }
            return .approvalRequested(plan: plan, why: ["somebody wanted it"])
        }
        #expect(found.map(\.seq) == [place])
        #expect(found.first?.recorded.contains("somebody wanted it") == true)
        #expect(found.first?.today.contains("the runbook asks for approval of this step") == true)

        // One that differs in what the line for people does not have.
        (place, found) = try differences(.stepEnded) { event in
            guard case .stepEnded(let step, let outcome, let text, _) = event else { return event }
            return .stepEnded(step: step, outcome: outcome, text: text, values: ["count": 1e6])
        }
        // The first step is a measurement; what it measured nobody can decide anew.
        #expect(found.isEmpty)

        // A decision instead of another.
        (place, found) = try differences(.approvalRequested) { event in
            guard case .approvalRequested(let plan, _) = event else { return event }
            return .approvalPresent(plan: plan, signer: "mallory")
        }
        #expect(found.first?.seq == place && found.first?.kind == "approval.present")

        // A ranking that the findings do not give.
        (place, found) = try differences(.hypothesisRanked) { event in
            guard case .hypothesisRanked(var ranking, let round) = event else { return event }
            ranking.hypotheses[0].probability -= 0.01
            return .hypothesisRanked(ranking: ranking, round: round)
        }
        #expect(found.map(\.seq) == [place] && found.first?.today.contains("from hypothesis 1 on") == true)

        // A plan with other bytes than its id says.
        (place, found) = try differences(.planProposed) { event in
            guard case .planProposed(let plan, let doubts, _) = event else { return event }
            let forged = SealedPlan(id: plan.id, bytes: plan.bytes + [0], plan: plan.plan)
            return .planProposed(plan: forged, doubts: doubts)
        }
        #expect(found.map(\.seq) == [place] && found.first?.today.contains("the id of these bytes") == true)

        // A ticket for a host that the plan does not name.
        (place, found) = try differences(.actionTicketed) { event in
            guard case .actionTicketed(let ticket, let plan, _, let expires) = event else { return event }
            let other = HostReference(id: .zero, name: "db-1")
            return .actionTicketed(ticket: ticket, plan: plan, host: other, expires: expires)
        }
        #expect(found.first?.seq == place && found.first?.today.contains("to web-2") == true)
    }

    /// A record is a file of a stranger: whatever its numbers are, they end in a report or a refusal.
    @Test func numbersThatNobodyWouldWriteDoNoHarm() async throws {
        let record = try await Self.healed()
        var random = SplitMix64(seed: 11)
        var replayed = 0
        for _ in 0..<200 {
            await Task.yield()
            var other = record
            let index = Int.random(in: 0..<other.events.count, using: &random)
            let body = other.events[index].body
            // Where a number begins: after a colon, a comma or a bracket.
            let places = body.indices.dropFirst().filter { place in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(body[place])
                    && [UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: ",")].contains(body[place - 1])
            }
            guard let place = places.randomElement(using: &random) else { continue }
            let end = body[place...].firstIndex { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            let numbers = ["9223372036854775807", "-9223372036854775808", "-1", "0", "4294967296", "17"]
            let number = Array((numbers.randomElement(using: &random) ?? "0").utf8)
            other.events[index].body = body[..<place] + number + body[(end ?? body.endIndex)...]
            if Bool.random(using: &random) {
                other.events[index].at = Bool.random(using: &random) ? .max : .min
            }
            other.seal()
            if (try? other.replayed()) != nil { replayed += 1 }
        }
        #expect(replayed > 20)
    }

    @Test func aDecisionThatIsMissingIsNoticed() async throws {
        var record = try await Self.healed()
        // Nobody asks for approval, although the engine does; an hour later Muster sends another message.
        let index = try #require(record.events.firstIndex { $0.kind == "approval.requested" })
        var message = try #require(record.events[index...].first { $0.kind == "notified" })
        message.at += 3_600_000_000_000
        record.events.replaceSubrange(index..., with: [message])
        record.header.exported = Timestamp(nanoseconds: message.at)
        record.seal()
        let found = try record.replayed().differences
        #expect(found.contains { $0.kind == "approval.requested" && $0.recorded.hasPrefix("nothing") })
    }

    @Test func aDecisionThatIsMissingAtTheEndIsNoticedOnceItIsOverdue() async throws {
        var record = try await Self.healed()
        let index = try #require(record.events.firstIndex { $0.kind == "approval.requested" })
        record.events.removeSubrange(index...)
        let last = Timestamp(nanoseconds: try #require(record.events.last).at)
        record.header.exported = last + .seconds(1)
        record.seal()
        #expect(try record.replayed().differences.isEmpty)
        record.header.exported = last + .seconds(60)
        let found = try record.replayed().differences
        #expect(found.map(\.seq) == [index + 1] && found.first?.kind == "approval.requested")
    }
}

extension TestRecord {
    /// What today's engines say of it.
    func replayed() throws -> ReplayReport {
        var reader = RecordReader()
        var replay: RecordReplay?
        try reader.read(bytes) { item throws(IncidentRecordError) in
            switch item {
            case .header(let header): replay = RecordReplay(header)
            case .event(let event): try replay?.take(event)
            case .answer: break
            }
        }
        try reader.finish()
        guard let report = replay?.finish() else { throw SetupFailure("nothing to replay") }
        return report
    }
}
