import GRDB
import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord

extension IncidentStore {
    /// Largest size of the answers that one incident keeps.
    static let evidencePerIncidentMax = 16 << 20

    /// Registers the tables of kept answers.
    static func migrateEvidence(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("evidence-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE evidence (
                        digest TEXT NOT NULL PRIMARY KEY,
                        bytes INTEGER NOT NULL,
                        body BLOB NOT NULL
                    ) STRICT;
                    CREATE TABLE incident_evidence (
                        incident TEXT NOT NULL,
                        digest TEXT NOT NULL REFERENCES evidence (digest),
                        PRIMARY KEY (incident, digest)
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX incident_evidence_digest ON incident_evidence (digest);
                    """
            )
        }
    }

    /// Keeps answers under the digest of their bytes, each once, and lets those of the oldest incidents go when all
    /// together have more than `bytesMax`.
    ///
    /// - Returns: The digests of those that are kept; an incident that has its fill keeps no more.
    func keep(
        _ answers: [KeptAnswer],
        of incident: IncidentID,
        bytesMax: Int
    ) async throws(StoreError) -> Set<Digest> {
        try await perform("keep evidence") {
            try await database.write { db in
                let id = incident.description
                var used =
                    try Int.fetchOne(
                        db,
                        sql: """
                            SELECT coalesce(sum(bytes), 0) FROM incident_evidence JOIN evidence USING (digest)
                            WHERE incident = ?
                            """,
                        arguments: [id]
                    ) ?? 0
                var kept: Set<Digest> = []
                for answer in answers where used + answer.bytes.count <= Self.evidencePerIncidentMax {
                    let digest = answer.digest.description
                    try db.execute(
                        sql: "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?)",
                        arguments: [digest, answer.bytes.count, Blob(answer.bytes)]
                    )
                    try db.execute(
                        sql: "INSERT OR IGNORE INTO incident_evidence VALUES (?, ?)",
                        arguments: [id, digest]
                    )
                    if db.changesCount > 0 { used += answer.bytes.count }
                    kept.insert(answer.digest)
                }
                try Self.prune(but: id, bytesMax: bytesMax, in: db)
                return kept
            }
        }
    }

    /// Ids begin with the time, so that the smallest is the oldest.
    private static func prune(but incident: String, bytesMax: Int, in db: Database) throws {
        while try Int.fetchOne(db, sql: "SELECT coalesce(sum(bytes), 0) FROM evidence") ?? 0 > bytesMax {
            let oldest = try String.fetchOne(
                db,
                sql: "SELECT min(incident) FROM incident_evidence WHERE incident != ?",
                arguments: [incident]
            )
            guard let oldest else { return }
            try db.execute(sql: "DELETE FROM incident_evidence WHERE incident = ?", arguments: [oldest])
            try db.execute(
                sql: """
                    DELETE FROM evidence WHERE NOT EXISTS
                        (SELECT 1 FROM incident_evidence WHERE incident_evidence.digest = evidence.digest)
                    """
            )
        }
    }

    /// Digests of the answers that an incident's events up to `last` name and that are still kept, in their order.
    func evidence(of incident: IncidentID, upTo last: Int) async throws(StoreError) -> [Digest] {
        try await perform("read evidence") {
            try await database.read { db in
                let rows = try Row.fetchAll(
                    db,
                    sql: "SELECT * FROM events WHERE incident = ? AND kind = ? AND seq <= ?",
                    arguments: [incident.description, IncidentEvent.Kind.evidenceKept.rawValue, last]
                )
                var named: Set<Digest> = []
                for row in rows {
                    // One that somebody damaged names nothing; whoever checks the record sees it.
                    guard let event = try? event(row), case .evidenceKept(let evidence, _, _) = event.body
                    else {
                        continue
                    }
                    named.formUnion(evidence.map(\.digest))
                }
                let kept = try String.fetchAll(
                    db,
                    sql: "SELECT digest FROM incident_evidence WHERE incident = ?",
                    arguments: [incident.description]
                )
                return named.intersection(kept.compactMap { Digest($0) }).sorted()
            }
        }
    }

    /// A kept answer as it is stored; nil when it is not kept any more.
    func answer(_ digest: Digest) async throws(StoreError) -> KeptAnswer? {
        try await perform("read evidence") {
            try await database.read { db in
                try Blob.fetchOne(
                    db,
                    sql: "SELECT body FROM evidence WHERE digest = ?",
                    arguments: [digest.description]
                ).map { KeptAnswer(digest: digest, bytes: $0.bytes) }
            }
        }
    }
}
