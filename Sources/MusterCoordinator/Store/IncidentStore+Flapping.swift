import FoundationEssentials
import GRDB
import MusterCore
import MusterIncident

/// Alerts that fire and resolve again and again.
///
/// Such an alert joins its last incident, also when that is over, and people are told so once. It is kept in
/// `alert_damped` until it is resolved: when it goes on firing for ten minutes it is no flapping any more, and opens an
/// incident like any other.
extension IncidentStore {
    /// How far back the ends of an alert count, and the end of the incident that it joins.
    static let flapWindow = Duration.seconds(3600)

    static func migrateFlapping(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("flapping-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE alert_damped (
                        source TEXT NOT NULL,
                        fingerprint TEXT NOT NULL,
                        since_ns INTEGER NOT NULL,
                        intake INTEGER NOT NULL REFERENCES intake (id),
                        alert BLOB NOT NULL,
                        PRIMARY KEY (source, fingerprint)
                    ) STRICT;
                    CREATE INDEX alert_seen_fingerprint ON alert_seen (source, fingerprint, intake);
                    """
            )
        }
    }

    /// The incident that a flapping alert joins, with how often it was resolved within the hour; nil when it does not flap,
    /// or has no incident that ended within the hour.
    static func flapping(
        _ alert: Alert,
        _ cyclesMin: Int,
        at now: Timestamp,
        in db: Database
    ) throws -> (incident: IncidentID, cycles: Int)? {
        let since = (now - flapWindow).nanoseconds
        let cycles =
            try Int.fetchOne(
                db,
                sql: """
                    SELECT COUNT(*) FROM alert_seen s JOIN intake i ON i.id = s.intake
                    WHERE s.source = ? AND s.fingerprint = ? AND s.status = 'resolved' AND i.at_ns > ?
                    """,
                arguments: [alert.source, alert.fingerprint, since]
            ) ?? 0
        guard cycles >= cyclesMin else { return nil }
        let last = try String.fetchOne(
            db,
            sql: """
                SELECT i.id FROM incident i JOIN incident_alert a ON a.incident = i.id
                WHERE a.source = ? AND a.fingerprint = ? AND i.ended_ns > ?
                ORDER BY i.ended_ns DESC LIMIT 1
                """,
            arguments: [alert.source, alert.fingerprint, since]
        )
        return last.flatMap(IncidentID.init).map { ($0, cycles) }
    }

    /// Keeps an alert that joined an incident instead of opening one.
    static func noteDamped(_ alert: Alert, intake: Int64, at now: Timestamp, in db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO alert_damped VALUES (?, ?, ?, ?, ?)",
            arguments: [
                alert.source, alert.fingerprint, now.nanoseconds, intake,
                Blob([UInt8](try JSONEncoder().encode(alert))),
            ]
        )
    }

    /// Whatever is news of an alert decides anew.
    static func settleDamped(_ alert: Alert, in db: Database) throws {
        try db.execute(
            sql: "DELETE FROM alert_damped WHERE source = ? AND fingerprint = ?",
            arguments: [alert.source, alert.fingerprint]
        )
    }

    /// Opens an incident for each alert that joined an old one and has gone on firing since, or has it join an open one.
    ///
    /// - Returns: The incidents, which are on disk.
    package func raiseSteady(
        at now: Timestamp,
        owner: @escaping @Sendable (String) -> Owner?
    ) async throws(StoreError) -> [IncidentID] {
        let due = (now - Self.afterEndMax).nanoseconds
        return try await perform("look at alerts that flapped") {
            // Mostly there are none, and to see that takes no lock.
            let isDue = try await database.read { db in
                try Int.fetchOne(
                    db,
                    sql: "SELECT 1 FROM alert_damped WHERE since_ns <= ? LIMIT 1",
                    arguments: [due]
                )
            }
            guard isDue != nil else { return [] }
            return try await database.write { db in
                let rows = try Row.fetchAll(
                    db,
                    sql: "SELECT intake, alert FROM alert_damped WHERE since_ns <= ? LIMIT 100",
                    arguments: [due]
                )
                return try rows.map { row in
                    let alert = try JSONDecoder().decode(Alert.self, from: Data((row["alert"] as Blob).bytes))
                    try Self.settleDamped(alert, in: db)
                    let received = IncidentEvent.alertReceived(alert: alert, intake: row["intake"])
                    // Another alert of its service may have opened one meanwhile.
                    let open = try Self.incident(for: alert, at: now, in: db)
                    let bodies = open == nil ? [Self.opening(alert, owner), received] : [received]
                    let incident = open ?? IncidentID(at: now)
                    _ = try append(bodies, to: incident, at: now, in: db)
                    return incident
                }
            }
        }
    }
}
