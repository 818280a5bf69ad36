import MusterCore

/// What one round of an investigation asked and why, what it left unasked, and the calls between services that it knew.
package struct Inquiry: Hashable, Sendable, Codable {
    /// A question and what was expected of it.
    package struct Question: Hashable, Sendable, Codable {
        /// `dependencies`, `sockets`.
        package var name: String
        package var hosts: Int
        /// How much less uncertain its answer was expected to make what the cause is.
        package var bits: Double
        /// What it takes of the fleet; 1 is an answer from one host's memory.
        package var cost: Double
        /// What it tells apart: `dependency-down from network`; empty when it looks for whatever there is.
        package var purpose: String

        package init(name: String, hosts: Int, bits: Double, cost: Double, purpose: String) {
            self.name = name
            self.hosts = hosts
            self.bits = bits
            self.cost = cost
            self.purpose = purpose
        }

        /// `sockets of 1 host (0.31 bits, tells dependency-down from network)`.
        package var text: String {
            let expected = "\(bits.text(decimals: bits < 0.1 ? 3 : 2)) bits"
            let why = purpose.isEmpty ? "" : ", \(purpose)"
            return "\(name) of \(hosts) \(hosts == 1 ? "host" : "hosts") (\(expected)\(why))"
        }
    }

    package var round: Int
    /// In the order in which they were asked.
    package var asked: [Question]
    /// What could have been asked and was not worth what it takes; the most telling first.
    package var left: [Question]
    /// Why nothing more was asked.
    package var stop: Stop
    /// How uncertain the cause was before the first question and after the last, in bits.
    package var uncertaintyBefore = 0.0
    package var uncertaintyAfter = 0.0
    /// Services that call each other, as hosts' connections and checks show them.
    package var calls: [ServiceCall]
    /// Services whose requests were looked at: where nothing was found they are well.
    package var looked: [String]

    /// Questions and calls that are kept of one round.
    package static let questionsMax = 64
    package static let callsMax = 512

    package init(
        round: Int,
        asked: [Question] = [],
        left: [Question] = [],
        stop: Stop = .nothingLeft,
        calls: [ServiceCall] = [],
        looked: [String] = []
    ) {
        self.round = round
        self.asked = asked
        self.left = left
        self.stop = stop
        self.calls = calls
        self.looked = looked
    }

    /// Why an inquiry ends.
    package enum Stop: String, Hashable, Sendable, Codable {
        /// Everything that could be asked was.
        case nothingLeft = "nothing-left"
        /// No answer would change enough for what it takes.
        case notWorthIt = "not-worth-it"
        /// The time of the round is over.
        case timeIsOver = "time-is-over"

        package var text: String {
            switch self {
            case .nothingLeft: "everything that could be asked was"
            case .notWorthIt: "no other answer would tell enough for what it takes"
            case .timeIsOver: "the time of the round is over"
            }
        }
    }

    package var text: String {
        let questions = asked.isEmpty ? "nothing" : asked.map(\.text).joined(separator: "; ")
        let rest = left.isEmpty ? "" : "; not asked: \(left.prefix(3).map(\.text).joined(separator: "; "))"
        let (before, after) = (uncertaintyBefore.text(decimals: 1), uncertaintyAfter.text(decimals: 1))
        return
            "Asked in round \(round): \(questions). Then \(stop.text); uncertain by \(after) bits, before by \(before)"
            + rest
    }
}
