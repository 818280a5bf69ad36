import MusterCore

/// How often an alert rule fired and was resolved within one incident.
package struct AlertTally: Hashable, Sendable, Codable {
    /// Times that it began to fire.
    package var fired = 0
    /// Times that it was resolved.
    package var resolved = 0
    /// Of these, within ``briefMax`` after it began.
    package var brief = 0

    package init() {}

    /// An alert that is over sooner than this gave nobody the time to act.
    package static let briefMax = Duration.seconds(300)

    /// Takes in what a source says of an alert; `before` is what it said last.
    mutating func take(_ alert: Alert, after before: Alert?) {
        guard before?.status != alert.status else { return }
        switch alert.status {
        case .firing: fired += 1
        case .resolved:
            resolved += 1
            let end = alert.ends ?? alert.starts
            if end - (before?.starts ?? alert.starts) <= Self.briefMax { brief += 1 }
        }
    }

    package mutating func add(_ other: AlertTally) {
        fired += other.fired
        resolved += other.resolved
        brief += other.brief
    }
}
