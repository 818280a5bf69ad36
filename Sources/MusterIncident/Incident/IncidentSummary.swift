import MusterCore

/// One line of the list of incidents.
package struct IncidentSummary: Hashable, Sendable, Codable {
    package enum Status: String, Sendable, Codable, CaseIterable {
        case open
        case investigating
        case awaitingApproval = "awaiting-approval"
        case mitigating
        case resolved
        case closed
    }

    package var id: IncidentID
    package var title: String
    package var service: String
    /// As the alert said it; nil when it said nothing.
    package var severity: String?
    package var status: Status
    package var opened: Timestamp
    package var resolved: Timestamp?
    package var owner: Owner?
    package var verdict: Verdict?
    /// The cause as people found it, else the most probable one; one sentence.
    package var cause: String?
    /// Of that cause, 0 to 1; nil where people found it.
    package var probability: Double?

    package init(
        id: IncidentID,
        title: String,
        service: String,
        severity: String?,
        status: Status,
        opened: Timestamp,
        resolved: Timestamp?,
        owner: Owner?,
        verdict: Verdict?,
        cause: String?,
        probability: Double?
    ) {
        self.id = id
        self.title = title
        self.service = service
        self.severity = severity
        self.status = status
        self.opened = opened
        self.resolved = resolved
        self.owner = owner
        self.verdict = verdict
        self.cause = cause
        self.probability = probability
    }
}

/// One line of an incident's timeline.
package struct TimelineEntry: Hashable, Sendable, Codable {
    package var event: EventID
    package var seq: Int
    package var at: Timestamp
    package var kind: IncidentEvent.Kind
    package var text: String

    package init(event: EventID, seq: Int, at: Timestamp, kind: IncidentEvent.Kind, text: String) {
        self.event = event
        self.seq = seq
        self.at = at
        self.kind = kind
        self.text = text
    }

    /// The line of a stored event.
    package init(_ event: StoredEvent) {
        self.init(event: event.id, seq: event.seq, at: event.at, kind: event.kind, text: event.body.text)
    }
}

/// Everything that is known of one incident, for people and programs.
package struct IncidentDetail: Hashable, Sendable, Codable {
    package var summary: IncidentSummary
    package var timeline: [TimelineEntry]
    package var alerts: [Alert]
    /// What triage saw; nil until then.
    package var context: IncidentContext?
    package var findings: [Finding]
    package var ranking: Ranking?
    /// What the latest round asked and why; nil before there was one, and from a coordinator that does not tell.
    package var inquiry: Inquiry?
    /// What similar past incidents turned out to be; nil when nothing was recalled, and from a coordinator that does not
    /// tell.
    package var recollection: Recollection?
    /// Name of the runbook it follows; nil when there is none.
    package var runbook: String?
    /// Plans that wait for a person.
    package var pendingPlans: [SealedPlan]
    /// What keeps Muster from acting by itself; empty when nothing does.
    package var doubts: [String]
    /// The newest state of each action on each host.
    package var actions: [HostAction]
    /// How far each plan is, oldest first; nil from a coordinator that does not tell.
    package var rollouts: [PlanProgress]?
    package var postMortemAvailable: Bool

    package init(
        summary: IncidentSummary,
        timeline: [TimelineEntry],
        alerts: [Alert],
        context: IncidentContext?,
        findings: [Finding],
        ranking: Ranking?,
        inquiry: Inquiry? = nil,
        recollection: Recollection? = nil,
        runbook: String?,
        pendingPlans: [SealedPlan],
        doubts: [String],
        actions: [HostAction],
        rollouts: [PlanProgress]? = nil,
        postMortemAvailable: Bool
    ) {
        self.summary = summary
        self.timeline = timeline
        self.alerts = alerts
        self.context = context
        self.findings = findings
        self.ranking = ranking
        self.inquiry = inquiry
        self.recollection = recollection
        self.runbook = runbook
        self.pendingPlans = pendingPlans
        self.doubts = doubts
        self.actions = actions
        self.rollouts = rollouts
        self.postMortemAvailable = postMortemAvailable
    }

    /// How badly and whom; nil until triage, and when no requests were seen.
    package var blast: BlastRadius? { context?.blast }

    /// What triage tells people, one sentence each.
    package var contextLines: [String] { context?.lines ?? [] }
}

/// How far a plan is.
package struct PlanProgress: Hashable, Sendable, Codable {
    package enum State: String, Sendable, Codable {
        /// For people to approve it.
        case waiting
        case running
        case paused
        /// Rejected, ended or stopped by what went wrong; what can be taken back is.
        case stopped
        /// All hosts have acted.
        case done
    }

    package var plan: PlanID
    package var summary: String
    package var state: State
    /// Why it stopped, or is frozen; empty when it is neither.
    package var reason: String
    package var hosts: Int
    /// Hosts on which it went well, is under way, and went wrong or is lost.
    package var well: Int
    package var underWay: Int
    package var bad: Int
    /// Hosts on which it went well and was taken back nevertheless.
    package var takenBack: Int
    /// Hosts that may still change by it: under way, or waiting to hear whether to keep it.
    package var unsettled: Int
    /// The wave that is being carried out, from 1; 0 before the first.
    package var wave: Int
    package var waves: Int
    /// What the hosts said they would do when it was proposed; nil when they were not asked.
    package var trials: [PlanTrialGroup]?
}

/// The newest state of one ticket, with its host.
package struct HostAction: Hashable, Sendable, Codable {
    package var host: HostReference
    package var report: ActionReport

    package init(host: HostReference, report: ActionReport) {
        self.host = host
        self.report = report
    }
}
