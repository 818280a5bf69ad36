import MusterCore

/// A delivery as Alertmanager 0.25 posts it to a webhook, with one firing alert.
struct AlertmanagerWebhook: Encodable {
    private struct FiringAlert: Encodable {
        var status = "firing"
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: Timestamp
        var endsAt = "0001-01-01T00:00:00Z"
        var generatorURL: String
        var fingerprint: String
    }

    private var receiver = "muster"
    private var status = "firing"
    private var alerts: [FiringAlert]
    private var groupLabels: [String: String]
    private var commonLabels: [String: String]
    private var commonAnnotations: [String: String]
    private var externalURL = "http://alertmanager.invalid:9093"
    private var version = "4"
    private var groupKey: String
    private var truncatedAlerts = 0

    init(name: String, labels: [String: String], summary: String, starts: Timestamp) {
        var labels = labels
        labels["alertname"] = name
        let service = labels["service"] ?? ""
        let annotations = ["summary": summary]
        alerts = [
            FiringAlert(
                labels: labels,
                annotations: annotations,
                startsAt: starts,
                generatorURL: "http://prometheus.invalid:9090/graph?g0.tab=1",
                fingerprint: Self.fingerprint(labels)
            )
        ]
        groupLabels = ["alertname": name, "service": service]
        commonLabels = labels
        commonAnnotations = annotations
        groupKey = "{}:{alertname=\"\(name)\", service=\"\(service)\"}"
    }

    /// FNV-1a over the sorted labels, as Prometheus makes its fingerprints.
    private static func fingerprint(_ labels: [String: String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
            for byte in Array(name.utf8) + [0xFF] + Array(value.utf8) + [0xFF] {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
        }
        return Hex.text(of: hash)
    }
}
