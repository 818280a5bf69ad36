import FoundationEssentials
import GRDB
import MusterCore

/// Changes that people and other systems told of.
package struct ChangeStore: Sendable {
    private let database: any DatabaseWriter

    /// Works on a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter) { self.database = database }

    /// Registers the table; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("changes-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE change (
                        id TEXT NOT NULL PRIMARY KEY,
                        at_ns INTEGER NOT NULL,
                        recorded_ns INTEGER NOT NULL,
                        sender TEXT NOT NULL,
                        dedup_key TEXT NOT NULL,
                        body BLOB NOT NULL,
                        raw BLOB
                    ) STRICT;
                    CREATE INDEX change_at ON change (at_ns);
                    CREATE UNIQUE INDEX change_dedup ON change (sender, dedup_key) WHERE dedup_key != '';
                    """
            )
        }
    }

    /// Adds a change; one that its sender told of before keeps its first id.
    ///
    /// `key` is what makes it the same for its sender; empty when every delivery is a new one.
    package func add(
        _ change: Change,
        raw: [UInt8]?,
        key: String,
        from sender: String,
        at now: Timestamp
    ) async throws(StoreError) -> ChangeID {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let body = Blob([UInt8](try encoder.encode(change)))
            return try await database.write { db in
                if !key.isEmpty,
                    let known = try String.fetchOne(
                        db,
                        sql: "SELECT id FROM change WHERE sender = ? AND dedup_key = ?",
                        arguments: [sender, key]
                    ), let id = ChangeID(known)
                {
                    return id
                }
                let id = ChangeID(at: now)
                try db.execute(
                    sql: "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)",
                    arguments: [
                        id.description, change.at.nanoseconds, now.nanoseconds, sender, key, body,
                        raw.map(Blob.init),
                    ]
                )
                return id
            }
        } catch {
            throw StoreError("store a change", cause: error)
        }
    }

    /// Changes inside a window, oldest first; at most 1000, the newest.
    package func changes(in window: TimeWindow) async throws(StoreError) -> [Change] {
        do {
            return try await database.read { db in
                try Blob.fetchAll(
                    db,
                    sql: """
                        SELECT body FROM change WHERE at_ns >= ? AND at_ns < ? ORDER BY at_ns DESC LIMIT 1000
                        """,
                    arguments: [window.from.nanoseconds, window.to.nanoseconds]
                ).reversed().map { try JSONDecoder().decode(Change.self, from: Data($0.bytes)) }
            }
        } catch {
            throw StoreError("read changes", cause: error)
        }
    }
}
