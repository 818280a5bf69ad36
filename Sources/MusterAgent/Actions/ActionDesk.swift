import MusterCore
import MusterWire

/// Carries out tickets: judged by the host's policy, one at a time, each step in the ledger before it is real.
///
/// Lives on the loop's thread. What blocks runs on a thread of its own and comes back through ``completed(_:)``.
/// Reports go out by the ledger: whoever sends asks for ``reportsPending``.
final class ActionDesk {
    /// What came back from the thread that blocks.
    enum Completion: Sendable {
        /// The signed runbook's checks: nil when all hold.
        case confirmed(TicketID, objection: String?)
        case performed(TicketID, isRollback: Bool, PerformanceOutcome)
    }

    /// Tickets that wait for the one that runs.
    static let queueMax = 16

    struct Job {
        var ticket: TicketID
        var execution: Execution
        /// When it is too late to begin; nil for what takes something back.
        var expires: Timestamp?
        var isRollback = false
        var confirmations: [RunbookCheck] = []
        /// How long to wait for a commit; zero when there is nothing to take back.
        var commitWithin: Duration = .zero
        var reason = ""
    }

    /// A step that could not be written; it is tried again until it can.
    private struct Unwritten {
        var ticket: TicketID
        var state: ActionState
        var isRollback: Bool
        var commitDeadline: Timestamp?
        var result: ActionResult
    }

    private let ledger: LedgerFile
    private let policy: PolicyFile
    private let agent: AgentID
    private let reading: any TicketReading
    private let performer: any ActionPerformer
    private let log: AgentLog
    /// Starts blocking work on another thread and brings its result to ``completed(_:)``.
    private let work: (@escaping @Sendable () -> Completion) -> Bool

    private var queue: [Job] = []
    private var running: Job?
    private var unwritten: [Unwritten] = []
    /// Aborts that came while the action ran.
    private var aborts: [TicketID: String] = [:]
    /// Set when the agent is about to end: nothing new begins.
    private var isClosing = false

    init(
        ledger: LedgerFile,
        policy: PolicyFile,
        agent: AgentID,
        reading: any TicketReading,
        performer: any ActionPerformer,
        log: AgentLog,
        work: @escaping (@escaping @Sendable () -> Completion) -> Bool
    ) {
        self.ledger = ledger
        self.policy = policy
        self.agent = agent
        self.reading = reading
        self.performer = performer
        self.log = log
        self.work = work
    }

    /// Whether something is being carried out right now.
    var isBusy: Bool { running != nil }

    /// Reports that the coordinator has not taken, oldest first.
    var reportsPending: [LedgerStep] { ledger.engine.reportsPending }

    /// The coordinator has taken every report up to this step.
    func acknowledged(_ step: UInt64) { ledger.acknowledge(step) }

    /// What the ledger knows, newest last; of one ticket or of all.
    func answer(ticket: TicketID?, rowsMax: Int) -> LedgerAnswer {
        var answer = LedgerAnswer()
        if let ticket {
            answer.entries = ledger.engine[ticket].map { [$0.report] } ?? []
        } else {
            answer.entries = Array(ledger.engine.reports.suffix(max(0, rowsMax)))
        }
        return answer
    }

    /// Closes what an interrupted agent left open; to be called once, before anything else.
    func recover(now: Timestamp) {
        if let failure = ledger.failure {
            log.error("action ledger can't be used", ["reason": failure.message])
            return
        }
        while let step = ledger.engine.recover(at: now) {
            log.warning(
                "interrupted action closed",
                [
                    "ticket.id": "\(step.report.ticket)", "state": step.report.state.rawValue,
                    "reason": step.report.reason,
                ]
            )
            do throws(LedgerError) {
                try ledger.take(step)
            } catch {
                return log.error("action ledger can't be used", ["reason": error.message])
            }
        }
    }

    // MARK: What the coordinator says

    /// A ticket arrived; nil when its state is or will be in the ledger, else a report to send as it is.
    func receive(_ wire: WireTicket, now: Timestamp) throws(WireError) -> ActionReport? {
        let ticket = try Ticket(wire) { reading.planID(of: $0) }
        if let known = ledger.engine[ticket.id] {
            log.info(
                "ticket is already in the ledger",
                ["ticket.id": "\(ticket.id)", "state": known.state.rawValue]
            )
            return known.report
        }
        do {
            if let failure = ledger.failure { throw PolicyRefusal(failure.message) }
            guard !isClosing else { throw PolicyRefusal("the agent is about to stop") }
            if let earlier = ledger.engine.ticket(thatTook: ticket.plan.id) {
                throw PolicyRefusal("this host has carried out the plan already, by ticket \(earlier)")
            }
            guard queue.count < Self.queueMax else {
                throw PolicyRefusal("\(queue.count) actions already wait on this host")
            }
            let permitted = try judge(ticket, now: now)
            try ledger.reserve()
            let step = try ledger.engine.prepare(
                ticket,
                subject: permitted.forward.subject,
                isPreApproved: permitted.isPreApproved,
                at: now
            )
            try ledger.take(step)
            log.info(
                "action accepted",
                [
                    "ticket.id": "\(ticket.id)", "plan.id": "\(ticket.plan.id)",
                    "action": permitted.forward.subject, "authority": permitted.authority,
                ]
            )
            var job = Job(ticket: ticket.id, execution: permitted.forward, expires: ticket.expires)
            job.confirmations = permitted.confirmations
            job.commitWithin = permitted.rollback == nil ? .zero : ticket.plan.plan.commitWithin
            queue.append(job)
            startNext(now: now)
            return nil
        } catch {
            return refuse(ticket, reason: "\(error)", now: now)
        }
    }

    private func judge(_ ticket: Ticket, now: Timestamp) throws -> PermittedAction {
        let policy = try self.policy.load()
        let engine = ledger.engine
        return try TicketJudge(policy: policy, agent: agent, reading: reading).judge(ticket, now: now) {
            subject in
            engine.runs(of: subject, before: now)
        }
    }

    private func refuse(_ ticket: Ticket, reason: String, now: Timestamp) -> ActionReport? {
        log.warning("action refused", ["ticket.id": "\(ticket.id)", "reason": reason])
        let report = ActionReport(
            ticket: ticket.id,
            plan: ticket.plan.id,
            state: .refused,
            at: now,
            reason: reason
        )
        // A refusal that can't be recorded is still told; nothing happened in either case.
        guard ledger.engine.acceptsRefusals,
            let step = try? ledger.engine.refuse(ticket, reason: reason, at: now),
            (try? ledger.take(step)) != nil
        else { return report }
        return nil
    }

    /// The coordinator wants the effect kept.
    func commit(_ ticket: TicketID, now: Timestamp) throws(WireError) {
        guard let entry = ledger.engine[ticket] else {
            throw WireError(.malformed, "ticket \(ticket) is not known on this host")
        }
        guard entry.state != .committed else { return }
        guard entry.state == .done else {
            throw WireError(.malformed, "ticket \(ticket) is \(entry.state.rawValue) and can't be committed")
        }
        advance(ticket, to: .committed, now: now)
    }

    /// The coordinator wants the effect taken back.
    func abort(_ ticket: TicketID, reason: String, now: Timestamp) throws(WireError) {
        guard let entry = ledger.engine[ticket] else {
            throw WireError(.malformed, "ticket \(ticket) is not known on this host")
        }
        if let index = queue.firstIndex(where: { $0.ticket == ticket && !$0.isRollback }) {
            queue.remove(at: index)
            advance(ticket, to: .failed, result: ActionResult(reason: "not started: \(reason)"), now: now)
        } else if running?.ticket == ticket {
            aborts[ticket] = reason
        } else if entry.awaitsCommit {
            rollBack(ticket, reason: reason, now: now)
        } else if !entry.state.isFinal {
            throw WireError(.malformed, "ticket \(ticket) is \(entry.state.rawValue) and can't be taken back")
        }
    }

    // MARK: Time

    /// Takes back what nobody committed in time, and writes what could not be written before.
    ///
    /// Returns when to call again at the latest; nil when nothing waits.
    func tick(now: Timestamp) -> Timestamp? {
        let again = unwritten
        unwritten = []
        for step in again {
            advance(
                step.ticket,
                to: step.state,
                isRollback: step.isRollback,
                commitDeadline: step.commitDeadline,
                result: step.result,
                now: now
            )
        }
        guard ledger.failure == nil, !isClosing else { return nil }
        for ticket in ledger.engine.due(at: now).tickets where !queue.contains(where: { $0.ticket == ticket })
        {
            rollBack(ticket, reason: "no commit came in time", now: now)
        }
        let next = ledger.engine.due(at: now).next
        return unwritten.isEmpty ? next : min(next ?? .init(nanoseconds: .max), now + .seconds(1))
    }

    /// Begins nothing new from now on.
    func close() { isClosing = true }

    private func rollBack(_ ticket: TicketID, reason: String, now: Timestamp) {
        guard let entry = ledger.engine[ticket], entry.awaitsCommit,
            !queue.contains(where: { $0.ticket == ticket }), running?.ticket != ticket
        else { return }
        do {
            guard let plan = reading.plan(from: entry.planBytes) else {
                throw PolicyRefusal("the plan in the ledger can't be read")
            }
            let judge = TicketJudge(policy: try policy.load(), agent: agent, reading: reading)
            let execution = try judge.rollback(of: plan, preApproved: entry.isPreApproved)
            log.warning("action will be taken back", ["ticket.id": "\(ticket)", "reason": reason])
            queue.append(Job(ticket: ticket, execution: execution, isRollback: true, reason: reason))
            startNext(now: now)
        } catch {
            let result = ActionResult(reason: "\(reason), and it can't be taken back: \(error)")
            advance(ticket, to: .rollbackFailed, isRollback: true, result: result, now: now)
        }
    }
}

// MARK: - Running

extension ActionDesk {
    private func startNext(now: Timestamp) {
        guard running == nil, !isClosing, !queue.isEmpty else { return }
        let job = queue.removeFirst()
        running = job
        let performer = self.performer
        guard !job.confirmations.isEmpty else { return begin(job, now: now) }
        let ticket = job.ticket
        let checks = job.confirmations
        let started = work {
            .confirmed(ticket, objection: checks.lazy.compactMap { performer.objection(to: $0) }.first)
        }
        if !started { giveUp(job, "the host has no thread to spare", now: now) }
    }

    /// Writes that it runs, then lets it run.
    private func begin(_ job: Job, now: Timestamp) {
        let (ticket, execution, isRollback) = (job.ticket, job.execution, job.isRollback)
        if let expires = job.expires, now >= expires {
            return giveUp(job, "the ticket lapsed at \(expires) while it waited for its turn", now: now)
        }
        do throws(LedgerError) {
            try ledger.take(
                try ledger.engine.advance(
                    ticket,
                    to: .running,
                    isRollback: isRollback,
                    result: ActionResult(reason: job.reason),
                    at: now
                )
            )
        } catch {
            return giveUp(job, error.message, now: now)
        }
        log.info(
            isRollback ? "rollback started" : "action started",
            ["ticket.id": "\(ticket)", "action": execution.subject]
        )
        let performer = self.performer
        let started = work { .performed(ticket, isRollback: isRollback, performer.perform(execution)) }
        guard !started else { return }
        running = nil
        let result = ActionResult(reason: "not started: the host has no thread to spare", exitStatus: 126)
        advance(
            ticket,
            to: isRollback ? .rollbackFailed : .failed,
            isRollback: isRollback,
            result: result,
            now: now
        )
    }

    /// Ends a job that did not begin.
    private func giveUp(_ job: Job, _ reason: String, now: Timestamp) {
        running = nil
        aborts[job.ticket] = nil
        advance(
            job.ticket,
            to: job.isRollback ? .rollbackFailed : .failed,
            isRollback: job.isRollback,
            result: ActionResult(reason: "not started: \(reason)"),
            now: now
        )
        startNext(now: now)
    }

    /// Something came back from the thread that blocks.
    func completed(_ completion: Completion, now: Timestamp) {
        switch completion {
        case .confirmed(let ticket, let objection):
            guard let job = running, job.ticket == ticket else { return }
            if let reason = objection ?? aborts[ticket] { return giveUp(job, reason, now: now) }
            begin(job, now: now)
        case .performed(let ticket, let isRollback, let outcome):
            let job = running
            running = nil
            finish(
                ticket,
                isRollback: isRollback,
                outcome,
                commitWithin: job?.commitWithin ?? .zero,
                now: now
            )
            if let reason = aborts.removeValue(forKey: ticket) { rollBack(ticket, reason: reason, now: now) }
            startNext(now: now)
        }
    }

    private func finish(
        _ ticket: TicketID,
        isRollback: Bool,
        _ outcome: PerformanceOutcome,
        commitWithin: Duration,
        now: Timestamp
    ) {
        switch outcome {
        case .succeeded(let result):
            advance(
                ticket,
                to: isRollback ? .rolledBack : .done,
                isRollback: isRollback,
                commitDeadline: isRollback || commitWithin == .zero ? nil : now + commitWithin,
                result: result,
                now: now
            )
        case .failed(let result):
            advance(
                ticket,
                to: isRollback ? .rollbackFailed : .failed,
                isRollback: isRollback,
                result: result,
                now: now
            )
        case .indeterminate(let result):
            advance(ticket, to: .indeterminate, isRollback: isRollback, result: result, now: now)
        }
    }

    /// Writes a step; one that can't be written is tried again at every tick.
    private func advance(
        _ ticket: TicketID,
        to state: ActionState,
        isRollback: Bool = false,
        commitDeadline: Timestamp? = nil,
        result: ActionResult = ActionResult(),
        now: Timestamp
    ) {
        do throws(LedgerError) {
            try ledger.take(
                try ledger.engine.advance(
                    ticket,
                    to: state,
                    isRollback: isRollback,
                    commitDeadline: commitDeadline,
                    result: result,
                    at: now
                )
            )
            log.info(
                "action came to a state",
                ["ticket.id": "\(ticket)", "state": state.rawValue, "reason": result.reason]
            )
        } catch {
            log.error(
                "action's state could not be recorded",
                ["ticket.id": "\(ticket)", "state": state.rawValue, "reason": error.message]
            )
            guard error.code == .storage else { return }
            unwritten.append(
                Unwritten(
                    ticket: ticket,
                    state: state,
                    isRollback: isRollback,
                    commitDeadline: commitDeadline,
                    result: result
                )
            )
        }
    }
}
