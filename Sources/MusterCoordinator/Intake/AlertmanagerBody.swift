import MusterCore

/// The body of Alertmanager's webhook, version 4.
///
/// Alertmanager sends the same bytes again until it gets a 2xx, and has no delivery id.
struct AlertmanagerBody: Decodable {
    struct Entry: Decodable {
        var status: Alert.Status
        var labels: [String: String]
        var annotations: [String: String]?
        var startsAt: Timestamp
        /// `0001-01-01T00:00:00Z` while firing.
        var endsAt: String?
        var generatorURL: String?
        var fingerprint: String
    }

    var version: String
    var groupKey: String
    var truncatedAlerts: Int?
    var alerts: [Entry]

    func delivery() throws(OperationError) -> AlertDelivery {
        guard version == "4" else {
            throw OperationError(.malformed, "version: expected \"4\", found \"\(version.prefix(32))\"")
        }
        guard let truncated = Optional(truncatedAlerts ?? 0), truncated >= 0 else {
            throw OperationError(.malformed, "truncatedAlerts: must not be negative")
        }
        var alerts: [Alert] = []
        for (index, entry) in self.alerts.enumerated() { alerts.append(try alert(entry, at: index)) }
        return AlertDelivery(alerts: alerts, groupKey: groupKey, truncated: truncated)
    }

    private func alert(_ entry: Entry, at index: Int) throws(OperationError) -> Alert {
        // Prometheus always sets it; an alert without one is no reason to turn its whole group away.
        let name = entry.labels["alertname"].flatMap { $0.isEmpty ? nil : $0 } ?? "unnamed alert"
        guard !entry.fingerprint.isEmpty else {
            throw OperationError(.malformed, "alerts[\(index)].fingerprint: empty")
        }
        var ends: Timestamp?
        if entry.status == .resolved {
            guard let text = entry.endsAt, let end = Timestamp(rfc3339: text) else {
                throw OperationError(
                    .malformed,
                    "alerts[\(index)].endsAt: a resolved alert needs a time like 2026-11-23T02:14:07Z"
                )
            }
            ends = end
        }
        return Alert(
            source: "alertmanager",
            fingerprint: entry.fingerprint,
            name: name,
            status: entry.status,
            starts: entry.startsAt,
            ends: ends,
            labels: entry.labels,
            annotations: entry.annotations ?? [:],
            groupKey: groupKey,
            link: entry.generatorURL ?? ""
        )
    }
}
