import MusterCore

/// The rules of a pretended Prometheus: an expression that must hold for a while.
enum AlertRule {
    /// Waits as a rule with `for:` does: until `condition` has held without a break for `holds`.
    static func wait(
        _ what: @autoclosure () -> String,
        holds: Duration,
        upTo limit: Duration = .seconds(90),
        _ condition: () throws -> Bool
    ) throws {
        var since: Duration?
        try Interruption.wait(upTo: limit, every: .milliseconds(250), for: what()) {
            guard try condition() else {
                since = nil
                return false
            }
            let now = WallClock.monotonic()
            let began = since ?? now
            since = began
            return now - began >= holds
        }
    }
}
