/// The rules of the action ledger: each ticket runs at most once, and nothing runs that was interrupted.
///
/// The engine proposes a ``LedgerStep``; the shell writes and syncs it, and only then applies it here. After a
/// restart the same steps are applied again from the file, so state is always a fold over what is on disk.
package struct LedgerEngine: Sendable {
    /// Reports that wait for the coordinator, at most; beyond it no new ticket is taken.
    package static let reportsPendingMax = 10_000

    /// Refusals that are kept, at most: a stolen coordinator must not be able to fill the disk with them.
    package static let refusalsMax = 10_000

    private var entries: [TicketID: LedgerEntry] = [:]
    private var refusals = 0
    /// Tickets in the order in which they came.
    private var order: [TicketID] = []
    /// Number of the last step.
    package private(set) var steps: UInt64 = 0
    /// Steps that the coordinator has taken; every later one is sent again after a reconnect.
    package private(set) var acknowledged: UInt64 = 0
    private var pending: [LedgerStep] = []
    /// Since when the ledger is complete.
    ///
    /// A plan from before may have been carried out by a ticket that is not in it, and is not taken again.
    package private(set) var floor: Timestamp?

    package init() {}

    /// What is known of a ticket.
    package subscript(ticket: TicketID) -> LedgerEntry? { entries[ticket] }

    /// Newest report of each ticket, newest ticket last.
    package var reports: [ActionReport] { order.compactMap { entries[$0]?.report } }

    /// Reports that the coordinator has not taken yet, oldest first.
    package var reportsPending: [LedgerStep] { pending }

    /// Whether another refusal is still kept; beyond the limit refusals are only told.
    package var acceptsRefusals: Bool {
        refusals < Self.refusalsMax && pending.count < Self.reportsPendingMax
    }

    /// How often a subject ran in the hour before.
    package func runs(of subject: String, before now: Timestamp) -> Int {
        let since = now - .seconds(3600)
        return entries.values.count { entry in
            guard entry.subject == subject else { return false }
            // What waits to run counts already: many tickets may come at once.
            let began = entry.started ?? (entry.state == .prepared ? entry.report.at : nil)
            return began.map { $0 > since } ?? false
        }
    }

    /// The ticket by which a plan was taken on before; nil when it never was.
    ///
    /// People approve a plan once for each host. Whoever sends tickets must not get a second run out of it by
    /// giving the ticket another id.
    package func ticket(thatTook plan: PlanID) -> TicketID? {
        order.first { entries[$0].map { $0.plan == plan && $0.state != .refused } ?? false }
    }

    /// Tickets whose commit did not come in time, and the earliest moment at which another will be due.
    package func due(at now: Timestamp) -> (tickets: [TicketID], next: Timestamp?) {
        var tickets: [TicketID] = []
        var next: Timestamp?
        for ticket in order {
            guard let entry = entries[ticket], entry.awaitsCommit, let deadline = entry.commitDeadline else {
                continue
            }
            if deadline <= now {
                tickets.append(ticket)
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        return (tickets, next)
    }

    /// Tickets that wait for a commit, with the moment at which they are taken back without one.
    package var awaiting: [(ticket: TicketID, deadline: Timestamp)] {
        order.compactMap { ticket in
            guard let entry = entries[ticket], entry.awaitsCommit else { return nil }
            return entry.commitDeadline.map { (ticket, $0) }
        }
    }

    // MARK: Steps

    /// The step that records a refusal.
    package func refuse(_ ticket: Ticket, reason: String, at now: Timestamp) throws(LedgerError) -> LedgerStep
    {
        try first(ticket, .refused, reason: reason, at: now)
    }

    /// The step that takes a ticket on, before anything happens; `reason` says what is special about its permission.
    package func prepare(
        _ ticket: Ticket,
        subject: String,
        isPreApproved: Bool,
        rollback: Execution? = nil,
        reason: String = "",
        at now: Timestamp
    ) throws(LedgerError) -> LedgerStep {
        guard pending.count < Self.reportsPendingMax else {
            throw LedgerError(
                .full,
                "the coordinator has not taken \(pending.count) reports of this host yet"
            )
        }
        var step = try first(ticket, .prepared, reason: reason, at: now)
        step.subject = subject
        step.isPreApproved = isPreApproved
        step.plan = ticket.plan.bytes
        step.rollback = rollback
        return step
    }

    private func first(
        _ ticket: Ticket,
        _ state: ActionState,
        reason: String,
        at now: Timestamp
    ) throws(LedgerError) -> LedgerStep {
        guard entries[ticket.id] == nil else {
            throw LedgerError(.illegalStep, "ticket \(ticket.id) is already in the ledger")
        }
        return LedgerStep(
            number: steps + 1,
            report: ActionReport(
                ticket: ticket.id,
                plan: ticket.plan.id,
                state: state,
                at: now,
                reason: reason
            ),
            subject: ""
        )
    }

    /// The step that follows for a known ticket; throws when it can't follow.
    ///
    /// `result` carries exit status, output, count and reason.
    package func advance(
        _ ticket: TicketID,
        to state: ActionState,
        isRollback: Bool = false,
        commitDeadline: Timestamp? = nil,
        result: ActionResult = ActionResult(),
        at now: Timestamp
    ) throws(LedgerError) -> LedgerStep {
        guard let entry = entries[ticket] else {
            throw LedgerError(.illegalStep, "ticket \(ticket) is not in the ledger")
        }
        guard Self.mayFollow(entry, state, isRollback: isRollback) else {
            throw LedgerError(
                .illegalStep,
                "ticket \(ticket) is \(entry.state.rawValue) and can't become \(state.rawValue)"
            )
        }
        return LedgerStep(
            number: steps + 1,
            report: ActionReport(
                ticket: ticket,
                plan: entry.plan,
                state: state,
                at: now,
                reason: result.reason,
                exitStatus: result.exitStatus,
                output: result.output,
                count: result.count
            ),
            subject: entry.subject,
            isRollback: isRollback,
            isPreApproved: entry.isPreApproved,
            commitDeadline: commitDeadline
        )
    }

    private static func mayFollow(_ entry: LedgerEntry, _ state: ActionState, isRollback: Bool) -> Bool {
        switch (entry.state, state) {
        case (.prepared, .running), (.prepared, .failed): !isRollback
        case (.running, .done), (.running, .failed): !isRollback && !entry.isRollback
        case (.running, .indeterminate): isRollback == entry.isRollback
        // Ran and ended badly: what it had done by then is taken back.
        case (.running, .running): isRollback && !entry.isRollback && entry.rollback != nil
        case (.running, .rollbackFailed) where !entry.isRollback: isRollback && entry.rollback != nil
        case (.done, .committed): !isRollback
        case (.done, .running), (.done, .rollbackFailed): isRollback && entry.awaitsCommit
        case (.running, .rolledBack), (.running, .rollbackFailed): isRollback && entry.isRollback
        default: false
        }
    }

    /// Actions, no rollbacks, that ran when the agent was interrupted.
    package var interrupted: [TicketID] {
        order.filter { entries[$0].map { $0.state == .running && !$0.isRollback } ?? false }
    }

    /// The steps that close what an interrupted agent left open; nothing of it is run again.
    ///
    /// Each is to be written and applied before the next is asked for: returns one, or nil when none is left. Those that
    /// are being looked into are left out.
    package func recover(at now: Timestamp, except asked: Set<TicketID> = []) -> LedgerStep? {
        for ticket in order where !asked.contains(ticket) {
            guard let entry = entries[ticket] else { continue }
            let state: ActionState
            let reason: String
            switch entry.state {
            case .prepared:
                state = .failed
                reason = "not started: the agent stopped before the action began"
            case .running where entry.isRollback:
                state = .indeterminate
                reason = "the agent was interrupted while it took the action back; look at the host"
            case .running:
                state = .indeterminate
                reason = "the agent was interrupted while the action ran; look at the host"
            default: continue
            }
            return try? advance(
                ticket,
                to: state,
                isRollback: entry.isRollback,
                result: ActionResult(reason: reason),
                at: now
            )
        }
        return nil
    }

    /// Takes a record that is on disk.
    ///
    /// Throws when it can't follow what came before: the file was not written by these rules.
    package mutating func apply(_ record: LedgerRecord) throws(LedgerError) {
        switch record {
        case .acknowledged(let number):
            acknowledged = max(acknowledged, min(number, steps))
            pending.removeAll { $0.number <= acknowledged }
        case .accepted(let at, _): floor = max(floor ?? at, at)
        case .step(let step):
            guard step.number == steps + 1 else {
                throw LedgerError(.damaged, "step \(step.number) of the ledger follows step \(steps)")
            }
            try apply(step)
            steps = step.number
            pending.append(step)
        }
    }

    private mutating func apply(_ step: LedgerStep) throws(LedgerError) {
        let report = step.report
        guard var entry = entries[report.ticket] else {
            guard report.state == .refused || report.state == .prepared else {
                throw LedgerError(.damaged, "ticket \(report.ticket) begins as \(report.state.rawValue)")
            }
            order.append(report.ticket)
            if report.state == .refused { refusals += 1 }
            entries[report.ticket] = LedgerEntry(
                plan: report.plan,
                subject: step.subject,
                isPreApproved: step.isPreApproved,
                report: report,
                isRollback: false,
                planBytes: step.plan,
                rollback: step.rollback,
                commitDeadline: nil,
                started: nil
            )
            return
        }
        guard Self.mayFollow(entry, report.state, isRollback: step.isRollback) else {
            throw LedgerError(
                .damaged,
                "ticket \(report.ticket) went from \(entry.state.rawValue) to \(report.state.rawValue)"
            )
        }
        if report.state == .running, !step.isRollback { entry.started = report.at }
        if report.state == .done { entry.commitDeadline = step.commitDeadline }
        entry.report = report
        entry.isRollback = step.isRollback
        if report.state.isFinal || (report.state == .done && step.commitDeadline == nil) {
            entry.planBytes = []
            entry.rollback = nil
            entry.commitDeadline = nil
        }
        entries[report.ticket] = entry
    }
}

/// What came of running something.
package struct ActionResult: Hashable, Sendable {
    package var reason: String
    package var exitStatus: Int
    /// Masked.
    package var output: String
    package var count: Int

    package init(reason: String = "", exitStatus: Int = 0, output: String = "", count: Int = 0) {
        self.reason = reason
        self.exitStatus = exitStatus
        self.output = output
        self.count = count
    }
}
