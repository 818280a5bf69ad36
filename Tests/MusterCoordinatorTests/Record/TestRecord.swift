import MusterCore
import MusterIncident
import MusterRecord
import MusterTesting

@testable import MusterCoordinator

/// An exported record that tests take apart and put together again.
struct TestRecord {
    var header: RecordHeader
    var events: [RecordedEvent]
    var answers: [KeptAnswer] = []

    /// What the API streams.
    init(_ service: IncidentService, _ id: IncidentID) async throws {
        header = try await service.recordHeader(of: id)
        events = []
        while events.count < header.events {
            let more = try await service.recorded(of: id, after: events.count, upTo: header.events)
            guard !more.isEmpty else { break }
            events += more
        }
        for digest in try await service.evidence(of: header) {
            if let answer = try await service.answer(digest) { answers.append(answer) }
        }
        header.answers = answers.count
    }

    /// Reads and checks an export.
    init(reading bytes: [UInt8]) throws {
        var reader = RecordReader()
        var (header, events, answers) = (RecordHeader?.none, [RecordedEvent](), [KeptAnswer]())
        try reader.read(bytes) { item in
            switch item {
            case .header(let first): header = first
            case .event(let event): events.append(event)
            case .answer(let answer): answers.append(answer)
            }
        }
        try reader.finish()
        guard let header else { throw SetupFailure("no header") }
        (self.header, self.events, self.answers) = (header, events, answers)
    }

    /// Of events that nobody stored.
    init(_ bodies: [(at: Timestamp, body: IncidentEvent)], of incident: IncidentID) throws {
        header = RecordHeader(
            incident: incident,
            coordinator: "test",
            exported: bodies.last?.at ?? .zero,
            policy: IncidentPolicy(),
            events: 0,
            head: .zero
        )
        events = []
        for (at, body) in bodies {
            events.append(
                RecordedEvent(
                    version: IncidentEvent.version,
                    id: EventID(at: at).description,
                    incident: incident.description,
                    sequence: events.count + 1,
                    previous: [],
                    at: at.nanoseconds,
                    kind: body.kind.rawValue,
                    body: try EventCoding().bytes(body)
                )
            )
        }
        seal()
    }

    var bytes: [UInt8] {
        Array((header.line + events.map(\.line).joined() + answers.map(\.line).joined()).utf8)
    }

    /// Numbers and chains the events anew, as somebody would who can write the whole record.
    mutating func seal() {
        var previous = Digest.zero
        for index in events.indices {
            events[index].sequence = index + 1
            events[index].previous = previous.bytes
            previous = events[index].computedHash()
            events[index].hash = previous.bytes
        }
        (header.events, header.head) = (events.count, previous)
    }

    func body(_ index: Int) throws -> IncidentEvent { try EventCoding().stored(events[index]).body }

    /// Puts another body in the place of the first event of a kind, and returns its number.
    mutating func change(
        _ kind: IncidentEvent.Kind,
        _ change: (IncidentEvent) -> IncidentEvent
    ) throws -> Int {
        guard let index = events.firstIndex(where: { $0.kind == kind.rawValue }) else {
            throw SetupFailure("no event \(kind.rawValue)")
        }
        let new = change(try body(index))
        events[index].body = try EventCoding().bytes(new)
        events[index].kind = new.kind.rawValue
        seal()
        return index + 1
    }
}
