import FoundationEssentials
import GRDB
import MusterCore
import MusterIdentity
import MusterIncident

/// Who may use the API and the pages; secrets are kept as SHA-256 only.
package struct OperatorStore: Sendable {
    let database: any DatabaseWriter

    /// Works on a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter) { self.database = database }

    /// Registers the tables; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("operators-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE operators_token (
                        id TEXT NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL,
                        role TEXT NOT NULL,
                        secret_sha256 BLOB NOT NULL,
                        created_ns INTEGER NOT NULL,
                        expires_ns INTEGER NOT NULL,
                        creator TEXT NOT NULL,
                        revoked INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE UNIQUE INDEX operators_token_name ON operators_token (name) WHERE revoked = 0;
                    CREATE TABLE operators_session (
                        secret_sha256 BLOB NOT NULL PRIMARY KEY,
                        token_id TEXT NOT NULL REFERENCES operators_token (id),
                        expires_ns INTEGER NOT NULL
                    ) STRICT;
                    """
            )
        }
    }

    /// Makes an operator; the token's text is in the result and nowhere else.
    ///
    /// An expired operator of the same name gives way.
    ///
    /// - Throws: ``OperationError``: `malformed` for a bad name or life, `conflict` when the name is taken.
    package func create(
        _ request: OperatorRequest,
        by creator: String,
        at now: Timestamp
    ) async throws(OperationError) -> OperatorCreated {
        let life = request.lifeSeconds ?? 90 * 86_400
        guard Self.isName(request.name) else {
            throw OperationError(
                .malformed,
                "the name of an operator is 1 to 64 lower-case letters, digits, \".\", \"_\" and \"-\", "
                    + "and begins with a letter or digit"
            )
        }
        guard (60...366 * 86_400).contains(life) else {
            throw OperationError(.malformed, "a token lasts from a minute to 366 days")
        }
        let token = AccessToken()
        let record = OperatorRecord(
            id: token.id,
            name: request.name,
            role: request.role,
            created: now,
            expires: now + .seconds(life),
            creator: creator
        )
        try await perform("record an operator") {
            try await database.write { db in
                try db.execute(
                    sql: "UPDATE operators_token SET revoked = 1 WHERE name = ? AND expires_ns <= ?",
                    arguments: [record.name, now.nanoseconds]
                )
                let taken = try Bool.fetchOne(
                    db,
                    sql: "SELECT EXISTS (SELECT 1 FROM operators_token WHERE name = ? AND revoked = 0)",
                    arguments: [record.name]
                )
                guard taken != true else {
                    throw OperationError(
                        .conflict,
                        "there is an operator \(record.name); revoke the old token first"
                    )
                }
                try db.execute(
                    sql: """
                        INSERT INTO operators_token
                            (id, name, role, secret_sha256, created_ns, expires_ns, creator)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        record.id, record.name, record.role.rawValue, Data(SHA256.hash(token.secret).bytes),
                        record.created.nanoseconds, record.expires.nanoseconds, record.creator,
                    ]
                )
            }
        }
        return OperatorCreated(record: record, token: token.text)
    }

    /// All operators, also revoked ones, by name.
    package func operators() async throws(OperationError) -> [OperatorRecord] {
        try await perform("read the operators") {
            try await database.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM operators_token ORDER BY name, created_ns").map(
                    Self.record
                )
            }
        }
    }

    /// Makes an operator's token useless and ends the sessions that were opened with it.
    ///
    /// The last administrator stays: without one nobody could make another.
    package func revoke(_ name: String, at now: Timestamp) async throws(OperationError) {
        try await perform("revoke an operator") {
            try await database.write { db in
                let rows = try Row.fetchAll(db, sql: "SELECT * FROM operators_token WHERE revoked = 0")
                let records = try rows.map(Self.record)
                guard let record = records.first(where: { $0.name == name || $0.id == name }) else {
                    throw OperationError(.notFound, "there is no operator \(name)")
                }
                let admins = records.filter { $0.role == .admin && $0.expires > now }
                guard admins.map(\.id) != [record.id] else {
                    throw OperationError(
                        .conflict,
                        "\(record.name) is the last administrator; create another first"
                    )
                }
                try db.execute(
                    sql: "UPDATE operators_token SET revoked = 1 WHERE id = ?",
                    arguments: [record.id]
                )
                try db.execute(
                    sql: "DELETE FROM operators_session WHERE token_id = ?",
                    arguments: [record.id]
                )
            }
        }
    }

    /// The operator of a token; nil when it is unknown, wrong, expired or revoked.
    func authenticate(_ token: AccessToken, at now: Timestamp) async throws(OperationError) -> OperatorRecord?
    {
        try await perform("look up a token") {
            try await database.read { db in
                let row = try Row.fetchOne(
                    db,
                    sql: "SELECT * FROM operators_token WHERE id = ? AND revoked = 0 AND expires_ns > ?",
                    arguments: [token.id, now.nanoseconds]
                )
                guard let row else { return nil }
                let kept = [UInt8](row["secret_sha256"] as Data)
                return ConstantTime.equal(kept, SHA256.hash(token.secret).bytes) ? try Self.record(row) : nil
            }
        }
    }

    private static func isName(_ name: String) -> Bool {
        let marks: Set<UInt8> = [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")]
        func isPlain(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = name.utf8.first, isPlain(first), name.utf8.count <= 64 else { return false }
        return name.utf8.allSatisfy { isPlain($0) || marks.contains($0) }
    }

    static func record(_ row: Row) throws -> OperatorRecord {
        let role: String = row["role"]
        guard let role = OperatorRole(rawValue: role) else {
            throw OperationError(.unavailable, "the record of operators has an unknown role \"\(role)\"")
        }
        return OperatorRecord(
            id: row["id"],
            name: row["name"],
            role: role,
            created: Timestamp(nanoseconds: row["created_ns"]),
            expires: Timestamp(nanoseconds: row["expires_ns"]),
            creator: row["creator"],
            revoked: row["revoked"]
        )
    }

    /// Turns whatever the database throws into our error; ours pass as they are.
    func perform<Value: Sendable>(
        _ what: String,
        _ work: @Sendable () async throws -> Value
    ) async throws(OperationError) -> Value {
        do {
            return try await work()
        } catch let error as OperationError {
            throw error
        } catch {
            throw OperationError(.unavailable, "could not \(what)", cause: error)
        }
    }
}
