import ArgumentParser
import MusterCore
import MusterIncident
import MusterRecord
import MusterTesting
import Testing

@testable import muster

@Suite("CLI: records")
struct RecordTests {
    private static let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
    private static let id = IncidentID(uuid: UUIDv7(at: start, random: (0, 1)))
    private let directory: TemporaryDirectory
    private let events: [RecordedEvent]
    private let text: String

    init() throws {
        directory = try TemporaryDirectory()
        var events: [RecordedEvent] = []
        var head = Digest.zero
        let bodies: [IncidentEvent] = [
            .opened(title: "Checkout fails", service: "shop", severity: "page", owner: nil),
            .escalated(to: ["dana"], reason: "nobody knows"),
            .closed(by: "dana", confirmedCause: "a bad cable"),
        ]
        for body in bodies {
            var event = RecordedEvent(
                version: IncidentEvent.version,
                id: EventID(at: Self.start).description,
                incident: Self.id.description,
                sequence: events.count + 1,
                previous: head.bytes,
                at: Self.start.nanoseconds,
                kind: body.kind.rawValue,
                body: try EventCoding().bytes(body)
            )
            head = event.computedHash()
            event.hash = head.bytes
            events.append(event)
        }
        let header = RecordHeader(
            incident: Self.id,
            coordinator: "0.1.0",
            exported: Self.start,
            policy: IncidentPolicy(),
            events: events.count,
            head: head
        )
        self.events = events
        text = header.line + events.map(\.line).joined()
    }

    private func write(_ text: String) throws -> String {
        try directory.write("incident.jsonl", Array(text.utf8))
        return directory.path("incident.jsonl")
    }

    @Test("a file that is whole is found right, with the hash that stands for it")
    func holds() throws {
        let check = try RecordCheck(.file(try write(text)))
        #expect(check.holds && check.events == 3 && check.incident == Self.id)
        #expect(check.head.bytes == events[2].hash)
        #expect(throws: Never.self) {
            try IncidentVerifyCommand.parse(["--file", directory.path("incident.jsonl")]).run()
        }
    }

    @Test("a file that was changed is told with the place, and the command fails")
    func broken() throws {
        let path = try write(text.replacing("nobody knows", with: "nobody cares"))
        let check = try RecordCheck(.file(path))
        #expect(!check.holds && check.events == 1 && check.brokenAt == 2)
        #expect(check.reason == "event 2 is not what was written")
        let code = #expect(throws: ExitCode.self) { try IncidentVerifyCommand.parse([path]).run() }
        #expect(code?.rawValue == 1)
        let error = #expect(throws: CLIError.self) { try IncidentReplayCommand.parse([path]).run() }
        #expect(error?.message == "the record can't be trusted: event 2 is not what was written")
    }

    @Test("a hash that was kept elsewhere shows that a record was made anew")
    func keptHash() throws {
        let source = RecordSource.file(try write(text))
        let kept = try #require(Digest(bytes: events[1].hash))
        #expect(try RecordCheck(source, containing: kept).holds)
        let check = try RecordCheck(source, containing: .zero)
        #expect(!check.holds && check.reason.contains("made anew"))
    }

    @Test("a replay names each event that would be otherwise today")
    func replay() throws {
        let report = try IncidentReplayCommand.replay(.file(try write(text)))
        // Before the context is known nothing calls people.
        #expect(report.differences.map(\.seq) == [2])
        #expect(report.differences.first?.today == "instead: collect the context")
        let code = #expect(throws: ExitCode.self) {
            try IncidentReplayCommand.parse([directory.path("incident.jsonl"), "--json"]).run()
        }
        #expect(code?.rawValue == 1)
    }

    @Test("a record is named once, as an incident or as a file")
    func names() {
        #expect(throws: (any Error).self) { try IncidentVerifyCommand.parse([]) }
        #expect(throws: (any Error).self) {
            try IncidentReplayCommand.parse(["latest", "--file", "a.jsonl"])
        }
        let missing = #expect(throws: CLIError.self) {
            try IncidentReplayCommand.parse(["./no-such-file"]).run()
        }
        #expect(missing?.message.contains("no-such-file") == true)
    }
}
