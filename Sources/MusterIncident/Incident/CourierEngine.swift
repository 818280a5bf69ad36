import MusterCore

/// How one ticket or one decision is brought to its host: what to do next, and after what it is over.
///
/// The host's ledger is the truth: whenever it is not certain what a host knows, its ledger is asked before anything is
/// sent, and a ticket sent twice carries the same id, which the ledger takes once. Whoever drives it does what ``next``
/// says and tells what came of it.
package struct CourierEngine: Sendable {
    package enum Errand: Hashable, Sendable {
        /// Hand the ticket over; ends in the first report about it.
        case deliver
        /// Ask the ledger until it says something new; it also tells by itself.
        case follow(known: ActionState?)
        /// Tell the decision until the ledger shows that it was carried out.
        case conclude(keep: Bool)
    }

    package enum Step: Hashable, Sendable {
        /// Ask the host's ledger about the ticket.
        case ask
        case send
        case tell(keep: Bool)
        case pause(Duration)
        case end(ActionReport)
    }

    /// What a ledger said of a ticket.
    package enum Entry: Hashable, Sendable {
        case report(ActionReport)
        case unknown
        /// The host did not answer; why.
        case silent(String)
    }

    /// Pause between two tries to reach a host.
    package static let retryPause = Duration.seconds(2)
    /// Pause between two looks at the ledger of a host that acts.
    package static let followPause = Duration.seconds(5)

    package private(set) var next: Step
    private let errand: Errand
    private var hasComplained = false

    package init(_ errand: Errand) {
        self.errand = errand
        next =
            switch errand {
            case .deliver: .ask
            case .follow: .pause(Self.followPause)
            case .conclude(let keep): .tell(keep: keep)
            }
    }

    /// The ledger was asked; returns what to tell people of, the first time that a ticket can't be delivered.
    package mutating func answered(_ entry: Entry) -> String? {
        switch (errand, entry) {
        case (.deliver, .report(let report)): next = .end(report)
        case (.deliver, .unknown): next = .send
        case (.deliver, .silent(let reason)): return later(because: reason)
        case (.follow(let known), .report(let report)) where report.state != known: next = .end(report)
        case (.follow, _): next = .pause(Self.followPause)
        case (.conclude, .report(let report)) where report.state.isFinal: next = .end(report)
        case (.conclude(let keep), _): next = .tell(keep: keep)
        }
        return nil
    }

    /// The ticket was sent, or could not be; returns what to tell people of.
    package mutating func sent(problem: String?) -> String? { later(because: problem) }

    /// The decision was told, or could not be.
    package mutating func told() { next = .pause(Self.retryPause) }

    /// The pause is over.
    package mutating func paused() { next = .ask }

    private mutating func later(because problem: String?) -> String? {
        next = .pause(Self.retryPause)
        guard let problem, !hasComplained else { return nil }
        hasComplained = true
        return problem
    }
}

extension Incident {
    /// Whether an event says something new; hosts tell of their actions by themselves and are asked as well.
    package func isNews(_ event: IncidentEvent) -> Bool {
        guard case .actionReported(let report, _) = event, let record = self[report.ticket] else {
            return true
        }
        return report.isNews(after: record.report)
    }
}

extension ActionReport {
    /// Whether it says something that an earlier report did not; reports may come late and out of order.
    package func isNews(after known: ActionReport?) -> Bool {
        guard let known else { return true }
        // A host whose disk is full tells of a refusal that it can't write down; what it writes later is the truth.
        if known.state == .refused { return state != .refused }
        return !known.state.isFinal && state.order > known.state.order
    }
}

extension ActionState {
    /// How far along it is.
    fileprivate var order: Int {
        switch self {
        case .prepared: 0
        case .running: 1
        case .done: 2
        case .refused, .failed, .committed, .rolledBack, .rollbackFailed, .indeterminate: 3
        }
    }
}
