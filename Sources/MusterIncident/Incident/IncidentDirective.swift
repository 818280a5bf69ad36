import MusterCore

/// What should now happen for an incident.
///
/// A directive stands until the incident's events say that it was carried out; it may be carried out twice
/// without harm, for example after a crash.
package enum IncidentDirective: Hashable, Sendable {
    /// Add the event to the record; the decision is made already.
    case record(IncidentEvent)
    /// Ask the hosts of the service what they know; ends in `contextCollected`.
    case collectContext
    /// Ask further and rank; ends in `hypothesisRanked` of that round.
    case investigate(round: Int)
    /// Look through the runbooks; ends in `runbookMatched` or `runbookNotFound`.
    case matchRunbook
    /// Measure once; ends in `stepEnded`.
    case check(step: Int)
    /// Resolve the hosts and seal the plan; ends in `planProposed`, or in `stepEnded` when it can't be made.
    case propose(step: Int)
    /// Look at the plan's stop condition before a wave; ends in `rolloutLooked`.
    case look(plan: PlanID, wave: Int)
    /// Store a new ticket; ends in `actionTicketed`.
    case issueTicket(plan: PlanID, host: HostReference)
    /// Bring the stored ticket to its host; ends in a report.
    case deliver(TicketID)
    /// Ask the host's ledger from time to time; ends in a report that settles it.
    case follow(TicketID)
    /// Tell the host to keep its action or take it back; ends in a report that settles it.
    case conclude(TicketID, keep: Bool)
    /// Measure until it passes or the time is up; ends in `verified`.
    case verify(step: Int)
    /// Send a message; ends in `notified`.
    case tell(NotificationPurpose)
    /// Count what the incident cost, from onset to end; ends in `impactMeasured`.
    case measureImpact
    /// Write the post-mortem; ends in `postMortemDrafted`.
    case draftPostMortem
}

/// Spans and limits that the engine decides by.
package struct IncidentPolicy: Hashable, Sendable {
    /// Rounds of investigation before Muster stops looking.
    package var roundsMax = 3
    /// Pause before a round that asks the same hosts again.
    package var roundPause = Duration.seconds(10)
    /// How long all alerts must be resolved before the incident is.
    package var quietFor = Duration.seconds(30)
    /// How long after a ticket lapsed its host may stay silent.
    package var silenceAfterExpiry = Duration.seconds(60)
    /// How long a running action may stay silent.
    package var silenceWhileRunning = Duration.seconds(600)

    package init() {}
}
