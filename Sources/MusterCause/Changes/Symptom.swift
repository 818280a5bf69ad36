import MusterCore

/// What an incident looks like, as far as it can be held against changes.
package struct Symptom: Sendable {
    /// Something that was said about the trouble.
    struct Text: Hashable, Sendable {
        var text: String
        /// 0 to 1: error logs count whole, names of metrics half.
        var weight: Double

        init(_ text: String, weight: Double) {
            self.text = text.prefix(bytes: Symptom.textBytesMax)
            self.weight = weight
        }
    }

    struct Call: Hashable, Sendable {
        var caller: String
        var callee: String
    }

    /// A setting that is measured and went from one value to another: `db_pool_max_conns` from 50 to 10.
    struct Step: Hashable, Sendable {
        var metric: String
        var before: Double
        var after: Double
    }

    /// A failed call to a host that is none of our services.
    struct OutsideFailure: Hashable, Sendable {
        var peer: String
        var service: String
        /// All that was said of the call.
        var text: String
    }

    static let textBytesMax = 2000
    static let textsMax = 2000

    /// All services that are known, whatever their state.
    var services: Set<String>
    /// Of the alert; empty when unknown.
    var service: String
    var texts: [Text] = []
    /// When the first sign of trouble was seen anywhere.
    var onset: Timestamp
    /// When what the alert watches went wrong.
    var alertOnset: Timestamp
    var alertedAt: Timestamp
    /// Services that show signs of trouble, with their first.
    var troubled: [String: Timestamp] = [:]
    /// Services whose own work failed, not that of a service behind them.
    var failing: Set<String> = []
    var calls: Set<Call> = []
    var steps: [Step] = []
    /// Attributes such as `deadline_ms` and their values, in what failed and not in what went well.
    var newValues: [String: Set<String>] = [:]
    /// The same, in what went well before and no longer.
    var oldValues: [String: Set<String>] = [:]
    var outsideFailures: [OutsideFailure] = []
    /// A service that nobody of ours calls and that gets far more requests; empty when there is none.
    var surge = ""
    /// The one zone, node or host that all failures are of, as `zone a`; empty when there is none.
    var onlyAt = ""

    init(services: Set<String>, service: String, onset: Timestamp, alertedAt: Timestamp) {
        self.services = services
        self.service = service
        self.onset = onset
        self.alertOnset = onset
        self.alertedAt = alertedAt
    }

    /// Services that were the first to show trouble, as finely as onsets can be told apart.
    var first: Set<String> { Set(troubled.filter { ($0.value - onset).inSeconds <= 90 }.keys) }
}
