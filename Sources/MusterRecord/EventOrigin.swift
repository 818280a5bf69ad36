import MusterCore
import MusterIncident

/// Where an event of an incident comes from.
enum EventOrigin: Sendable {
    /// From people, other systems or hosts, at any time.
    case outside
    /// The engine decided it by itself.
    case decision
    /// It is what carrying out a directive ended in.
    case work
}

extension IncidentEvent {
    var origin: EventOrigin {
        switch self {
        case .alertReceived, .alertsTruncated, .alertDamped, .opened, .evidenceKept, .approvalGiven,
            .glassBroken,
            .approvalRejected,
            .rolloutPaused, .rolloutResumed, .rolloutAborted, .rolloutRetried, .freezeBegan, .freezeEnded,
            .actionReported,
            .closed:
            .outside
        case .stepStarted, .stepEnded, .approvalRequested, .approvalPresent, .actionDecided, .actionLost,
            .rolloutStopped, .escalated, .resolved:
            .decision
        case .contextCollected, .findingMade, .pastRecalled, .inquiryMade, .hypothesisRanked,
            .runbookMatched,
            .runbookNotFound,
            .planProposed, .rolloutLooked, .actionTicketed, .actionUndelivered, .verified, .impactMeasured,
            .postMortemDrafted, .notified:
            .work
        }
    }

    /// Whether carrying out the directive can have brought this event.
    func ends(_ directive: IncidentDirective) -> Bool {
        switch (self, directive) {
        case (.contextCollected, .collectContext), (.findingMade, .collectContext),
            (.findingMade, .investigate), (.pastRecalled, .collectContext), (.pastRecalled, .investigate),
            (.runbookMatched, .matchRunbook),
            (.runbookNotFound, .matchRunbook), (.impactMeasured, .measureImpact),
            (.postMortemDrafted, .draftPostMortem):
            true
        case (.hypothesisRanked(_, let round), .investigate(let wanted)): round == wanted
        case (.inquiryMade(let inquiry), .investigate(let wanted)): inquiry.round == wanted
        case (.stepEnded(let step, _, _, _), .check(let wanted)): step == wanted
        case (.stepEnded(let step, let outcome, _, _), .propose(let wanted)):
            step == wanted && outcome == .failed
        case (.planProposed(let plan, _, _), .propose(let step)): plan.plan.step == step
        case (.rolloutLooked(let plan, let wave, _, _), .look(let wanted, let before)):
            plan == wanted && wave == before
        case (.actionTicketed(_, let plan, let host, _), .issueTicket(let wanted, let target)):
            plan == wanted && host == target
        case (.actionUndelivered(let ticket, _, _), .deliver(let wanted)): ticket == wanted
        case (.verified(let step, _, _, _), .verify(let wanted)): step == wanted
        case (.notified(let purpose, _, _, _, _), .tell(let wanted)): purpose == wanted
        default: false
        }
    }

    /// Whether another event decides the same question, maybe otherwise.
    func isAbout(sameAs other: IncidentEvent) -> Bool {
        switch (self, other) {
        case (.stepStarted(let step, _), .stepStarted(let other, _)),
            (.stepEnded(let step, _, _, _), .stepEnded(let other, _, _, _)):
            step == other
        case (.approvalRequested(let plan, _), .approvalRequested(let other, _)),
            (.approvalRequested(let plan, _), .approvalPresent(let other, _)),
            (.approvalPresent(let plan, _), .approvalRequested(let other, _)),
            (.approvalPresent(let plan, _), .approvalPresent(let other, _)):
            plan == other
        case (.rolloutStopped(let plan, _), .rolloutStopped(let other, _)): plan == other
        case (.actionDecided(let ticket, _, _, _), .actionDecided(let other, _, _, _)),
            (.actionLost(let ticket, _, _), .actionLost(let other, _, _)):
            ticket == other
        case (.escalated, .escalated), (.resolved, .resolved): true
        default: false
        }
    }
}
