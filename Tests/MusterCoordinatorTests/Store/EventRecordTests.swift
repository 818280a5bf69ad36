import Foundation
import GRDB
import MusterCore
import MusterIncident
import MusterRecord
import MusterTesting
import Testing

@testable import MusterCoordinator

/// The record is append-only, shows what was done to it, and stays readable.
@Suite struct EventRecordTests {
    private let directory: TemporaryDirectory
    private let database: DatabasePool
    private let store: IncidentStore
    private let incident = IncidentID(at: start)
    private static let start = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    private static let bodies: [IncidentEvent] = [
        .opened(title: "Checkout fails", service: "shop", severity: "critical", owner: nil),
        .escalated(to: ["dana"], reason: "no runbook applies"),
        .resolved(reason: "measured", by: "muster"),
    ]

    init() throws {
        directory = try TemporaryDirectory()
        database = try CoordinatorDatabase(
            path: directory.path("muster.db"),
            parts: [IncidentStore.migrate]
        ).pool
        store = IncidentStore(database: database)
    }

    private func write() async throws {
        _ = try await store.append(Self.bodies, to: incident, after: 0, at: Self.start)
    }

    /// As somebody does who holds the file.
    private func tamper(_ sql: String) async throws {
        try await database.write { db in
            try db.execute(sql: "DROP TRIGGER events_never_change; DROP TRIGGER events_never_go;")
            try db.execute(sql: sql)
        }
    }

    @Test func whatWasStoredComesBackAndIsChained() async throws {
        try await write()
        let events = try await store.events(of: incident)
        #expect(events.map(\.body) == Self.bodies)
        #expect(events.map(\.seq) == [1, 2, 3])
        #expect(events[0].prevHash == .zero)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.hash == $1.prevHash })
        #expect(try await store.verify(incident).holds)
    }

    @Test(arguments: ["UPDATE events SET at_ns = 0", "DELETE FROM events WHERE seq = 2"])
    func theDatabaseItselfRefusesToChangeOrForgetEvents(_ sql: String) async throws {
        try await write()
        await #expect(throws: DatabaseError.self) {
            try await database.write { db in try db.execute(sql: sql) }
        }
        #expect(try await store.verify(incident).holds)
    }

    @Test(arguments: [
        ("UPDATE events SET body = CAST('{}' AS BLOB) WHERE seq = 2", 2),
        ("UPDATE events SET at_ns = at_ns + 1 WHERE seq = 1", 1),
        ("UPDATE events SET kind = 'incident.closed' WHERE seq = 3", 3),
        ("DELETE FROM events WHERE seq = 2", 2), ("DELETE FROM events WHERE seq = 1", 1),
        ("UPDATE events SET seq = seq + 10 WHERE seq = 3", 3),
    ])
    func whoeverChangesTheFileIsFoundOut(_ sql: String, _ place: Int) async throws {
        try await write()
        try await tamper(sql)
        let report = try await store.verify(incident)
        #expect(report.brokenAt == place)
        await #expect(throws: StoreError.self) { try await store.requireIntact(incident) }
    }

    @Test func anAppendOnAnOldHeadIsTurnedAway() async throws {
        try await write()
        let error = await #expect(throws: StoreError.self) {
            try await store.append([Self.bodies[1]], to: incident, after: 2, at: Self.start)
        }
        #expect(error?.code == .stale)
        #expect(try await store.events(of: incident).count == 3)
    }

    @Test func theStoredFormIsAPromise() throws {
        let texts = try Self.bodies.map { String(decoding: try EventCoding().bytes($0), as: UTF8.self) }
        #expect(
            texts == [
                #"{"incident.opened":{"service":"shop","severity":"critical","title":"Checkout fails"}}"#,
                #"{"incident.escalated":{"reason":"no runbook applies","to":["dana"]}}"#,
                #"{"incident.resolved":{"by":"muster","reason":"measured"}}"#,
            ]
        )
    }

    @Test func anEventOfAnOlderVersionIsReadThroughTheUpcasters() throws {
        // As if today's version were 3, and "by" had been called "who" before it.
        let rename = EventUpcasters.Step(from: 2, kind: .resolved) { body in
            guard case .object(var outer) = body, case .object(var inner)? = outer["incident.resolved"] else {
                return body
            }
            inner["by"] = inner.removeValue(forKey: "who")
            outer["incident.resolved"] = .object(inner)
            return .object(outer)
        }
        let coding = EventCoding(upcasters: EventUpcasters(steps: [rename], version: 3))
        let old = Array(#"{"incident.resolved":{"who":"muster","reason":"measured"}}"#.utf8)
        for version in [1, 2] {
            let body = try coding.body(old, kind: "incident.resolved", version: version)
            #expect(body == .resolved(reason: "measured", by: "muster"))
        }
        let current = try EventCoding().bytes(.resolved(reason: "measured", by: "muster"))
        #expect(
            try coding.body(current, kind: "incident.resolved", version: 3)
                == .resolved(reason: "measured", by: "muster")
        )
        let error = #expect(throws: IncidentRecordError.self) {
            try coding.body(current, kind: "incident.resolved", version: 4)
        }
        #expect(error?.message.contains("install a newer one") == true)
    }
}
