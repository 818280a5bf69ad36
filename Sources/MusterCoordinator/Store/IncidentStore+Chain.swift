import GRDB
import MusterCore
import MusterIncident
import MusterRecord

extension IncidentStore {
    /// Checks that the events of an incident are the ones that were written, in order and without gaps.
    package func verify(_ incident: IncidentID) async throws(StoreError) -> ChainReport {
        try await perform("check the record") {
            try await database.read { db in
                let rows = try Row.fetchAll(
                    db,
                    sql: "SELECT * FROM events WHERE incident = ? ORDER BY seq",
                    arguments: [incident.description]
                )
                var chain = ChainCheck()
                for row in rows {
                    do throws(IncidentRecordError) { try chain.take(RecordedEvent(row)) } catch {
                        return ChainReport(
                            events: rows.count,
                            brokenAt: error.place ?? chain.events + 1,
                            reason: error.message
                        )
                    }
                }
                return ChainReport(events: rows.count, brokenAt: nil, reason: "")
            }
        }
    }

    /// Refuses a record that is not what was written.
    ///
    /// - Throws: ``StoreError`` with the code `corrupt`, saying where it is broken.
    package func requireIntact(_ incident: IncidentID) async throws(StoreError) {
        let report = try await verify(incident)
        guard report.holds else {
            throw StoreError(.corrupt, "the record of incident \(incident) was changed: \(report.reason)")
        }
    }

    // MARK: As it is, for others to check

    /// Number and hash of an incident's newest event; nil when it has none.
    package func newest(of incident: IncidentID) async throws(StoreError) -> (sequence: Int, hash: Digest)? {
        try await perform("read the record") {
            try await database.read { db in
                let head = try Self.head(of: incident, in: db)
                return head.sequence > 0 ? head : nil
            }
        }
    }

    /// A stretch of an incident's events as they are stored, checked by nobody.
    ///
    /// Those after `sequence` up to `last`, oldest first: at least one when there is one, and not more once they have
    /// `bytesMax`.
    package func recorded(
        of incident: IncidentID,
        after sequence: Int,
        upTo last: Int,
        bytesMax: Int = 1 << 20
    ) async throws(StoreError) -> [RecordedEvent] {
        try await perform("read the record") {
            try await database.read { db in
                let rows = try Row.fetchCursor(
                    db,
                    sql: "SELECT * FROM events WHERE incident = ? AND seq > ? AND seq <= ? ORDER BY seq",
                    arguments: [incident.description, sequence, last]
                )
                var events: [RecordedEvent] = []
                var bytes = 0
                while bytes < bytesMax, let row = try rows.next() {
                    let event = RecordedEvent(row)
                    bytes += event.body.count
                    events.append(event)
                }
                return events
            }
        }
    }
}

extension RecordedEvent {
    /// An event's row of the database.
    init(_ row: Row) {
        self.init(
            version: row["v"],
            id: row["id"],
            incident: row["incident"],
            sequence: row["seq"],
            previous: (row["prev_hash"] as Blob).bytes,
            hash: (row["hash"] as Blob).bytes,
            at: row["at_ns"],
            kind: row["kind"],
            body: (row["body"] as Blob).bytes
        )
    }
}
