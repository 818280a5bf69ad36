import MusterCore

/// Something that happened to an incident.
///
/// The incident, its audit, its post-mortem and its recovery after a crash are folds over a list of these.
/// The stored form is JSON: one key, the kind's name, over the labelled values. It is a promise: add optional
/// values freely; for anything else raise the version and write an upcaster.
package enum IncidentEvent: Hashable, Sendable, Codable {
    /// A source told of an alert; `intake` is the number of the raw body it came in.
    case alertReceived(alert: Alert, intake: Int64)
    /// A source left alerts of a group out of its message: silence about them is no recovery.
    case alertsTruncated(group: String, count: Int)
    /// The alert fires and resolves again and again: it joins this incident, which may be over, instead of a new one.
    case alertDamped(alert: String, cycles: Int)
    case opened(title: String, service: String, severity: String, owner: Owner?)
    /// What triage saw, within two seconds of the alert.
    case contextCollected(context: IncidentContext)
    case findingMade(finding: Finding)
    /// Answers that findings rest on; `refused` had a signature that is not their host's, `omitted` came without one or
    /// were too many or too large.
    case evidenceKept(evidence: [Evidence], refused: Int, omitted: Int)
    /// What similar past incidents turned out to be; takes the place of what was recalled earlier.
    case pastRecalled(recollection: Recollection)
    /// What a round asked and why; comes before its ranking, which also rests on the calls that stand in it.
    case inquiryMade(inquiry: Inquiry)
    case hypothesisRanked(ranking: Ranking, round: Int)
    case runbookMatched(match: RunbookMatch)
    /// No runbook applies; the reasons say which came near and why not.
    case runbookNotFound(reasons: [String])
    case stepStarted(step: Int, text: String)
    case stepEnded(step: Int, outcome: StepOutcome, text: String, values: [String: Double])
    /// The doubts are those that only the resolved hosts could show; the trials are what they say they would do, nil in
    /// records from before they were asked.
    case planProposed(plan: SealedPlan, doubts: [String], trials: [PlanTrialGroup]? = nil)
    /// A person is asked; `why` says what keeps Muster from acting by itself.
    case approvalRequested(plan: PlanID, why: [String])
    case approvalGiven(plan: PlanID, approval: Approval, by: String)
    /// One person set it going alone, for a reason; hosts take it where their policy allows that.
    case glassBroken(plan: PlanID, use: BreakGlass, by: String)
    case approvalRejected(plan: PlanID, by: String, reason: String)
    /// A signature over the runbook, made beforehand, covers this plan.
    case approvalPresent(plan: PlanID, signer: String)
    /// No further host begins until it goes on.
    case rolloutPaused(plan: PlanID, by: String, reason: String)
    case rolloutResumed(plan: PlanID, by: String)
    /// Nothing begins any more; what waits for a decision is taken back.
    case rolloutAborted(plan: PlanID, by: String, reason: String)
    /// What was seen of the stop condition before a wave, counted from 0.
    case rolloutLooked(plan: PlanID, wave: Int, stops: Bool, text: String)
    /// Too much went wrong: nothing begins any more, also when some of it turns out well later.
    case rolloutStopped(plan: PlanID, reason: String)
    /// From here on nothing of this incident begins that no person approved; takes the place of an earlier freeze for the
    /// same service.
    case freezeBegan(freeze: Freeze)
    /// The freeze for the service, or for all when there is none, is over.
    case freezeEnded(service: String?, reason: String)
    /// The step of a plan that failed is taken again, on these hosts, by a new plan.
    case rolloutRetried(plan: PlanID, hosts: [HostReference], by: String, reason: String)
    /// Stored before the ticket is sent; the id is never used for a second one.
    case actionTicketed(ticket: TicketID, plan: PlanID, host: HostReference, expires: Timestamp)
    case actionUndelivered(ticket: TicketID, host: HostReference, reason: String)
    case actionReported(report: ActionReport, host: HostReference)
    /// What was decided about an action that waits: stored before the host is told.
    case actionDecided(ticket: TicketID, host: HostReference, keep: Bool, reason: String)
    /// No final report came in time; what happened on the host can't be told from here.
    case actionLost(ticket: TicketID, host: HostReference, reason: String)
    case verified(step: Int, passed: Bool, text: String, values: [String: Double])
    /// Muster can't go on by itself and calls people.
    case escalated(to: [String], reason: String)
    case resolved(reason: String, by: String)
    /// What it cost in all, from the onset to the end; without requests when none were seen.
    case impactMeasured(impact: IncidentImpact)
    case postMortemDrafted(digest: Digest, version: Int)
    case notified(
        purpose: NotificationPurpose,
        channel: String,
        text: String,
        delivered: Bool,
        reason: String
    )
    /// `falseAlarm` when whoever closed it says that there was nothing to act on; `judgement` what they say of the cause,
    /// nil when they say nothing of it.
    case closed(by: String, confirmedCause: String, falseAlarm: Bool? = nil, judgement: CauseJudgement? = nil)

    /// The name of an event's kind, in the record and in the API.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case alertReceived = "alert.received"
        case alertsTruncated = "alerts.truncated"
        case alertDamped = "alert.damped"
        case opened = "incident.opened"
        case contextCollected = "context.collected"
        case findingMade = "finding.made"
        case evidenceKept = "evidence.kept"
        case pastRecalled = "past.recalled"
        case inquiryMade = "inquiry.made"
        case hypothesisRanked = "hypothesis.ranked"
        case runbookMatched = "runbook.matched"
        case runbookNotFound = "runbook.not-found"
        case stepStarted = "step.started"
        case stepEnded = "step.ended"
        case planProposed = "plan.proposed"
        case approvalRequested = "approval.requested"
        case approvalGiven = "approval.given"
        case glassBroken = "approval.glass-broken"
        case approvalRejected = "approval.rejected"
        case approvalPresent = "approval.present"
        case rolloutPaused = "rollout.paused"
        case rolloutResumed = "rollout.resumed"
        case rolloutAborted = "rollout.aborted"
        case rolloutLooked = "rollout.looked"
        case rolloutStopped = "rollout.stopped"
        case rolloutRetried = "rollout.retried"
        case freezeBegan = "freeze.began"
        case freezeEnded = "freeze.ended"
        case actionTicketed = "action.ticketed"
        case actionUndelivered = "action.undelivered"
        case actionReported = "action.reported"
        case actionDecided = "action.decided"
        case actionLost = "action.lost"
        case verified = "verification.ended"
        case escalated = "incident.escalated"
        case resolved = "incident.resolved"
        case impactMeasured = "impact.measured"
        case postMortemDrafted = "postmortem.drafted"
        case notified = "notified"
        case closed = "incident.closed"
    }

    private enum CodingKeys: String, CodingKey {
        case alertReceived = "alert.received"
        case alertsTruncated = "alerts.truncated"
        case alertDamped = "alert.damped"
        case opened = "incident.opened"
        case contextCollected = "context.collected"
        case findingMade = "finding.made"
        case evidenceKept = "evidence.kept"
        case pastRecalled = "past.recalled"
        case inquiryMade = "inquiry.made"
        case hypothesisRanked = "hypothesis.ranked"
        case runbookMatched = "runbook.matched"
        case runbookNotFound = "runbook.not-found"
        case stepStarted = "step.started"
        case stepEnded = "step.ended"
        case planProposed = "plan.proposed"
        case approvalRequested = "approval.requested"
        case approvalGiven = "approval.given"
        case glassBroken = "approval.glass-broken"
        case approvalRejected = "approval.rejected"
        case approvalPresent = "approval.present"
        case rolloutPaused = "rollout.paused"
        case rolloutResumed = "rollout.resumed"
        case rolloutAborted = "rollout.aborted"
        case rolloutLooked = "rollout.looked"
        case rolloutStopped = "rollout.stopped"
        case rolloutRetried = "rollout.retried"
        case freezeBegan = "freeze.began"
        case freezeEnded = "freeze.ended"
        case actionTicketed = "action.ticketed"
        case actionUndelivered = "action.undelivered"
        case actionReported = "action.reported"
        case actionDecided = "action.decided"
        case actionLost = "action.lost"
        case verified = "verification.ended"
        case escalated = "incident.escalated"
        case resolved = "incident.resolved"
        case impactMeasured = "impact.measured"
        case postMortemDrafted = "postmortem.drafted"
        case notified
        case closed = "incident.closed"
    }

    /// Today's version of every body; an event stored with a lower one goes through the upcasters.
    package static let version = 1

    package var kind: Kind {
        switch self {
        case .alertReceived: .alertReceived
        case .alertsTruncated: .alertsTruncated
        case .alertDamped: .alertDamped
        case .opened: .opened
        case .contextCollected: .contextCollected
        case .findingMade: .findingMade
        case .evidenceKept: .evidenceKept
        case .pastRecalled: .pastRecalled
        case .inquiryMade: .inquiryMade
        case .hypothesisRanked: .hypothesisRanked
        case .runbookMatched: .runbookMatched
        case .runbookNotFound: .runbookNotFound
        case .stepStarted: .stepStarted
        case .stepEnded: .stepEnded
        case .planProposed: .planProposed
        case .approvalRequested: .approvalRequested
        case .approvalGiven: .approvalGiven
        case .glassBroken: .glassBroken
        case .approvalRejected: .approvalRejected
        case .approvalPresent: .approvalPresent
        case .rolloutPaused: .rolloutPaused
        case .rolloutResumed: .rolloutResumed
        case .rolloutAborted: .rolloutAborted
        case .rolloutLooked: .rolloutLooked
        case .rolloutStopped: .rolloutStopped
        case .rolloutRetried: .rolloutRetried
        case .freezeBegan: .freezeBegan
        case .freezeEnded: .freezeEnded
        case .actionTicketed: .actionTicketed
        case .actionUndelivered: .actionUndelivered
        case .actionReported: .actionReported
        case .actionDecided: .actionDecided
        case .actionLost: .actionLost
        case .verified: .verified
        case .escalated: .escalated
        case .resolved: .resolved
        case .impactMeasured: .impactMeasured
        case .postMortemDrafted: .postMortemDrafted
        case .notified: .notified
        case .closed: .closed
        }
    }
}

/// How a step of a runbook ended.
package enum StepOutcome: String, Sendable, Codable {
    case passed
    case failed
    /// Not needed any more.
    case skipped
}

/// What a message is for; each is sent at most once per incident, except those of a runbook's step.
package enum NotificationPurpose: Hashable, Sendable, Codable {
    /// The first message, with all that triage found.
    case opened
    /// An alert flaps and opens no incident of its own.
    case damped
    case ranked
    case approval(plan: PlanID)
    case step(Int)
    case escalated
    case resolved
    case postMortem
    /// A host could not take its action back, or nobody knows whether it did: somebody has to look at it, also when the
    /// incident is over.
    case rollbackFailed(ticket: TicketID)
    /// One person set a plan going alone: the others have to know at once.
    case glassBroken(plan: PlanID)
}
