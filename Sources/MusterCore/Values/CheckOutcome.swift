/// How one check of a dependency went, as far as that tells of the way to it.
///
/// Agents count how the latest checks went, coordinators judge what is wrong by the counts: one check alone can't tell a
/// way that loses packets from one that is cut.
package enum CheckOutcome: String, CaseIterable, Sendable {
    /// As fast as usual.
    case prompt
    /// The connection came about as fast as usual, the answer late.
    case slowAnswer = "slow_answers"
    /// The connection came about late.
    case slowConnection = "slow_connections"
    /// So late that the first packet of it must have been sent again.
    case resentConnection = "resent_connections"
    /// There was a connection, and no answer in time.
    case unanswered
    /// No connection in time, and nobody refused it.
    case unconnected

    /// Linux sends the first packet of a connection again after one second (RFC 6298, 2.1), less what timers and clocks are off.
    package static let resentFrom = 950.0

    /// Latest checks that are counted.
    package static let recentMax = 8

    /// Name of the count among the values of a check.
    package var valueName: String { "recent_\(rawValue)" }

    /// Nil when it failed in a way that says nothing of the way: refused, reset, an error as the answer.
    ///
    /// `timeout` is how long the check was given; nil when that is not known, and then nothing that failed is told.
    package init?(_ check: DependencyCheck, timeout: Duration?) {
        if check.healthy {
            self = Self.speed(check)
            return
        }
        guard let timeout, check.totalMilliseconds >= 0.9 * timeout.inMilliseconds, check.status == 0 else {
            return nil
        }
        if check.kind == "postgres" {
            // A session that is held open is asked: most checks make no connection.
            self = check.reason.contains("no connection") ? .unconnected : .unanswered
        } else if check.connectMilliseconds != nil {
            self = .unanswered
        } else if check.dnsMilliseconds != nil {
            self = .unconnected
        } else {
            return nil
        }
    }

    private static func speed(_ check: DependencyCheck) -> CheckOutcome {
        if let late = check.excess(check.connectMilliseconds, "connect_milliseconds") {
            // A session with a database is held open: what was late there is the answer to a look.
            return late >= resentFrom && check.kind != "postgres" ? .resentConnection : .slowConnection
        }
        return check.excess(check.totalMilliseconds, "total_milliseconds") == nil ? .prompt : .slowAnswer
    }

    /// Whether it brought no answer.
    package var isLost: Bool { self == .unanswered || self == .unconnected }
}

extension DependencyCheck {
    /// What is so many times the usual is late, when it is also above what noise does.
    private static let lateFactor = 3.0
    private static let lateMillisecondsMin = 20.0

    /// How many milliseconds a phase took beyond what is usual; nil when that is no more than noise, or nothing is known to be usual.
    package func excess(_ value: Double?, _ name: String) -> Double? {
        guard let value, let usual = values["usual_\(name)"],
            value > Self.lateFactor * usual + Self.lateMillisecondsMin
        else { return nil }
        return value - usual
    }
}
