import MusterCore
import MusterIncident
import MusterTesting
import Testing

@testable import MusterCoordinator

/// Alerts that fire and resolve again and again.
@Suite struct FlappingTests {
    private let directory: TemporaryDirectory
    private let store: IncidentStore
    private static let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    init() throws {
        directory = try TemporaryDirectory()
        store = IncidentStore(
            database: try CoordinatorDatabase(
                path: directory.path("muster.db"),
                parts: [IncidentStore.migrate]
            ).pool
        )
    }

    private func take(_ status: Alert.Status, _ starts: Int, after seconds: Int) async throws -> [IncidentID]
    {
        let start = Self.start + .seconds(starts)
        let alert = Alert(
            source: "test",
            fingerprint: "a",
            name: "Flappy",
            status: status,
            starts: start,
            ends: status == .resolved ? start + .seconds(30) : nil,
            labels: ["service": "shop"],
            annotations: [:]
        )
        return try await store.take(
            AlertDelivery(alerts: [alert]),
            raw: [],
            format: .json,
            from: "test",
            at: Self.start + .seconds(seconds)
        ) { _ in nil }.receipt.incidents
    }

    /// Fires, is resolved half a minute later, and its incident ends.
    private func cycle(at seconds: Int) async throws -> IncidentID {
        let id = try #require(try await take(.firing, seconds, after: seconds).first)
        _ = try await take(.resolved, seconds, after: seconds + 30)
        let head = try await store.events(of: id).count
        _ = try await store.append(
            [.resolved(reason: "quiet", by: "alerts")],
            to: id,
            after: head,
            at: Self.start + .seconds(seconds + 60)
        )
        return id
    }

    private func raise(after seconds: Int) async throws -> [IncidentID] {
        try await store.raiseSteady(at: Self.start + .seconds(seconds)) { _ in nil }
    }

    @Test func theFourthTimeWithinAnHourJoinsTheLastIncidentAndSaysSo() async throws {
        var opened: [IncidentID] = []
        for number in 0..<3 { opened.append(try await cycle(at: number * 300)) }
        #expect(Set(opened).count == 3)
        let fourth = try #require(try await take(.firing, 900, after: 900).first)
        #expect(fourth == opened.last)
        let events = try await store.events(of: fourth)
        #expect(events.suffix(2).map(\.kind) == [.alertReceived, .alertDamped])
        #expect(events.last?.body.text.contains("Flappy flaps (3 times within the hour)") == true)
        var incident = Incident(id: fourth)
        for event in events { _ = incident.apply(event) }
        #expect(incident.damped == "Flappy" && !incident.isOpen && !incident.isOver)
        #expect(IncidentEngineCalls.tells(events).contains(.damped))
    }

    @Test func anHourLaterItIsNewsAgain() async throws {
        var opened: [IncidentID] = []
        for number in 0..<3 { opened.append(try await cycle(at: number * 300)) }
        let later = try #require(try await take(.firing, 4600, after: 4600).first)
        #expect(!opened.contains(later))
    }

    @Test func whatGoesOnFiringOpensAnIncidentAfterAll() async throws {
        for number in 0..<3 { _ = try await cycle(at: number * 300) }
        let joined = try #require(try await take(.firing, 900, after: 900).first)
        #expect(try await raise(after: 1200).isEmpty)
        let raised = try await raise(after: 1501)
        let id = try #require(raised.first)
        #expect(raised.count == 1 && id != joined)
        let events = try await store.events(of: id)
        #expect(events.map(\.kind) == [.opened, .alertReceived])
        #expect(try await raise(after: 9000).isEmpty)
        #expect(try await take(.resolved, 900, after: 9000) == [id])
    }

    @Test func whatIsResolvedInTimeOpensNone() async throws {
        for number in 0..<3 { _ = try await cycle(at: number * 300) }
        _ = try await take(.firing, 900, after: 900)
        _ = try await take(.resolved, 900, after: 930)
        #expect(try await raise(after: 9000).isEmpty)
    }

    @Test func whatFlapsWhileItsIncidentIsOpenStaysInIt() async throws {
        let id = try #require(try await take(.firing, 0, after: 0).first)
        for number in 1...5 {
            #expect(try await take(.resolved, (number - 1) * 60, after: number * 60 - 20) == [id])
            #expect(try await take(.firing, number * 60, after: number * 60) == [id])
        }
        let kinds = try await store.events(of: id).map(\.kind)
        #expect(!kinds.contains(.alertDamped))
    }
}

/// What an engine wants told after some events.
private enum IncidentEngineCalls {
    static func tells(_ events: [StoredEvent]) -> [NotificationPurpose] {
        guard let first = events.first else { return [] }
        var engine = IncidentEngine(id: first.incident)
        for event in events { _ = engine.handle(event, now: event.at) }
        return engine.outstanding(now: events[events.count - 1].at).compactMap { directive in
            if case .tell(let purpose) = directive { purpose } else { nil }
        }
    }
}
