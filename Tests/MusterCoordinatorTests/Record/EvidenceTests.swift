import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord
import MusterWire
import Testing

@testable import MusterCoordinator

/// What findings rest on is kept as the hosts signed it.
@Suite struct EvidenceTests {
    private func record(_ change: (SmallWorld) throws -> Void = { _ in }) async throws -> TestRecord {
        let harness = try LoopHarness()
        try change(harness.world)
        harness.run()
        let id = try await harness.alert()
        _ = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        await harness.kill()
        return try await TestRecord(harness.service, id)
    }

    private func kept(_ record: TestRecord) throws -> [(evidence: [Evidence], refused: Int, omitted: Int)] {
        try record.events.indices.compactMap { index in
            guard case .evidenceKept(let evidence, let refused, let omitted) = try record.body(index) else {
                return nil
            }
            return (evidence, refused, omitted)
        }
    }

    private func refusal(_ record: TestRecord) -> String? {
        do {
            _ = try TestRecord(reading: record.bytes)
            return nil
        } catch { return (error as? IncidentRecordError)?.message }
    }

    @Test func everyFindingNamesTheSignedAnswersThatItRestsOn() async throws {
        let record = try await record()
        let evidence = try kept(record).flatMap(\.evidence)
        #expect(try kept(record).allSatisfy { $0.refused == 0 && $0.omitted == 0 })
        var findings: Set<FindingID> = []
        for index in record.events.indices {
            if case .findingMade(let finding) = try record.body(index), finding.kind != .nothing {
                findings.insert(finding.id)
            }
        }
        #expect(!findings.isEmpty && Set(evidence.flatMap(\.findings)) == findings)
        // The answer can still be read: it is the one that the deploy was found in.
        let change = try #require(evidence.first { $0.probe == "changes" && $0.host.name == "web-2" })
        let answer = try #require(record.answers.first { $0.digest == change.digest })
        let chunk = try WireAnswerChunk(serializedBytes: Array(answer.bytes.dropFirst(4)))
        guard case .changes(let changes)? = chunk.body else {
            Issue.record("another answer")
            return
        }
        #expect(changes.changes.map(\.reference) == ["4521"])
        #expect(refusal(record) == nil && record.answers.count == Set(evidence.map(\.digest)).count)
    }

    @Test func evidenceThatWasAlteredIsFound() async throws {
        let record = try await record()
        let first = try #require(record.answers.first)

        var other = record
        other.answers[0].bytes[20] ^= 1
        #expect(refusal(other) == "answer \(first.digest.short) is not what its host signed")
        // With its digest made to fit, no event names it.
        other.answers[0].digest = SHA256.hash(other.answers[0].bytes)
        #expect(refusal(other)?.hasPrefix("no event names answer") == true)

        // With the event changed too, and the chain made anew: only the host could sign that.
        other = record
        let event = try other.change(.evidenceKept) { event in
            guard case .evidenceKept(var evidence, let refused, let omitted) = event else { return event }
            evidence[0].digest = first.digest == evidence[0].digest ? .zero : first.digest
            return .evidenceKept(evidence: evidence, refused: refused, omitted: omitted)
        }
        #expect(refusal(other)?.hasPrefix("event \(event) names an answer that web-") == true)
        _ = try other.change(.evidenceKept) { event in
            guard case .evidenceKept(var evidence, let refused, let omitted) = event else { return event }
            evidence[0].taken = evidence[0].taken + .seconds(1)
            return .evidenceKept(evidence: evidence, refused: refused, omitted: omitted)
        }
        #expect(refusal(other)?.contains("did not sign") == true)

        other = record
        other.answers.removeLast()
        #expect(refusal(other)?.contains("it ends after answer") == true)
        other = record
        other.answers.swapAt(0, 1)
        #expect(refusal(other)?.contains("out of its order") == true)
        other = record
        other.answers[1] = other.answers[0]
        #expect(refusal(other)?.contains("out of its order") == true)
    }

    @Test func theSignatureOfAnotherHostIsRefusedAndCounted() async throws {
        let record = try await record { world in world.forge(with: try world.key(of: world.healthy)) }
        let all = try kept(record)
        // web-1 signed its own answers and, wrongly, those of web-2.
        #expect(all.allSatisfy { $0.evidence.allSatisfy { $0.host.name == "web-1" } })
        #expect(all.reduce(0) { $0 + $1.refused } > 0)
        let line = try record.events.indices.compactMap { index -> String? in
            guard case .evidenceKept = try record.body(index) else { return nil }
            return try record.body(index).text
        }.first
        #expect(line?.contains("had a signature that is not their host's") == true)
        #expect(refusal(record) == nil)
    }

    @Test func answersOfTheOldestIncidentsGoWhenThereAreTooMany() async throws {
        let harness = try LoopHarness()
        let moments = (1...3).map { Timestamp(nanoseconds: 1_800_000_000_000_000_000) + .seconds($0) }
        let incidents = moments.map { IncidentID(at: $0) }
        func answer(_ byte: UInt8) -> KeptAnswer {
            let bytes = [UInt8](repeating: byte, count: 1000)
            return KeptAnswer(digest: SHA256.hash(bytes), bytes: bytes)
        }
        let (old, both, new) = (answer(1), answer(2), answer(3))
        let store = harness.store
        #expect(try await store.keep([old, both], of: incidents[0], bytesMax: 2500).count == 2)
        // The same bytes again take no room.
        #expect(try await store.keep([both], of: incidents[1], bytesMax: 2500).count == 1)
        #expect(try await store.answer(old.digest) == old)
        #expect(try await store.keep([new], of: incidents[2], bytesMax: 2500).count == 1)
        #expect(try await store.answer(old.digest) == nil)
        #expect(try await store.answer(both.digest) == both)
        #expect(try await store.answer(new.digest) == new)

        // One incident alone has its bound, and never loses its own to make room.
        let large = (0..<70).map { number in
            let bytes = [UInt8](repeating: UInt8(number), count: SealedAnswer.bytesMax)
            return KeptAnswer(digest: SHA256.hash(bytes), bytes: bytes)
        }
        let kept = try await store.keep(large, of: incidents[1], bytesMax: 1000)
        #expect(kept.count == 63)
        #expect(try await store.answer(large[0].digest) == large[0])
        #expect(try await store.answer(new.digest) == nil)
    }

    @Test func aRecordWhoseAnswersWereLetGoStillHolds() async throws {
        var record = try await record()
        record.answers = []
        record.header.answers = 0
        #expect(refusal(record) == nil)
    }
}
