import MusterCore

/// What an incident looks like, as far as it can be held against changes.
package struct Symptom: Sendable {
    /// Something that was said about the trouble.
    package struct Text: Hashable, Sendable {
        package var text: String
        /// 0 to 1: error logs count whole, names of metrics half.
        package var weight: Double

        package init(_ text: String, weight: Double) {
            self.text = String(text.prefix(Symptom.textLengthMax))
            self.weight = weight
        }
    }

    package struct Call: Hashable, Sendable {
        package var caller: String
        package var callee: String

        package init(caller: String, callee: String) {
            self.caller = caller
            self.callee = callee
        }
    }

    /// A setting that is measured and went from one value to another: `db_pool_max_conns` from 50 to 10.
    package struct Step: Hashable, Sendable {
        package var metric: String
        package var before: Double
        package var after: Double

        package init(metric: String, before: Double, after: Double) {
            self.metric = metric
            self.before = before
            self.after = after
        }
    }

    /// A failed call to a host that is none of our services.
    package struct OutsideFailure: Hashable, Sendable {
        package var peer: String
        package var service: String
        /// All that was said of the call.
        package var text: String

        package init(peer: String, service: String, text: String) {
            self.peer = peer
            self.service = service
            self.text = text
        }
    }

    package static let textLengthMax = 2000
    package static let textsMax = 2000

    /// All services that are known, whatever their state.
    package var services: Set<String>
    /// Of the alert; empty when unknown.
    package var service: String
    package var texts: [Text] = []
    /// When the first sign of trouble was seen anywhere.
    package var onset: Timestamp
    /// When what the alert watches went wrong.
    package var alertOnset: Timestamp
    package var alertedAt: Timestamp
    /// Services that show signs of trouble, with their first.
    package var troubled: [String: Timestamp] = [:]
    /// Services whose own work failed, not that of a service behind them.
    package var failing: Set<String> = []
    package var calls: Set<Call> = []
    package var steps: [Step] = []
    /// Attributes such as `deadline_ms` and their values, in what failed and not in what went well.
    package var newValues: [String: Set<String>] = [:]
    /// The same, in what went well before and no longer.
    package var oldValues: [String: Set<String>] = [:]
    package var outsideFailures: [OutsideFailure] = []
    /// A service that nobody of ours calls and that gets far more requests; empty when there is none.
    package var surge = ""
    /// The one zone, node or host that all failures are of, as `zone a`; empty when there is none.
    package var onlyAt = ""

    package init(services: Set<String>, service: String, onset: Timestamp, alertedAt: Timestamp) {
        self.services = services
        self.service = service
        self.onset = onset
        self.alertOnset = onset
        self.alertedAt = alertedAt
    }

    /// Services that were the first to show trouble, as finely as onsets can be told apart.
    var first: Set<String> { Set(troubled.filter { ($0.value - onset).inSeconds <= 90 }.keys) }
}
