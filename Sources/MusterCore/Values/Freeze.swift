/// A stop of every automatic action, for one service or for all; what people approve goes on.
package struct Freeze: Hashable, Sendable, Codable {
    /// Most that may be on at once.
    package static let countMax = 64
    /// Longest name of a service, in bytes.
    package static let serviceBytesMax = 128
    /// Longest name of whoever set it, in bytes.
    package static let byBytesMax = 64
    /// Longest reason, in bytes.
    package static let reasonBytesMax = 512

    /// The service that it is for; nil for all.
    package var service: String?
    /// The operator who set it.
    package var by: String
    package var reason: String
    package var since: Timestamp
    /// When it ends by itself; nil when only people end it.
    package var until: Timestamp?

    package init(
        service: String?,
        by: String,
        reason: String,
        since: Timestamp,
        until: Timestamp? = nil
    ) {
        self.service = service
        self.by = by
        self.reason = reason
        self.since = since
        self.until = until
    }

    package func isOn(at now: Timestamp) -> Bool { until.map { now < $0 } ?? true }

    /// Whether it stops what is done for a service.
    ///
    /// What belongs to no known service is stopped by every freeze: rather too much than too little.
    package func concerns(_ service: String) -> Bool {
        self.service == nil || service.isEmpty || self.service == service
    }

    /// For people: `automatic actions for shop are frozen by sarah until 2026-11-23T04:00:00Z: sale starts`.
    package var text: String {
        let what = service.map { "automatic actions for \($0)" } ?? "all automatic actions"
        let end = until.map { " until \($0)" } ?? ""
        return "\(what) are frozen by \(by)\(end)\(reason.isEmpty ? "" : ": \(reason)")"
    }
}
