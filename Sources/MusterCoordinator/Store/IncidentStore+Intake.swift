import GRDB
import MusterCore

/// What became of one delivery of alerts.
package struct IntakeResult: Sendable {
    package var receipt: IntakeReceipt
    /// What was stored, per incident in order.
    package var events: [StoredEvent]
}

extension IncidentStore {
    /// Stores a delivery whole, in one transaction: its raw body, and an event for each alert that is news.
    ///
    /// An alert joins the open incident that knows its fingerprint, its group or its service; a firing one that
    /// finds none opens a new incident. The same key (group, fingerprint, start, status, end) is news once.
    ///
    /// - Parameters:
    ///   - delivery: The alerts that were read from `raw`.
    ///   - raw: The body as it came.
    ///   - format: Name of its shape.
    ///   - sender: Name of the token that brought it.
    ///   - now: When it came.
    ///   - owner: Who looks after a service.
    /// - Returns: What was news in it, and the events that follow from it; all of it is on disk.
    /// - Throws: When it could not be stored; the sender has to be told to try again.
    package func take(
        _ delivery: AlertDelivery,
        raw: [UInt8],
        format: AlertFormat,
        from sender: String,
        at now: Timestamp,
        owner: @escaping @Sendable (String) -> Owner?
    ) async throws(StoreError) -> IntakeResult {
        try await perform("store a delivery of alerts") {
            try await database.write { db in
                try db.execute(
                    sql: "INSERT INTO intake (at_ns, sender, format, body) VALUES (?, ?, ?, ?)",
                    arguments: [now.nanoseconds, sender, format.rawValue, Blob(raw)]
                )
                let intake = db.lastInsertedRowID
                var result = IntakeResult(
                    receipt: IntakeReceipt(accepted: 0, duplicates: 0, incidents: []),
                    events: []
                )
                for alert in delivery.alerts {
                    guard try Self.isNews(alert, intake: intake, in: db) else {
                        result.receipt.duplicates += 1
                        continue
                    }
                    result.receipt.accepted += 1
                    try place(alert, intake: intake, at: now, owner: owner, in: db, into: &result)
                }
                try noteTruncation(delivery, at: now, in: db, into: &result)
                return result
            }
        }
    }

    private static func isNews(_ alert: Alert, intake: Int64, in db: Database) throws -> Bool {
        try db.execute(
            sql: "INSERT OR IGNORE INTO alert_seen VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                alert.source, alert.groupKey, alert.fingerprint, alert.starts.nanoseconds,
                alert.status.rawValue,
                alert.ends?.nanoseconds ?? 0, intake,
            ]
        )
        return db.changesCount > 0
    }

    private func place(
        _ alert: Alert,
        intake: Int64,
        at now: Timestamp,
        owner: (String) -> Owner?,
        in db: Database,
        into result: inout IntakeResult
    ) throws {
        var bodies: [IncidentEvent] = [.alertReceived(alert: alert, intake: intake)]
        let incident: IncidentID
        if let known = try Self.incident(for: alert, in: db) {
            incident = known
        } else if alert.status == .firing {
            incident = IncidentID(at: now)
            bodies.insert(
                .opened(
                    title: alert.summary == alert.name ? alert.name : "\(alert.name): \(alert.summary)",
                    service: alert.service,
                    severity: alert.labels["severity"] ?? "",
                    owner: owner(alert.service)
                ),
                at: 0
            )
        } else {
            // The end of something that was never heard of: kept in the raw record, no incident.
            return
        }
        result.events += try append(bodies, to: incident, at: now, in: db)
        if !result.receipt.incidents.contains(incident) { result.receipt.incidents.append(incident) }
    }

    /// The open incident that an alert belongs to; for a resolved one also an incident that has ended.
    private static func incident(for alert: Alert, in db: Database) throws -> IncidentID? {
        var questions: [(String, StatementArguments)] = [
            (
                """
                SELECT i.id FROM incident i JOIN incident_alert a ON a.incident = i.id
                WHERE a.source = ? AND a.fingerprint = ? AND i.ended_ns IS NULL ORDER BY i.opened_ns DESC LIMIT 1
                """, [alert.source, alert.fingerprint]
            )
        ]
        if alert.status == .resolved {
            questions.append(
                (
                    """
                    SELECT incident FROM incident_alert JOIN incident ON id = incident
                    WHERE source = ? AND fingerprint = ? ORDER BY opened_ns DESC LIMIT 1
                    """, [alert.source, alert.fingerprint]
                )
            )
        } else {
            if !alert.groupKey.isEmpty {
                questions.append(
                    (
                        """
                        SELECT i.id FROM incident i JOIN incident_alert a ON a.incident = i.id
                        WHERE a.group_key = ? AND i.ended_ns IS NULL ORDER BY i.opened_ns DESC LIMIT 1
                        """, [alert.groupKey]
                    )
                )
            }
            if !alert.service.isEmpty {
                questions.append(
                    (
                        """
                        SELECT id FROM incident WHERE service = ? AND ended_ns IS NULL
                        ORDER BY opened_ns DESC LIMIT 1
                        """, [alert.service]
                    )
                )
            }
        }
        for (sql, arguments) in questions {
            if let id = try String.fetchOne(db, sql: sql, arguments: arguments) { return IncidentID(id) }
        }
        return nil
    }

    /// Stores how many alerts of the group were left out, whenever that changes.
    private func noteTruncation(
        _ delivery: AlertDelivery,
        at now: Timestamp,
        in db: Database,
        into result: inout IntakeResult
    ) throws {
        guard !delivery.groupKey.isEmpty else { return }
        let incidents = try String.fetchAll(
            db,
            sql: """
                SELECT DISTINCT i.id FROM incident i JOIN incident_alert a ON a.incident = i.id
                WHERE a.group_key = ? AND i.ended_ns IS NULL
                """,
            arguments: [delivery.groupKey]
        )
        for text in incidents {
            guard let incident = IncidentID(text) else { continue }
            let known =
                try Int.fetchOne(
                    db,
                    sql: "SELECT count FROM incident_truncated WHERE incident = ? AND group_key = ?",
                    arguments: [text, delivery.groupKey]
                ) ?? 0
            guard known != delivery.truncated else { continue }
            let event = IncidentEvent.alertsTruncated(group: delivery.groupKey, count: delivery.truncated)
            result.events += try append([event], to: incident, at: now, in: db)
            if !result.receipt.incidents.contains(incident) { result.receipt.incidents.append(incident) }
        }
    }
}
