import MusterCore

/// An action that waits for its turn on this host, or has it.
struct ActionJob {
    var ticket: TicketID
    var execution: Execution
    /// What is judged again when its turn comes; nil for what takes something back.
    var permission: Ticket?
    var confirmations: [PermittedCheck] = []
    /// How long to wait for a commit; zero when there is nothing to take back.
    var commitWithin: Duration = .zero
    /// Why it is taken back.
    var reason = ""

    var isRollback: Bool { permission == nil }
}

/// Whose turn it is on this host: one action at a time, in the order in which they came.
///
/// What takes something back does not stand behind what changes something else: it has a turn of its own. There is one
/// of this on a host, and nothing to copy it for: the code that copies whole tickets would make the agent larger.
struct ActionTurns: ~Copyable {
    /// Tickets that wait for the one that runs.
    static let waitingMax = 16

    private(set) var running: ActionJob?
    private(set) var undo: ActionJob?
    private var waiting: [ActionJob] = []
    private var undoing: [ActionJob] = []
    /// Aborts that came while the action ran.
    private var aborts: [TicketID: String] = [:]

    var isBusy: Bool { running != nil || undo != nil }
    var waitingCount: Int { waiting.count }
    var hasRollbacks: Bool { !undoing.isEmpty }

    /// Tickets that have a turn.
    var tickets: Set<TicketID> { Set([running, undo].compactMap { $0?.ticket }) }

    /// Puts a job behind all others of its kind.
    mutating func add(_ job: ActionJob) {
        if job.isRollback { undoing.append(job) } else { waiting.append(job) }
    }

    /// Gives the turn to what takes something back; nil when nothing does, or something has it already.
    mutating func nextRollback() -> ActionJob? {
        guard undo == nil, !undoing.isEmpty else { return nil }
        undo = undoing.removeFirst()
        return undo
    }

    /// Gives the turn to the next action; nil when none waits, or one has it already.
    mutating func nextAction() -> ActionJob? {
        guard running == nil, !waiting.isEmpty else { return nil }
        running = waiting.removeFirst()
        return running
    }

    /// The job that has the turn, if it is of this ticket.
    func job(of ticket: TicketID, isRollback: Bool) -> ActionJob? {
        let job = isRollback ? undo : running
        return job?.ticket == ticket ? job : nil
    }

    /// The turn is over.
    mutating func end(_ job: ActionJob) {
        if job.isRollback { undo = nil } else { running = nil }
    }

    /// Ends the turn of what could not begin yet: it is the next again.
    mutating func postpone(_ rollback: ActionJob) {
        end(rollback)
        undoing.insert(rollback, at: 0)
    }

    /// Whether an effect is being taken back already.
    func isUndone(_ ticket: TicketID) -> Bool {
        undo?.ticket == ticket || undoing.contains { $0.ticket == ticket }
    }

    // MARK: Aborts

    /// Takes an action off that waits; false when it does not wait.
    mutating func withdraw(_ ticket: TicketID) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return false }
        waiting.remove(at: index)
        return true
    }

    /// Remembers that an action is to be taken back when it has ended; false when it does not run.
    mutating func abort(_ ticket: TicketID, reason: String) -> Bool {
        guard running?.ticket == ticket else { return false }
        aborts[ticket] = reason
        return true
    }

    func abortReason(of ticket: TicketID) -> String? { aborts[ticket] }

    /// Why an action is to be taken back; asked once, when it has ended.
    mutating func takeAbort(of ticket: TicketID) -> String? { aborts.removeValue(forKey: ticket) }
}
