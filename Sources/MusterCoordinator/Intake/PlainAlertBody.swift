import MusterCore
import MusterIdentity

/// An alert in Muster's own plain JSON; a list of them is taken too.
///
///     {"name": "High error rate", "service": "shop", "status": "firing",
///      "starts": "2026-11-23T02:14:07Z", "labels": {}, "annotations": {"summary": "…"}}
///
/// Only `name` must be there. `status` is firing when missing, `starts` the moment of arrival, `fingerprint` a
/// hash of name, service and labels.
struct PlainAlertBody: Codable {
    var name: String
    var service: String?
    var severity: String?
    var status: Alert.Status?
    var starts: Timestamp?
    var ends: Timestamp?
    var summary: String?
    var labels: [String: String]?
    var annotations: [String: String]?
    var fingerprint: String?
    var group: String?
    var link: String?

    static func read(_ raw: [UInt8], at now: Timestamp) throws(OperationError) -> AlertDelivery {
        let first = raw.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let bodies =
            first == UInt8(ascii: "[")
            ? try IntakeJSON.decode([PlainAlertBody].self, raw)
            : [try IntakeJSON.decode(PlainAlertBody.self, raw)]
        var alerts: [Alert] = []
        for body in bodies { alerts.append(try body.alert(at: now)) }
        return AlertDelivery(alerts: alerts)
    }

    private func alert(at now: Timestamp) throws(OperationError) -> Alert {
        guard !name.isEmpty, name.utf8.count <= 256 else {
            throw OperationError(.malformed, "name: must have 1 to 256 bytes")
        }
        var labels = labels ?? [:]
        if let service { labels["service"] = service }
        if let severity { labels["severity"] = severity }
        var annotations = annotations ?? [:]
        if let summary { annotations["summary"] = summary }
        return Alert(
            source: "json",
            fingerprint: fingerprint ?? Self.fingerprint(name, labels),
            name: name,
            status: status ?? .firing,
            starts: starts ?? now,
            ends: status == .resolved ? ends ?? now : nil,
            labels: labels,
            annotations: annotations,
            groupKey: group ?? "",
            link: link ?? ""
        )
    }

    private static func fingerprint(_ name: String, _ labels: [String: String]) -> String {
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)\u{1F}\($0.value)" }
        return SHA256.hash(Array(([name] + pairs).joined(separator: "\u{1E}").utf8)).short
    }
}
