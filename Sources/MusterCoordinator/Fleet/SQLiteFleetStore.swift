import FoundationEssentials
import GRDB
import MusterCore
import MusterIdentity

/// The record of the fleet in the coordinator's SQLite database, in tables of its own.
package struct SQLiteFleetStore: FleetStore {
    private let database: any DatabaseWriter

    /// Works on a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter) { self.database = database }

    /// Registers the tables; call it before the database is opened for work.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("fleet-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE fleet_host (
                        id TEXT NOT NULL PRIMARY KEY,
                        name TEXT NOT NULL,
                        labels TEXT NOT NULL,
                        token_id TEXT NOT NULL,
                        joined_ns INTEGER NOT NULL,
                        services TEXT NOT NULL DEFAULT '[]',
                        version TEXT NOT NULL DEFAULT '',
                        system TEXT NOT NULL DEFAULT '',
                        kernel TEXT NOT NULL DEFAULT '',
                        address TEXT NOT NULL DEFAULT '',
                        last_seen_ns INTEGER,
                        skew_ms REAL,
                        revoked_ns INTEGER,
                        revoked_reason TEXT
                    ) STRICT;
                    CREATE TABLE fleet_token (
                        id TEXT NOT NULL PRIMARY KEY,
                        secret_sha256 BLOB NOT NULL,
                        labels TEXT NOT NULL,
                        uses_max INTEGER NOT NULL,
                        uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
                        created_ns INTEGER NOT NULL,
                        expires_ns INTEGER NOT NULL,
                        creator TEXT NOT NULL,
                        revoked INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    """
            )
        }
        migrator.registerMigration("fleet-2") { db in
            try db.execute(sql: "ALTER TABLE fleet_host ADD COLUMN quarantine TEXT")
        }
        migrator.registerMigration("fleet-3") { db in
            try db.execute(
                sql: """
                    ALTER TABLE fleet_host ADD COLUMN certificate_authority TEXT;
                    ALTER TABLE fleet_host ADD COLUMN certificate_expires_ns INTEGER;
                    """
            )
        }
        migrator.registerMigration("fleet-4") { db in
            try db.execute(
                sql: """
                    ALTER TABLE fleet_host ADD COLUMN ledger_begun_ns INTEGER;
                    ALTER TABLE fleet_host ADD COLUMN ledger_steps INTEGER;
                    ALTER TABLE fleet_host ADD COLUMN ledger_digest TEXT;
                    """
            )
        }
    }

    package func hosts() async throws(FleetError) -> [FleetHost] {
        try await perform("read the hosts") {
            try await database.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM fleet_host ORDER BY name, id").map(Self.host)
            }
        }
    }

    package func save(_ hosts: [FleetHost]) async throws(FleetError) {
        guard !hosts.isEmpty else { return }
        try await perform("save what was seen of hosts") {
            try await database.write { db in
                let statement = try db.makeStatement(
                    sql: """
                        UPDATE fleet_host SET services = ?, version = ?, system = ?, kernel = ?,
                            address = ?, last_seen_ns = ?, skew_ms = ?, quarantine = ?,
                            certificate_authority = ?, certificate_expires_ns = ?,
                            ledger_begun_ns = ?, ledger_steps = ?, ledger_digest = ? WHERE id = ?
                        """
                )
                for host in hosts {
                    try statement.execute(arguments: [
                        try Self.text(of: host.services), host.version, host.system, host.kernel,
                        host.address,
                        host.lastSeen?.nanoseconds, host.skewMilliseconds, host.quarantine,
                        host.certificate?.authority.description, host.certificate?.expires.nanoseconds,
                        host.ledger?.begun.nanoseconds, host.ledger.map { Int64(clamping: $0.steps) },
                        host.ledger?.digest.description,
                        host.id.description,
                    ])
                }
            }
        }
    }

    package func join(
        _ host: FleetHost,
        token: String,
        secret: [UInt8],
        at now: Timestamp
    ) async throws(FleetError) -> FleetHost {
        try await perform("record a host that joins") {
            try await database.write { db in
                // One transaction: a token is never used up without its host, nor a host there without it.
                let labels = try Self.use(token, secret: secret, at: now, in: db)
                let revoked = try String.fetchOne(
                    db,
                    sql:
                        "SELECT COALESCE(revoked_reason, '') FROM fleet_host WHERE id = ? AND revoked_ns NOT NULL",
                    arguments: [host.id.description]
                )
                if let revoked {
                    throw FleetError(
                        .refused,
                        "identity \(host.id.short) was revoked (\(revoked)); remove the host's key and join again"
                    )
                }
                var joined = host
                joined.labels = labels
                try db.execute(
                    sql: """
                        INSERT INTO fleet_host (id, name, labels, token_id, joined_ns, address)
                        VALUES (?, ?, ?, ?, ?, ?)
                        ON CONFLICT (id) DO UPDATE SET name = excluded.name, labels = excluded.labels,
                            token_id = excluded.token_id, address = excluded.address
                        """,
                    arguments: [
                        host.id.description, host.name, try Self.text(of: labels), token, now.nanoseconds,
                        host.address,
                    ]
                )
                return joined
            }
        }
    }

    package func create(_ token: FleetToken, secret: [UInt8]) async throws(FleetError) {
        try await perform("record a join token") {
            try await database.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO fleet_token
                            (id, secret_sha256, labels, uses_max, uses_left, created_ns, expires_ns, creator)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        token.id, Data(SHA256.hash(secret).bytes), try Self.text(of: token.labels),
                        token.usesMax, token.usesLeft, token.created.nanoseconds, token.expires.nanoseconds,
                        token.creator,
                    ]
                )
            }
        }
    }

    package func tokens() async throws(FleetError) -> [FleetToken] {
        try await perform("read the join tokens") {
            try await database.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM fleet_token ORDER BY created_ns DESC, id").map(
                    Self.token
                )
            }
        }
    }

    package func revokeToken(_ id: String) async throws(FleetError) {
        try await perform("revoke a join token") {
            try await database.write { db in
                try db.execute(sql: "UPDATE fleet_token SET revoked = 1 WHERE id = ?", arguments: [id])
                guard db.changesCount == 1 else { throw FleetError(.unknown, "there is no join token \(id)") }
            }
        }
    }

    package func revoke(_ host: AgentID, reason: String, at now: Timestamp) async throws(FleetError) {
        try await perform("revoke a host") {
            try await database.write { db in
                try db.execute(
                    sql: """
                        UPDATE fleet_host SET revoked_ns = COALESCE(revoked_ns, ?),
                            revoked_reason = COALESCE(revoked_reason, ?) WHERE id = ?
                        """,
                    arguments: [now.nanoseconds, reason, host.description]
                )
                guard db.changesCount == 1 else {
                    throw FleetError(.unknown, "there is no host \(host.short)")
                }
            }
        }
    }

    /// Turns whatever the database throws into our error; ours pass as they are.
    private func perform<Value: Sendable>(
        _ what: String,
        _ work: @Sendable () async throws -> Value
    ) async throws(FleetError) -> Value {
        do {
            return try await work()
        } catch let error as FleetError {
            throw error
        } catch {
            throw FleetError(.store, "could not \(what)", cause: error)
        }
    }
}

extension SQLiteFleetStore {
    /// Takes one use off a token and returns its labels.
    private static func use(
        _ id: String,
        secret: [UInt8],
        at now: Timestamp,
        in db: GRDB.Database
    ) throws -> [String: String] {
        let row = try Row.fetchOne(db, sql: "SELECT * FROM fleet_token WHERE id = ?", arguments: [id])
        // The same words for an unknown token and a wrong secret: nobody learns which ids exist.
        guard let row, ConstantTime.equal([UInt8](row["secret_sha256"] as Data), SHA256.hash(secret).bytes)
        else {
            throw FleetError(.refused, "join token is not known here, or its secret is wrong")
        }
        let token = try token(row)
        if let refusal = token.refusal(at: now) { throw FleetError(.refused, refusal) }
        try db.execute(sql: "UPDATE fleet_token SET uses_left = uses_left - 1 WHERE id = ?", arguments: [id])
        return token.labels
    }

    private static func host(_ row: Row) throws -> FleetHost {
        let id: String = row["id"]
        guard let identity = AgentID(id) else {
            throw FleetError(.store, "host \"\(id)\" has no valid identity")
        }
        var host = FleetHost(id: identity, name: row["name"], labels: try value(row["labels"]))
        host.services = try value(row["services"])
        host.version = row["version"]
        host.system = row["system"]
        host.kernel = row["kernel"]
        host.address = row["address"]
        host.lastSeen = (row["last_seen_ns"] as Int64?).map { Timestamp(nanoseconds: $0) }
        host.skewMilliseconds = row["skew_ms"]
        if let authority = (row["certificate_authority"] as String?).flatMap({ Digest($0) }),
            let expires = row["certificate_expires_ns"] as Int64?
        {
            host.certificate = HostCertificate(
                authority: authority,
                expires: Timestamp(nanoseconds: expires)
            )
        }
        if let begun = row["ledger_begun_ns"] as Int64?, let steps = row["ledger_steps"] as Int64?,
            let digest = (row["ledger_digest"] as String?).flatMap({ Digest($0) })
        {
            host.ledger = LedgerHead(
                begun: Timestamp(nanoseconds: begun),
                steps: UInt64(clamping: steps),
                digest: digest
            )
        }
        if (row["revoked_ns"] as Int64?) != nil {
            host.state = .revoked
        } else {
            host.quarantine = row["quarantine"]
            host.state = host.quarantine == nil ? .disconnected : .quarantined
        }
        return host
    }

    private static func token(_ row: Row) throws -> FleetToken {
        var token = FleetToken(
            id: row["id"],
            labels: try value(row["labels"]),
            uses: row["uses_max"],
            created: Timestamp(nanoseconds: row["created_ns"]),
            expires: Timestamp(nanoseconds: row["expires_ns"]),
            creator: row["creator"]
        )
        token.usesLeft = row["uses_left"]
        token.revoked = row["revoked"]
        return token
    }

    private static func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func value<Value: Decodable>(_ text: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }
}
