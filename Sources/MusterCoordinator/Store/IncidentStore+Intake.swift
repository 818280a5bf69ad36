import GRDB
import MusterCore
import MusterIncident

/// What became of one delivery of alerts.
package struct IntakeResult: Sendable {
    package var receipt: IntakeReceipt
    /// What was stored, per incident in order.
    package var events: [StoredEvent]
}

extension IncidentStore {
    /// Stores a delivery whole, in one transaction: its raw body, and an event for each alert that is news.
    ///
    /// An alert joins the open incident that knows its fingerprint; else one of its group or its service that
    /// heard of an alert within the last hour. A firing one that finds none opens a new incident, unless it flaps. The same key
    /// (group, fingerprint, start, status, end) is news once; a firing alert is news again when it was resolved
    /// meanwhile, or when it still fires ten minutes after its incident has ended.
    ///
    /// - Parameters:
    ///   - delivery: The alerts that were read from `raw`.
    ///   - raw: The body as it came.
    ///   - format: Name of its shape.
    ///   - sender: Name of the token that brought it.
    ///   - now: When it came.
    ///   - flapCycles: An alert that was resolved so often within the hour joins its last incident, see ``flapping``.
    ///   - owner: Who looks after a service.
    /// - Returns: What was news in it, and the events that follow from it; all of it is on disk.
    /// - Throws: When it could not be stored; the sender has to be told to try again.
    package func take(
        _ delivery: AlertDelivery,
        raw: [UInt8],
        format: AlertFormat,
        from sender: String,
        at now: Timestamp,
        flapCycles: Int = 3,
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
                    guard try Self.isNews(alert, intake: intake, at: now, in: db) else {
                        result.receipt.duplicates += 1
                        continue
                    }
                    result.receipt.accepted += 1
                    try Self.settleDamped(alert, in: db)
                    try place(
                        alert,
                        intake: intake,
                        at: now,
                        flapCycles: flapCycles,
                        owner: owner,
                        in: db,
                        into: &result
                    )
                }
                try noteTruncation(delivery, at: now, in: db, into: &result)
                return result
            }
        }
    }

    /// How long an incident may have heard of no alert before another of its service is a matter of its own.
    static let joinMax = Duration.seconds(3600)
    /// How long after the end of its incident an alert may go on firing before it is news again.
    static let afterEndMax = Duration.seconds(600)

    private static func isNews(
        _ alert: Alert,
        intake: Int64,
        at now: Timestamp,
        in db: Database
    ) throws -> Bool {
        let newest = try String.fetchOne(
            db,
            sql: """
                SELECT status FROM alert_seen WHERE source = ? AND fingerprint = ?
                ORDER BY intake DESC, ends_ns DESC LIMIT 1
                """,
            arguments: [alert.source, alert.fingerprint]
        )
        try db.execute(
            sql: "INSERT OR IGNORE INTO alert_seen VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                alert.source, alert.groupKey, alert.fingerprint, alert.starts.nanoseconds,
                alert.status.rawValue,
                alert.ends?.nanoseconds ?? 0, intake,
            ]
        )
        if db.changesCount > 0 { return true }
        guard alert.status == .firing else { return false }
        let wasResolved = newest == Alert.Status.resolved.rawValue
        guard try wasResolved || stillFires(alert, at: now, in: db) else { return false }
        try db.execute(
            sql: """
                UPDATE alert_seen SET intake = ? WHERE source = ? AND group_key = ? AND fingerprint = ?
                AND starts_ns = ? AND status = ? AND ends_ns = ?
                """,
            arguments: [
                intake, alert.source, alert.groupKey, alert.fingerprint, alert.starts.nanoseconds,
                alert.status.rawValue, alert.ends?.nanoseconds ?? 0,
            ]
        )
        return true
    }

    /// Whether all incidents of an alert have ended, the last of them some time ago.
    private static func stillFires(_ alert: Alert, at now: Timestamp, in db: Database) throws -> Bool {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT COUNT(*) AS known, SUM(i.ended_ns IS NULL) AS open, MAX(i.ended_ns) AS ended
                FROM incident i JOIN incident_alert a ON a.incident = i.id
                WHERE a.source = ? AND a.fingerprint = ?
                """,
            arguments: [alert.source, alert.fingerprint]
        )
        guard let row, row["known"] as Int > 0, row["open"] as Int? == 0, let ended = row["ended"] as Int64?
        else { return false }
        return ended < (now - afterEndMax).nanoseconds
    }

    private func place(
        _ alert: Alert,
        intake: Int64,
        at now: Timestamp,
        flapCycles: Int,
        owner: (String) -> Owner?,
        in db: Database,
        into result: inout IntakeResult
    ) throws {
        var bodies: [IncidentEvent] = [.alertReceived(alert: alert, intake: intake)]
        let incident: IncidentID
        if let known = try Self.incident(for: alert, at: now, in: db) {
            incident = known
        } else if alert.status == .firing, let last = try Self.flapping(alert, flapCycles, at: now, in: db) {
            incident = last.incident
            bodies.append(.alertDamped(alert: alert.name, cycles: last.cycles))
            try Self.noteDamped(alert, intake: intake, at: now, in: db)
        } else if alert.status == .firing {
            incident = IncidentID(at: now)
            bodies.insert(Self.opening(alert, owner), at: 0)
        } else {
            // The end of something that was never heard of: kept in the raw record, no incident.
            return
        }
        result.events += try append(bodies, to: incident, at: now, in: db)
        if !result.receipt.incidents.contains(incident) { result.receipt.incidents.append(incident) }
    }

    static func opening(_ alert: Alert, _ owner: (String) -> Owner?) -> IncidentEvent {
        .opened(
            title: alert.summary == alert.name ? alert.name : "\(alert.name): \(alert.summary)",
            service: alert.service,
            severity: alert.labels["severity"] ?? "",
            owner: owner(alert.service)
        )
    }

    /// The open incident that an alert belongs to; for a resolved one also an incident that has ended.
    static func incident(
        for alert: Alert,
        at now: Timestamp,
        in db: Database
    ) throws -> IncidentID? {
        // An incident that nobody closed must not swallow what begins days later.
        let recent = """
            (SELECT MAX(at_ns) FROM events WHERE incident = i.id AND kind = 'alert.received') > ?
            """
        let since = (now - joinMax).nanoseconds
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
                        WHERE a.group_key = ? AND i.ended_ns IS NULL AND \(recent)
                        ORDER BY i.opened_ns DESC LIMIT 1
                        """, [alert.groupKey, since]
                    )
                )
            }
            if !alert.service.isEmpty {
                questions.append(
                    (
                        """
                        SELECT i.id FROM incident i WHERE i.service = ? AND i.ended_ns IS NULL AND \(recent)
                        ORDER BY i.opened_ns DESC LIMIT 1
                        """, [alert.service, since]
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
