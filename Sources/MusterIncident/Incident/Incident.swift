import MusterCore

/// An incident as its events make it: nothing in it comes from anywhere else.
package struct Incident: Sendable {
    package let id: IncidentID
    /// Sequence number of the newest event taken in; 0 before the first.
    package private(set) var sequence = 0
    package private(set) var title = ""
    package private(set) var service = ""
    package private(set) var severity = ""
    package private(set) var owner: Owner?
    /// When the first alert was stored.
    package private(set) var opened = Timestamp.zero
    /// The newest word of each alert, in the order in which they came.
    package private(set) var alerts: [Alert] = []
    /// How often each alert rule fired and was resolved in it, by its name.
    package private(set) var firings: [String: AlertTally] = [:]
    /// The newest alert that joined it because it flaps; nil when none did.
    package private(set) var damped: String?
    /// When the newest alert was stored.
    package private(set) var alerted = Timestamp.zero
    /// Alerts that a source left out, by group.
    package private(set) var truncated: [String: Int] = [:]
    package private(set) var context: IncidentContext?
    package private(set) var findings: [Finding] = []
    /// What similar past incidents turned out to be; nil when nothing was recalled.
    package private(set) var recollection: Recollection?
    /// What the latest round asked; nil before there was one.
    package private(set) var inquiry: Inquiry?
    /// Calls between services that any round knew, in the order in which they became known.
    package private(set) var calls: [ServiceCall] = []
    /// Services whose requests were looked at.
    package private(set) var looked: [String] = []
    package private(set) var ranking: Ranking?
    /// When the first hypothesis was said; nil while none was.
    package private(set) var firstHypothesis: Timestamp?
    package private(set) var round = 0
    package private(set) var ranked = Timestamp.zero
    package private(set) var match: RunbookMatch?
    /// Whether runbooks were looked through.
    package private(set) var searched = false
    package private(set) var steps: [Int: Step] = [:]
    /// Hosts on which a step is taken again, by its index; none for steps that are taken for the first time.
    package private(set) var retries: [Int: [HostReference]] = [:]
    /// Oldest first.
    package private(set) var plans: [PlanRecord] = []
    /// Oldest first.
    package private(set) var tickets: [TicketRecord] = []
    package private(set) var escalated: String?
    package private(set) var resolved: Timestamp?
    /// When an action was first seen to have helped.
    package private(set) var fixVerified: Timestamp?
    package private(set) var closed: Timestamp?
    package private(set) var confirmedCause = ""
    /// Whoever closed it says that there was nothing to act on.
    package private(set) var isFalseAlarm = false
    /// What whoever closed it says of the cause.
    package private(set) var judgement: CauseJudgement?
    package private(set) var impact: IncidentImpact?
    package private(set) var postMortemVersion = 0
    package private(set) var told: Set<NotificationPurpose> = []
    /// Those that keep it from acting without a person, oldest first; one for each service, and one for all.
    package private(set) var freezes: [Freeze] = []

    package init(id: IncidentID) { self.id = id }

    /// What happened to one step of the runbook.
    package struct Step: Hashable, Sendable {
        package var started: Timestamp
        package var outcome: StepOutcome?
        package var text = ""
        package var values: [String: Double] = [:]
        /// What the verification said; nil when it has not ended.
        package var verified: Bool?
    }

    /// A plan and what people said of it.
    package struct PlanRecord: Hashable, Sendable {
        package enum Decision: Hashable, Sendable {
            case open
            case approved([Approval])
            /// By a signature over the runbook.
            case present
            case rejected(by: String, reason: String)
        }

        package var sealed: SealedPlan
        package var doubts: [String]
        /// What its hosts say they would do; nil when they were not asked.
        package var trials: [PlanTrialGroup]?
        package var requested: Timestamp?
        package var why: [String] = []
        package var decision = Decision.open
        /// Nothing new begins while it is.
        package var isPaused = false
        /// Who ended it and why; nil while nobody has.
        package var aborted: String?
        /// What went wrong when it stopped by itself; nil while it has not, or when nothing was under way by then.
        package var stopped: String?
        /// Who had its step taken again; nil while nobody has.
        package var retried: String?
        /// What was seen of the stop condition, by the wave before which it was looked at.
        package var looks: [Int: Look] = [:]

        /// One look at the stop condition.
        package struct Look: Hashable, Sendable {
            package var stops: Bool
            package var text: String
        }

        /// Operators who have approved it, beside the names that they signed with.
        package var approvers: Set<String> = []

        /// By whom it was set going alone; nil when it was not.
        package var breakGlass: BreakGlass?

        package var mayRun: Bool {
            switch decision {
            case .open where breakGlass != nil, .approved where breakGlass != nil: true
            case .approved(let approvals):
                min(Set(approvals.map(\.signer)).count, approvers.count) >= sealed.plan.approvalsNeeded
            case .present: true
            case .open, .rejected: false
            }
        }

        /// Whether people may still decide about it.
        package var isUndecided: Bool {
            switch decision {
            case .open, .approved: !mayRun
            case .present, .rejected: false
            }
        }
    }

    /// A ticket and what its host said of it.
    package struct TicketRecord: Hashable, Sendable {
        package var id: TicketID
        package var plan: PlanID
        package var host: HostReference
        package var expires: Timestamp
        /// Whether its host waits for a decision after the action went well.
        package var waits: Bool
        /// Whether its host looks by itself whether the action helped, and keeps it or takes it back.
        package var verifiesItself = false
        /// When something was last heard or said about it.
        package var touched: Timestamp
        package var report: ActionReport?
        /// Whether the effect shall be kept; nil when that is not decided.
        package var keep: Bool?
        /// Nobody knows what became of it.
        package var lost = false

        package var state: ActionState? { report?.state }

        /// Nothing more will come of it by itself.
        package var isSettled: Bool { lost || state?.isFinal == true || (state == .done && !waits) }

        /// It ran and ended well, as far as its host is to know.
        package var isWell: Bool { !lost && (state == .committed || (state == .done && !verifiesItself)) }
    }

    /// Takes in the next event.
    ///
    /// - Returns: False when the event is not the next one, in which case nothing changes.
    package mutating func apply(_ event: StoredEvent) -> Bool {
        guard event.incident == id, event.seq == sequence + 1 else { return false }
        sequence = event.seq
        switch event.body {
        case .alertReceived(let alert, _):
            if opened == .zero { opened = event.at }
            alerted = event.at
            let known = alerts.firstIndex { $0.source == alert.source && $0.fingerprint == alert.fingerprint }
            firings[alert.name, default: AlertTally()].take(alert, after: known.map { alerts[$0] })
            if let known { alerts[known] = alert } else { alerts.append(alert) }
        case .alertsTruncated(let group, let count): truncated[group] = count
        case .alertDamped(let alert, _): damped = alert
        case .opened(let title, let service, let severity, let owner):
            (self.title, self.service, self.severity, self.owner) = (title, service, severity, owner)
        case .contextCollected(let context): self.context = context
        case .findingMade(let finding): findings.append(finding)
        case .evidenceKept: break
        case .pastRecalled(let recollection): self.recollection = recollection
        case .inquiryMade(let inquiry): take(inquiry)
        case .hypothesisRanked(let ranking, let round):
            (self.ranking, self.round, self.ranked) = (ranking, round, event.at)
            if firstHypothesis == nil, !ranking.hypotheses.isEmpty { firstHypothesis = event.at }
        case .runbookMatched(let match): (self.match, searched) = (match, true)
        case .runbookNotFound: searched = true
        case .stepStarted(let step, _): if steps[step] == nil { steps[step] = Step(started: event.at) }
        case .stepEnded(let step, let outcome, let text, let values):
            steps[step, default: Step(started: event.at)].end(outcome, text, values)
        case .verified(let step, let passed, let text, let values):
            if passed, fixVerified == nil, !tickets.isEmpty { fixVerified = event.at }
            steps[step, default: Step(started: event.at)].verify(passed, text, values)
        case .escalated(_, let reason): escalated = reason
        case .resolved: if resolved == nil { resolved = event.at }
        case .impactMeasured(let impact): self.impact = impact
        case .postMortemDrafted(_, let version): postMortemVersion = version
        case .notified(let purpose, _, _, _, _): told.insert(purpose)
        case .closed(_, let cause, let falseAlarm, let judgement):
            (closed, confirmedCause, isFalseAlarm) = (event.at, cause, falseAlarm ?? false)
            self.judgement = judgement
        case .planProposed, .approvalRequested, .approvalGiven, .glassBroken, .approvalRejected,
            .approvalPresent, .rolloutPaused, .rolloutResumed, .rolloutAborted, .rolloutLooked,
            .rolloutStopped, .rolloutRetried:
            applyToPlans(event)
        case .freezeBegan(let freeze):
            freezes.removeAll { $0.service == freeze.service }
            freezes.append(freeze)
        case .freezeEnded(let service, _): freezes.removeAll { $0.service == service }
        case .actionTicketed, .actionUndelivered, .actionReported, .actionDecided, .actionLost:
            applyToTickets(event)
        }
        return true
    }

    private mutating func take(_ inquiry: Inquiry) {
        self.inquiry = inquiry
        for call in inquiry.calls where calls.count < Inquiry.callsMax && !calls.contains(call) {
            calls.append(call)
        }
        for service in inquiry.looked where looked.count < Inquiry.callsMax && !looked.contains(service) {
            looked.append(service)
        }
    }

    private mutating func applyToPlans(_ event: StoredEvent) {
        switch event.body {
        case .planProposed(let plan, let doubts, let trials):
            guard self[plan.id] == nil else { return }
            var record = PlanRecord(sealed: plan, doubts: doubts)
            record.trials = trials
            plans.append(record)
        case .approvalRequested(let plan, let why):
            change(plan) { ($0.requested, $0.why) = (event.at, why) }
        case .approvalGiven(let plan, let approval, let by):
            change(plan) {
                $0.approvers.insert(by)
                switch $0.decision {
                case .open: $0.decision = .approved([approval])
                case .approved(let others): $0.decision = .approved(others + [approval])
                case .present, .rejected: break
                }
            }
        case .glassBroken(let plan, let use, _):
            change(plan) { if $0.isUndecided { $0.breakGlass = use } }
        case .approvalRejected(let plan, let by, let reason):
            change(plan) { if $0.isUndecided { $0.decision = .rejected(by: by, reason: reason) } }
        case .approvalPresent(let plan, _):
            change(plan) { if $0.decision == .open { $0.decision = .present } }
        case .rolloutPaused(let plan, _, _): change(plan) { $0.isPaused = true }
        case .rolloutResumed(let plan, _): change(plan) { $0.isPaused = false }
        case .rolloutAborted(let plan, let by, let reason):
            change(plan) {
                guard $0.aborted == nil else { return }
                $0.aborted = "ended by \(by)\(reason.isEmpty ? "" : ": \(reason)")"
            }
        case .rolloutRetried(let plan, let hosts, let by, _):
            guard let step = self[plan]?.sealed.plan.step else { return }
            change(plan) { $0.retried = "tried again by \(by)" }
            retries[step] = hosts
            // It and what follows begins anew.
            steps = steps.filter { $0.key < step }
            told = told.filter { if case .step(let number) = $0 { number < step } else { true } }
        case .rolloutStopped(let plan, let reason):
            change(plan) { if $0.stopped == nil { $0.stopped = reason } }
        case .rolloutLooked(let plan, let wave, let stops, let text):
            change(plan) { $0.looks[wave] = PlanRecord.Look(stops: stops, text: text) }
        default: break
        }
    }

    private mutating func applyToTickets(_ event: StoredEvent) {
        switch event.body {
        case .actionTicketed(let ticket, let plan, let host, let expires):
            guard self[ticket] == nil else { return }
            tickets.append(
                TicketRecord(
                    id: ticket,
                    plan: plan,
                    host: host,
                    expires: expires,
                    waits: self[plan]?.sealed.plan.rollback != nil,
                    verifiesItself: self[plan]?.sealed.plan.verification != nil,
                    touched: event.at
                )
            )
        case .actionReported(let report, _):
            change(report.ticket) {
                // What is final stays, but an agent that comes back may settle what was lost.
                guard report.isNews(after: $0.report) || $0.report?.state.isFinal != true else { return }
                ($0.report, $0.touched) = (report, event.at)
                if report.state.isFinal { $0.lost = false }
            }
        case .actionDecided(let ticket, _, let keep, _):
            change(ticket) { if $0.keep == nil { ($0.keep, $0.touched) = (keep, event.at) } }
        case .actionLost(let ticket, _, _): change(ticket) { $0.lost = true }
        default: break
        }
    }

    private mutating func change(_ plan: PlanID, _ body: (inout PlanRecord) -> Void) {
        guard let index = plans.firstIndex(where: { $0.sealed.id == plan }) else { return }
        body(&plans[index])
    }

    private mutating func change(_ ticket: TicketID, _ body: (inout TicketRecord) -> Void) {
        guard let index = tickets.firstIndex(where: { $0.id == ticket }) else { return }
        body(&tickets[index])
    }

    package subscript(plan: PlanID) -> PlanRecord? { plans.first { $0.sealed.id == plan } }

    package subscript(ticket: TicketID) -> TicketRecord? { tickets.first { $0.id == ticket } }
}

extension Incident.Step {
    fileprivate mutating func end(_ outcome: StepOutcome, _ text: String, _ values: [String: Double]) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        self.text = text
        self.values.merge(values) { _, new in new }
    }

    fileprivate mutating func verify(_ passed: Bool, _ text: String, _ values: [String: Double]) {
        guard verified == nil else { return }
        verified = passed
        self.text = text
        self.values.merge(values) { _, new in new }
    }
}
