import FoundationEssentials
import GRDB
import MusterCore
import MusterIncident
import MusterRecord

/// The incidents' events, append-only, each chained to the one before by its hash.
///
/// Beside them stand the raw bodies of deliveries, and two indices made from the events: which incidents are
/// open, and which alerts belong to them.
package struct IncidentStore: Sendable {
    let database: any DatabaseWriter
    let coding: EventCoding

    /// Works on a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter, upcasters: EventUpcasters = .all) {
        self.database = database
        self.coding = EventCoding(upcasters: upcasters)
    }

    /// Registers the tables; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("incidents-1") { db in try db.execute(sql: schema) }
        migrateEvidence(&migrator)
        migrateFlapping(&migrator)
    }

    private static let schema = """
        CREATE TABLE events (
            incident TEXT NOT NULL,
            seq INTEGER NOT NULL CHECK (seq > 0),
            id TEXT NOT NULL UNIQUE,
            v INTEGER NOT NULL,
            prev_hash BLOB NOT NULL,
            hash BLOB NOT NULL,
            at_ns INTEGER NOT NULL,
            kind TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (incident, seq)
        ) STRICT;
        CREATE TRIGGER events_never_change BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
        CREATE TRIGGER events_never_go BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
        CREATE TABLE incident (
            id TEXT NOT NULL PRIMARY KEY,
            service TEXT NOT NULL,
            opened_ns INTEGER NOT NULL,
            ended_ns INTEGER
        ) STRICT;
        CREATE TABLE incident_alert (
            incident TEXT NOT NULL REFERENCES incident (id),
            source TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            group_key TEXT NOT NULL,
            PRIMARY KEY (incident, source, fingerprint)
        ) STRICT;
        CREATE INDEX incident_alert_fingerprint ON incident_alert (source, fingerprint);
        CREATE INDEX incident_alert_group ON incident_alert (group_key);
        CREATE TABLE incident_truncated (
            incident TEXT NOT NULL REFERENCES incident (id),
            group_key TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (incident, group_key)
        ) STRICT;
        CREATE TABLE intake (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at_ns INTEGER NOT NULL,
            sender TEXT NOT NULL,
            format TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT;
        CREATE TABLE alert_seen (
            source TEXT NOT NULL,
            group_key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            starts_ns INTEGER NOT NULL,
            status TEXT NOT NULL,
            ends_ns INTEGER NOT NULL,
            intake INTEGER NOT NULL REFERENCES intake (id),
            PRIMARY KEY (source, group_key, fingerprint, starts_ns, status, ends_ns)
        ) STRICT, WITHOUT ROWID;
        """

    /// Adds events to an incident, all or none, and returns them as they were stored.
    ///
    /// - Throws: ``StoreError`` with the code `stale` when the incident's newest event is not `head`.
    package func append(
        _ bodies: [IncidentEvent],
        to incident: IncidentID,
        after head: Int,
        at now: Timestamp
    ) async throws(StoreError) -> [StoredEvent] {
        try await perform("store events") {
            try await database.write { db in
                let newest = try Self.head(of: incident, in: db).sequence
                guard newest == head else {
                    throw StoreError(.stale, "the record has \(newest) events, not \(head)")
                }
                return try append(bodies, to: incident, at: now, in: db)
            }
        }
    }

    /// The events of an incident after a sequence number, oldest first.
    package func events(
        of incident: IncidentID,
        after sequence: Int = 0
    ) async throws(StoreError) -> [StoredEvent] {
        try await perform("read events") {
            try await database.read { db in
                try Row.fetchAll(
                    db,
                    sql: "SELECT * FROM events WHERE incident = ? AND seq > ? ORDER BY seq",
                    arguments: [incident.description, sequence]
                ).map(event)
            }
        }
    }

    /// All incidents, newest first.
    package func incidents() async throws(StoreError) -> [IncidentID] {
        try await perform("read incidents") {
            try await database.read { db in
                try String.fetchAll(db, sql: "SELECT id FROM incident ORDER BY opened_ns DESC, id DESC")
                    .compactMap(IncidentID.init)
            }
        }
    }

    /// The raw body of a delivery; nil when there is none of this number.
    package func rawIntake(_ id: Int64) async throws(StoreError) -> [UInt8]? {
        try await perform("read a delivery") {
            try await database.read { db in
                try Blob.fetchOne(db, sql: "SELECT body FROM intake WHERE id = ?", arguments: [id])?.bytes
            }
        }
    }

    // MARK: Inside a transaction

    func append(
        _ bodies: [IncidentEvent],
        to incident: IncidentID,
        at now: Timestamp,
        in db: Database
    ) throws -> [StoredEvent] {
        var (sequence, previous) = try Self.head(of: incident, in: db)
        var stored: [StoredEvent] = []
        for body in bodies {
            sequence += 1
            let bytes = try coding.bytes(body)
            let id = EventID(at: now)
            var link = RecordedEvent(
                version: IncidentEvent.version,
                id: id.description,
                incident: incident.description,
                sequence: sequence,
                previous: previous.bytes,
                at: now.nanoseconds,
                kind: body.kind.rawValue,
                body: bytes
            )
            let hash = link.computedHash()
            link.hash = hash.bytes
            try db.execute(
                sql: """
                    INSERT INTO events (incident, seq, id, v, prev_hash, hash, at_ns, kind, body)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    link.incident, sequence, link.id, link.version, Blob(link.previous), Blob(link.hash),
                    link.at, link.kind, Blob(bytes),
                ]
            )
            stored.append(
                StoredEvent(
                    id: id,
                    incident: incident,
                    v: IncidentEvent.version,
                    seq: sequence,
                    prevHash: previous,
                    hash: hash,
                    at: now,
                    body: body
                )
            )
            try index(body, of: incident, at: now, in: db)
            previous = hash
        }
        return stored
    }

    /// Keeps the indices in step with the events.
    private func index(
        _ body: IncidentEvent,
        of incident: IncidentID,
        at now: Timestamp,
        in db: Database
    ) throws {
        switch body {
        case .opened(_, let service, _, _):
            try db.execute(
                sql: "INSERT OR IGNORE INTO incident (id, service, opened_ns) VALUES (?, ?, ?)",
                arguments: [incident.description, service, now.nanoseconds]
            )
        case .alertReceived(let alert, _):
            try db.execute(
                sql: "INSERT OR REPLACE INTO incident_alert VALUES (?, ?, ?, ?)",
                arguments: [incident.description, alert.source, alert.fingerprint, alert.groupKey]
            )
        case .alertsTruncated(let group, let count):
            try db.execute(
                sql: "INSERT OR REPLACE INTO incident_truncated VALUES (?, ?, ?)",
                arguments: [incident.description, group, count]
            )
        case .resolved, .closed:
            try db.execute(
                sql: "UPDATE incident SET ended_ns = ? WHERE id = ? AND ended_ns IS NULL",
                arguments: [now.nanoseconds, incident.description]
            )
        default: break
        }
    }

    static func head(of incident: IncidentID, in db: Database) throws -> (sequence: Int, hash: Digest) {
        let row = try Row.fetchOne(
            db,
            sql: "SELECT seq, hash FROM events WHERE incident = ? ORDER BY seq DESC LIMIT 1",
            arguments: [incident.description]
        )
        guard let row else { return (0, .zero) }
        guard let hash = Digest(bytes: (row["hash"] as Blob).bytes) else {
            throw StoreError(.corrupt, "the newest event of incident \(incident) has no proper hash")
        }
        return (row["seq"], hash)
    }

    func event(_ row: Row) throws -> StoredEvent { try coding.stored(RecordedEvent(row)) }

    func perform<Value: Sendable>(
        _ what: String,
        _ work: () async throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await work()
        } catch {
            throw StoreError(what, cause: error)
        }
    }
}

/// Bytes as SQLite keeps them.
struct Blob: DatabaseValueConvertible, Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var databaseValue: DatabaseValue { Data(bytes).databaseValue }

    static func fromDatabaseValue(_ value: DatabaseValue) -> Blob? {
        Data.fromDatabaseValue(value).map { Blob([UInt8]($0)) }
    }
}
