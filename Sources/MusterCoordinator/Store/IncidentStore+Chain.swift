import GRDB
import MusterCore

/// What checking an incident's chain of hashes found.
package struct ChainReport: Hashable, Sendable, Codable {
    /// Events looked at.
    package var events: Int
    /// Sequence number at which the chain is broken; nil when it holds.
    package var brokenAt: Int?
    /// What is wrong there; empty when it holds.
    package var reason: String

    package var holds: Bool { brokenAt == nil }
}

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
                return Self.verify(rows)
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

    private static func verify(_ rows: [Row]) -> ChainReport {
        var previous = Digest.zero.bytes
        var expected = 1
        for row in rows {
            let sequence: Int = row["seq"]
            func broken(_ reason: String) -> ChainReport {
                ChainReport(events: rows.count, brokenAt: expected, reason: reason)
            }
            guard sequence == expected else { return broken("event \(expected) is missing") }
            let stored: Blob = row["prev_hash"]
            guard stored.bytes == previous else {
                return broken("event \(sequence) does not follow the one before it")
            }
            let body: Blob = row["body"]
            let hash = EventCoding.hash(
                version: row["v"],
                id: row["id"],
                incident: row["incident"],
                sequence: sequence,
                previous: previous,
                at: row["at_ns"],
                kind: row["kind"],
                body: body.bytes
            )
            guard (row["hash"] as Blob).bytes == hash.bytes else {
                return broken("event \(sequence) is not what was written")
            }
            previous = hash.bytes
            expected += 1
        }
        return ChainReport(events: rows.count, brokenAt: nil, reason: "")
    }
}
