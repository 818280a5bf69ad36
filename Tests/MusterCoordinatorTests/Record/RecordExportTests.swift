import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord
import MusterTesting
import Testing

@testable import MusterCoordinator

/// An export holds all that its chain covers, and shows what was done to it.
@Suite struct RecordExportTests {
    private static let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
    private static let id = IncidentID(uuid: UUIDv7(at: start, random: (0, 1)))

    /// With everything that JSON writes in a special way.
    private static func small() throws -> TestRecord {
        let bodies: [IncidentEvent] = [
            .opened(
                title: "Zahlung \"fällt aus\" \u{1B}[2J\\ /",
                service: "shop",
                severity: "page",
                owner: nil
            ),
            .escalated(to: ["dana"], reason: "no runbook applies; people are needed\n\t日本 🚒"),
            .resolved(reason: "measured", by: "muster"),
        ]
        return try TestRecord(bodies.map { (start, $0) }, of: id)
    }

    private func refusal(_ bytes: [UInt8]) -> IncidentRecordError? {
        do {
            _ = try TestRecord(reading: bytes)
            return nil
        } catch { return error as? IncidentRecordError }
    }

    @Test func whatIsExportedIsReadAsItIsStored() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        try await harness.approve(id)
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        await harness.kill()
        let record = try await TestRecord(harness.service, id)
        let stored = try await harness.store.events(of: id)
        #expect(record.header.events == stored.count && record.header.head == stored.last?.hash)
        let read = try TestRecord(reading: record.bytes)
        #expect(read.header == record.header && read.events == record.events)
        #expect(try read.events.map(EventCoding().stored) == stored)

        // Any place of a long one: the places are drawn anew in no run.
        var random = SplitMix64(seed: 5)
        for _ in 0..<200 {
            var bytes = record.bytes
            let place = Int.random(in: record.header.line.utf8.count..<bytes.count, using: &random)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(refusal(bytes) != nil, "byte \(place) was changed")
        }
    }

    @Test(arguments: [1, 7, 4096]) func piecesMayBeCutAnywhere(_ size: Int) throws {
        let record = try Self.small()
        var reader = RecordReader()
        var events: [RecordedEvent] = []
        var rest = record.bytes[...]
        while !rest.isEmpty {
            try reader.read(rest.prefix(size)) { if case .event(let event) = $0 { events.append(event) } }
            rest = rest.dropFirst(size)
        }
        try reader.finish()
        #expect(events == record.events)
    }

    @Test func anyByteOfAnyEventThatIsChangedIsFoundInItsPlace() throws {
        let record = try Self.small()
        #expect(refusal(record.bytes) == nil)
        var start = record.header.line.utf8.count
        for (index, event) in record.events.enumerated() {
            let end = start + event.line.utf8.count
            for place in start..<end {
                // Among them the case of a letter, which in an escape means the same.
                for bit: UInt8 in [0x01, 0x20, 0x80] {
                    var bytes = record.bytes
                    bytes[place] ^= bit
                    let found = refusal(bytes)
                    #expect(found?.place == index + 1, "byte \(place - start) of event \(index + 1)")
                }
            }
            start = end
        }
    }

    @Test func theHeaderStandsForWhatFollows() throws {
        let record = try Self.small()
        var other = record
        other.header.events = 2
        #expect(
            refusal(other.bytes)?.message == "there is more than the 2 events and 0 answers of the header"
        )
        other.header.events = 4
        #expect(refusal(other.bytes)?.message == "it ends after event 3, the header speaks of 4")
        other = record
        other.header.head = .zero
        #expect(refusal(other.bytes)?.place == 3)
        other = record
        other.header.incident = IncidentID(at: Self.start)
        #expect(refusal(other.bytes)?.message == "event 1 is not what was written")
        var bytes = record.bytes
        bytes.removeLast()
        #expect(refusal(bytes)?.message.contains("cut off") == true)
        #expect(refusal([])?.place == 0)
        #expect(refusal(Array("hello\n".utf8))?.place == 0)
        let newer = Array(
            String(decoding: record.bytes, as: UTF8.self)
                .replacing(#"{"muster_record":1,"#, with: #"{"muster_record":2,"#).utf8
        )
        #expect(refusal(newer)?.message.contains("install a newer one") == true)
    }

    @Test func linesThatAreDroppedSwappedOrDoubledAreFound() throws {
        let record = try Self.small()
        func refusal(_ change: (inout [RecordedEvent]) -> Void) -> (place: Int?, message: String?) {
            var other = record
            change(&other.events)
            let error = self.refusal(other.bytes)
            return (error?.place, error?.message)
        }
        #expect(refusal { $0.remove(at: 0) } == (1, "event 1 is missing"))
        #expect(refusal { $0.remove(at: 1) } == (2, "event 2 is missing"))
        #expect(refusal { $0.remove(at: 2) } == (3, "it ends after event 2, the header speaks of 3"))
        #expect(refusal { $0.swapAt(1, 2) } == (2, "event 2 is missing"))
        #expect(refusal { $0.insert($0[1], at: 1) } == (3, "event 2 comes again"))
        #expect(
            refusal { $0.insert($0[0], at: 3) } == (
                nil, "there is more than the 3 events and 0 answers of the header"
            )
        )
        // A line of another record fits nowhere, also with the right number.
        let foreign = try Self.small().events[1]
        #expect(refusal { $0[1] = foreign }.place == 2)
    }

    @Test func theAPIStreamsTheRecordAndKnowsWhenThereIsNone() async throws {
        let record = try Self.small()
        try await TestAPI.run { api in
            await api.operations.add(record.events, of: Self.id)
            let viewer = try await api.token(.viewer)
            let reply = try await api.api("GET", "incidents/\(Self.id)/record", token: viewer)
            #expect(reply.status == 200 && reply.headers["content-type"] == "application/x-ndjson")
            #expect(try TestRecord(reading: reply.body).events == record.events)
            let none = try await api.api(
                "GET",
                "incidents/\(IncidentID(at: Self.start))/record",
                token: viewer
            )
            #expect(none.status == 404)
        }
    }
}
