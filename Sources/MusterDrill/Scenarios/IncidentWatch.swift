import MusterCore
import MusterIncident

/// Follows one incident through the coordinator's API, tells it, and measures it.
///
/// Times are those of the stored events, so how often this looks does not change what is measured.
final class IncidentWatch {
    /// What the drill does besides looking.
    struct Reactions {
        /// A plan waits for a person.
        var approve: (PlanID, IncidentID) throws -> Void
        /// An action began on a host of this name.
        var actionRuns: (String) throws -> Void
        /// Called on every turn.
        var tick: () throws -> Void
    }

    private let api: CoordinatorAPI
    private let narrator: Narrator
    private let alertAt: Timestamp
    private let incident: IncidentID
    private var sequence = 0
    private var waiting: [PlanID] = []
    private(set) var report: DrillReport
    private(set) var blast: BlastRadius?
    private(set) var indeterminate = false
    private(set) var drafted = false
    /// Whether the investigation is over: it looked for a runbook, whether there is one or not.
    private(set) var isSettled = false
    /// When looking ends because Muster can't go on by itself; nil while it goes on.
    private var givenUp: Duration?

    /// What was under way when Muster called people may still end.
    private static let afterEscalation = Duration.seconds(5)

    init(
        _ incident: IncidentID,
        api: CoordinatorAPI,
        narrator: Narrator,
        alertAt: Timestamp,
        report: DrillReport
    ) {
        self.incident = incident
        self.api = api
        self.narrator = narrator
        self.alertAt = alertAt
        self.report = report
    }

    /// Looks until the incident is resolved and written up, until `enough` says so, or until the time is up.
    ///
    /// The coordinator may be away for a while: that is what some drills are about.
    func follow(upTo limit: Duration, reactions: Reactions, enough: () -> Bool) throws {
        let end = WallClock.monotonic() + limit
        while WallClock.monotonic() < min(end, givenUp ?? end) {
            try reactions.tick()
            if let events = try? api.events(of: incident, after: sequence) {
                for event in events { try take(event, reactions) }
                for plan in waiting { try reactions.approve(plan, incident) }
            }
            if (report.resolved && drafted) || enough() { return }
            try Interruption.sleep(.milliseconds(100))
        }
        guard givenUp == nil else { return narrator.say("Muster has handed the incident over to people.") }
        narrator.say("The incident was not resolved within \(limit.spoken).")
    }

    private func take(_ event: StoredEvent, _ reactions: Reactions) throws {
        guard event.seq > sequence else { return }
        sequence = event.seq
        let milliseconds = Int((event.at - alertAt).inMilliseconds.rounded())
        narrate(event)
        switch event.body {
        case .contextCollected(let context):
            report.milliseconds.context = report.milliseconds.context ?? milliseconds
            blast = blast ?? context.blast
        case .hypothesisRanked(let ranking, _):
            report.milliseconds.hypothesis = report.milliseconds.hypothesis ?? milliseconds
            report.verdict = ranking.verdict
            report.found = ranking.hypotheses.first?.cause
            report.kindFound = ranking.hypotheses.first?.kind
            report.probability = ranking.hypotheses.first?.probability
            report.coverage = .init(asked: ranking.coverage.asked, answered: ranking.coverage.answered)
            report.changeFound = ranking.hypotheses.first?.change?.reference
            report.hostsFound = ranking.hypotheses.first?.hosts.map(\.name).sorted() ?? []
            report.serviceFound = ranking.hypotheses.first?.service
        case .runbookMatched, .runbookNotFound: isSettled = true
        case .approvalRequested(let plan, _): waiting.append(plan)
        case .approvalGiven(let plan, _, let by):
            waiting.removeAll { $0 == plan }
            report.approvedBy = by
        case .approvalRejected(let plan, _, _): waiting.removeAll { $0 == plan }
        case .approvalPresent(_, let signer): report.approvedBy = "\(signer), beforehand"
        case .actionReported(let action, let host):
            switch action.state {
            case .running: try reactions.actionRuns(host.name)
            case .done, .committed:
                report.milliseconds.remediation = report.milliseconds.remediation ?? milliseconds
            case .rolledBack: report.rolledBack = true
            case .indeterminate: indeterminate = true
            case .refused, .prepared, .failed, .rollbackFailed: break
            }
        case .actionLost: indeterminate = true
        case .verified(_, true, _, _): report.milliseconds.verified = milliseconds
        case .escalated: givenUp = WallClock.monotonic() + Self.afterEscalation
        case .resolved: report.resolved = true
        case .postMortemDrafted: drafted = true
        default: break
        }
    }

    /// The event as people read it; the context one line each, since it is what the channel opens with.
    private func narrate(_ event: StoredEvent) {
        switch event.body {
        case .contextCollected(let context):
            narrator.say("Context after \(context.took.spoken), \(context.coverage.summary):", at: event.at)
            for line in context.lines { narrator.say("  \(line)", at: event.at) }
        case .hypothesisRanked(let ranking, _):
            narrator.say("Hypotheses, verdict \(ranking.verdict.rawValue):", at: event.at)
            for (index, hypothesis) in ranking.hypotheses.prefix(5).enumerated() {
                narrator.say(
                    "  \(index + 1). \(hypothesis.probability.percentText) \(hypothesis.cause)",
                    at: event.at
                )
            }
        default: narrator.say(event.body.text, at: event.at)
        }
    }
}
