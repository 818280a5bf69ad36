import GRDB
import MusterCore
import MusterIncident

/// Who asked or changed what, when, from where, and how it ended.
///
/// The record is written before the work begins; work that can't be recorded is not done. Deliveries of alerts
/// and changes have a record of their own, the raw body with its sender.
package struct AuditLog: Sendable {
    private let database: any DatabaseWriter
    private let now: @Sendable () -> Timestamp

    /// Works on a database that ``migrate(_:)`` was applied to.
    package init(
        database: any DatabaseWriter,
        now: @escaping @Sendable () -> Timestamp = FleetConfiguration.systemClock
    ) {
        self.database = database
        self.now = now
    }

    /// Registers the table; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("audit-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE audit (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        at_ns INTEGER NOT NULL,
                        actor TEXT NOT NULL,
                        role TEXT NOT NULL,
                        address TEXT NOT NULL,
                        action TEXT NOT NULL,
                        target TEXT NOT NULL,
                        detail TEXT NOT NULL,
                        outcome TEXT
                    ) STRICT
                    """
            )
        }
    }

    /// Does some work between two entries: that it begins, and how it ended.
    ///
    /// - Throws: ``OperationError`` with the code `unavailable` when it can't be recorded, else what the work
    ///   throws.
    package func record<Value: Sendable>(
        _ action: String,
        of target: String,
        by caller: Caller,
        detail: String = "",
        _ work: () async throws -> Value
    ) async throws -> Value {
        let id = try await begin(action, target, caller, detail)
        do {
            let value = try await work()
            try await end(id, "done")
            return value
        } catch {
            try await end(id, Problem(error).code)
            throw error
        }
    }

    /// The newest entries, newest first.
    package func entries(limit: Int) async throws(OperationError) -> [AuditEntry] {
        do {
            return try await database.read { db in
                try Row.fetchAll(
                    db,
                    sql: "SELECT * FROM audit ORDER BY id DESC LIMIT ?",
                    arguments: [max(1, min(limit, 10_000))]
                ).map(Self.entry)
            }
        } catch {
            throw OperationError(.unavailable, "could not read the audit record", cause: error)
        }
    }

    private func begin(
        _ action: String,
        _ target: String,
        _ caller: Caller,
        _ detail: String
    ) async throws -> Int64 {
        let at = now()
        do {
            return try await database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO audit (at_ns, actor, role, address, action, target, detail)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        at.nanoseconds, caller.name, caller.role.rawValue, caller.address, action,
                        String(target.prefix(512)), String(detail.prefix(4_096)),
                    ]
                )
                return db.lastInsertedRowID
            }
        } catch {
            throw OperationError(
                .unavailable,
                "could not record the call, so it was not carried out",
                cause: error
            )
        }
    }

    private func end(_ id: Int64, _ outcome: String) async throws {
        do {
            try await database.write { db in
                try db.execute(sql: "UPDATE audit SET outcome = ? WHERE id = ?", arguments: [outcome, id])
            }
        } catch {
            throw OperationError(
                .unavailable,
                "the call ended (\(outcome)), but that could not be recorded",
                cause: error
            )
        }
    }

    private static func entry(_ row: Row) throws -> AuditEntry {
        let role: String = row["role"]
        return AuditEntry(
            id: row["id"],
            at: Timestamp(nanoseconds: row["at_ns"]),
            actor: row["actor"],
            role: OperatorRole(rawValue: role) ?? .viewer,
            address: row["address"],
            action: row["action"],
            target: row["target"],
            detail: row["detail"],
            outcome: row["outcome"]
        )
    }
}
