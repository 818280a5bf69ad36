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
        /// What the host saw of what its action was to bring: nil when it holds.
        case looked(TicketID, objection: String?)
        /// What became of an action that ran when the agent died.
        case settled(TicketID, by: String, PerformanceOutcome)
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
    private let freezes: FreezeFile
    private let reading: any TicketReading
    private let judge: HostJudge
    private let performer: any ActionPerformer
    private let log: AgentLog
    /// Starts blocking work on another thread and brings its result to ``completed(_:)``.
    private let work: (@escaping @Sendable () -> Completion) -> Bool
    /// Time since some fixed moment, whatever happens to the wall clock.
    private let uptime: () -> Duration

    private var turns = ActionTurns()
    private var effects = EffectWatch()
    private var unwritten: [Unwritten] = []
    /// Refusals that could not be written: told once they stay, or a ticket that comes again would run after all.
    private var refusals: [TicketID: ActionReport] = [:]
    /// Most of them; past it no ticket is taken until the agent starts anew.
    private static let refusalsMax = 10_000
    /// Interrupted actions that are being looked into.
    private var settling: Set<TicketID> = []
    /// Whether interrupted actions have been looked into, or are being.
    private var hasAsked = false
    /// Whether everything that an interrupted agent left open is closed.
    private var isRecovered = false
    /// Set when the agent is about to end: nothing new begins.
    private var isClosing = false

    init(
        ledger: LedgerFile,
        policy: PolicyFile,
        freezes: FreezeFile,
        agent: AgentID,
        reading: any TicketReading,
        performer: any ActionPerformer,
        log: AgentLog,
        uptime: @escaping () -> Duration = Moment.monotonic,
        work: @escaping (@escaping @Sendable () -> Completion) -> Bool
    ) {
        self.ledger = ledger
        self.freezes = freezes
        self.reading = reading
        judge = HostJudge(policy: policy, freezes: freezes, agent: agent, reading: reading)
        self.performer = performer
        self.log = log
        self.uptime = uptime
        self.work = work
    }

    /// Whether something is being carried out right now.
    var isBusy: Bool { turns.isBusy }

    /// Reports that the coordinator has not taken, oldest first.
    var reportsPending: [LedgerStep] { ledger.engine.reportsPending }

    /// How far the ledger has come; nil when it can't be used.
    var head: LedgerHead? { ledger.told }

    /// The coordinator remembers the ledger as it was.
    func remembered(_ known: LedgerHead) {
        guard ledger.remembered(known), let failure = ledger.failure else { return }
        log.error("action ledger can't be used", ["reason": failure.message])
    }

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

    /// Closes what an interrupted agent left open; to be called before anything else.
    func recover(now: Timestamp) {
        isRecovered = true
        if let failure = ledger.failure {
            // What could not be written may be put right; what is damaged is root's business.
            isRecovered = failure.code != .storage
            log.error("action ledger can't be used", ["reason": failure.message])
            return
        }
        askAboutInterrupted()
        while let step = ledger.engine.recover(at: now, except: held) {
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
                // A full disk, perhaps: tried again at the next tick, and nothing begins before.
                isRecovered = false
                return log.error("action ledger can't be used", ["reason": error.message])
            }
        }
    }

    /// Tickets that no interrupted agent has left: this one is at work on them.
    private var held: Set<TicketID> {
        settling.union(turns.tickets).union(unwritten.map(\.ticket))
    }

    /// Starts whatever the policy has for finding out how an interrupted action ended; once.
    private func askAboutInterrupted() {
        guard !hasAsked else { return isRecovered = isRecovered && settling.isEmpty }
        hasAsked = true
        let engine = ledger.engine
        for (ticket, probe) in judge.settlements(of: engine.interrupted.compactMap { engine[$0] }) {
            let performer = self.performer
            let started = work { .settled(ticket, by: probe.name, performer.perform(.command(probe))) }
            if started { settling.insert(ticket) }
        }
        isRecovered = settling.isEmpty
    }

    /// The host knows how an interrupted action ended, or that it does not; it is not run again in either case.
    private func settled(_ ticket: TicketID, by probe: String, _ outcome: PerformanceOutcome, now: Timestamp)
    {
        guard settling.remove(ticket) != nil, let entry = ledger.engine[ticket] else { return }
        let (state, reason) = outcome.settlement(by: probe)
        var deadline: Timestamp?
        if state == .done, entry.rollback != nil {
            let wait = reading.plan(from: entry.planBytes)?.decidedWithin ?? .zero
            if wait > .zero {
                effects.wait(for: ticket, until: uptime() + wait)
                deadline = now + wait
            }
        }
        advance(
            ticket,
            to: state,
            commitDeadline: deadline,
            result: ActionResult(reason: reason),
            now: now
        )
        recover(now: now)
    }

    // MARK: What the coordinator says

    /// A ticket arrived; nil when its state is or will be in the ledger, else a report to send as it is.
    func receive(_ wire: WireTicket, now: Timestamp) throws(WireError) -> ActionReport? {
        let ticket = try Ticket(wire) { reading.planID(of: $0) }
        if let refusal = refusals[ticket.id] { return refusal }
        if let known = ledger.engine[ticket.id] {
            cameAgain(ticket, known: known, now: now)
            return known.report
        }
        do {
            if let failure = ledger.failure { throw PolicyRefusal(failure.message) }
            guard refusals.count < Self.refusalsMax else {
                throw PolicyRefusal("this host has refused too many tickets that it could not write down")
            }
            guard !isClosing else { throw PolicyRefusal("the agent is about to stop") }
            guard isRecovered else {
                throw PolicyRefusal("what was interrupted here is not written down yet")
            }
            if let earlier = ledger.engine.ticket(thatTook: ticket.plan.id) {
                throw PolicyRefusal("this host has carried out the plan already, by ticket \(earlier)")
            }
            if let floor = ledger.engine.floor, ticket.plan.plan.notBefore < floor {
                throw PolicyRefusal(
                    "the plan is from before \(floor), when this host's ledger was begun; have it proposed again"
                )
            }
            guard turns.waitingCount < ActionTurns.waitingMax else {
                throw PolicyRefusal("\(turns.waitingCount) actions already wait on this host")
            }
            let permitted = try judge.judge(ticket, ledger.engine, now: now)
            try ledger.reserve()
            let step = try ledger.engine.prepare(
                ticket,
                subject: permitted.forward.subject,
                isPreApproved: permitted.isPreApproved,
                rollback: permitted.rollback,
                reason: permitted.breakGlass.map { "set going by \($0.signer) alone: \($0.reason)" } ?? "",
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
            var job = ActionJob(ticket: ticket.id, execution: permitted.forward, permission: ticket)
            job.confirmations = permitted.confirmations
            job.commitWithin = permitted.rollback == nil ? .zero : ticket.plan.plan.decidedWithin
            turns.add(job)
            startNext(now: now)
            return nil
        } catch {
            return refuse(ticket, reason: "\(error)", now: now)
        }
    }

    /// A ticket that is known runs nothing.
    ///
    /// One that a coordinator sends again before its end is usual; one that comes after its end, or with another plan
    /// inside, is what somebody who replays tickets would send.
    private func cameAgain(_ ticket: Ticket, known: LedgerEntry, now: Timestamp) {
        let state = known.state.rawValue
        guard known.report.plan == ticket.plan.id else {
            return log.warning(
                "ticket came again with another plan",
                ["ticket.id": "\(ticket.id)", "plan.id": "\(ticket.plan.id)", "state": state]
            )
        }
        let isOver = known.state.isFinal || (known.state == .done && !known.awaitsCommit)
        guard isOver || now >= ticket.expires else {
            return log.info(
                "ticket is already in the ledger",
                ["ticket.id": "\(ticket.id)", "state": state]
            )
        }
        log.warning("ticket came again", ["ticket.id": "\(ticket.id)", "state": state])
    }

    /// What would become of a plan; nothing happens.
    func trial(of plan: Plan, now: Timestamp) -> PlanTrial {
        do {
            if let failure = ledger.failure { throw PolicyRefusal(failure.message) }
            return try judge.trial(of: plan, ledger.engine, now: now)
        } catch {
            var trial = PlanTrial()
            trial.refusal = "\(error)"
            return trial
        }
    }

    /// The coordinator tells the freezes that concern this host: what waits for its turn is judged by them too.
    func freeze(_ freezes: [Freeze]) {
        do throws(AgentError) {
            try self.freezes.replace(freezes)
        } catch {
            log.error("freezes hold but could not be written down", ["reason": error.message])
        }
        for freeze in freezes { log.warning("automatic actions are frozen", ["reason": freeze.text]) }
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
        else {
            if refusals.count < Self.refusalsMax { refusals[ticket.id] = report }
            return report
        }
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
        if turns.withdraw(ticket) {
            advance(ticket, to: .failed, result: ActionResult(reason: "not started: \(reason)"), now: now)
        } else if turns.abort(ticket, reason: reason) {
            return
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
        if let failure = ledger.failure {
            guard failure.code == .storage else { return nil }
            guard heals(failure) else { return now + .seconds(1) }
        }
        if !isRecovered { recover(now: now) }
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
        startNext(now: now)
        guard !isClosing else { return nil }
        var next = unwritten.isEmpty && !turns.hasRollbacks ? nil : now + .seconds(1)
        let uptime = uptime()
        for (ticket, deadline) in ledger.engine.awaiting {
            let left = effects.left(of: ticket, at: uptime, wall: deadline - now)
            if left <= .zero {
                let objection = effects.objection(to: ticket)
                rollBack(
                    ticket,
                    reason: objection.map { "not verified: \($0)" } ?? "no commit came in time",
                    now: now
                )
            } else {
                next = min(next ?? now + left, now + left)
                if let pause = look(ticket, uptime) { next = min(next ?? now + pause, now + pause) }
            }
        }
        return isRecovered ? next : min(next ?? now + .seconds(1), now + .seconds(1))
    }

    /// Tries to put right a ledger that could not be written.
    private func heals(_ failure: LedgerError) -> Bool {
        do throws(LedgerError) {
            try ledger.heal()
            log.warning("action ledger was put into a new file", ["reason": failure.message])
            return true
        } catch {
            log.error("action ledger can't be written", ["reason": error.message])
            return false
        }
    }

    /// Looks whether what the action was to bring holds, when it is time to; nil when nothing is to be looked at.
    ///
    /// Returns the pause until the next look at the latest.
    private func look(_ ticket: TicketID, _ uptime: Duration) -> Duration? {
        guard let entry = ledger.engine[ticket], !turns.isUndone(ticket) else { return nil }
        if !effects.isVerified(ticket) {
            guard let check = judge.verification(of: entry) else { return nil }
            effects.verify(ticket, by: check, at: uptime)
        }
        if let check = effects.nextLook(at: ticket, at: uptime) {
            let performer = self.performer
            if !work({ .looked(ticket, objection: performer.objection(to: check)) }) {
                effects.didNotLook(at: ticket)
            }
        }
        return effects.pause(of: ticket, at: uptime)
    }

    /// Begins nothing new from now on.
    func close() { isClosing = true }

    private func rollBack(_ ticket: TicketID, reason: String, now: Timestamp) {
        // What waits for a decision is taken back by the agent's next start as well.
        guard let entry = ledger.engine[ticket], entry.awaitsCommit, !turns.isUndone(ticket), !isClosing
        else {
            return
        }
        do {
            log.warning("action will be taken back", ["ticket.id": "\(ticket)", "reason": reason])
            takeBack(ticket, by: try judge.rollback(of: entry), reason: reason, now: now)
        } catch {
            let result = ActionResult(reason: "\(reason), and it can't be taken back: \(error)")
            advance(ticket, to: .rollbackFailed, isRollback: true, result: result, now: now)
        }
    }

    private func takeBack(_ ticket: TicketID, by rollback: Execution, reason: String, now: Timestamp) {
        turns.add(ActionJob(ticket: ticket, execution: rollback, reason: reason))
        startNext(now: now)
    }
}

// MARK: - Running

extension ActionDesk {
    private func startNext(now: Timestamp) {
        // Also when the agent is about to end: what failed half-way can only be taken back by whoever saw it fail.
        if let job = turns.nextRollback() { begin(job, now: now) }
        guard !isClosing, let job = turns.nextAction() else { return }
        let performer = self.performer
        guard !job.confirmations.isEmpty else { return begin(job, now: now) }
        let ticket = job.ticket
        let checks = job.confirmations
        let started = work {
            // Each is looked at once: a second look may say something else.
            for check in checks {
                if let objection = performer.objection(to: check) {
                    return .confirmed(ticket, objection: objection)
                }
            }
            return .confirmed(ticket, objection: nil)
        }
        if !started { giveUp(job, "the host has no thread to spare", now: now) }
    }

    /// Writes that it runs, then lets it run.
    private func begin(_ job: ActionJob, now: Timestamp) {
        let (ticket, isRollback) = (job.ticket, job.isRollback)
        var execution = job.execution
        do {
            if let permission = job.permission {
                // The policy may have changed while it waited, and the ticket may have lapsed.
                execution = try judge.judge(permission, ledger.engine, now: now).forward
            }
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
            if isRollback, (error as? LedgerError)?.code == .storage {
                // Going back is never given up for want of room: it is begun as soon as it can be written.
                turns.postpone(job)
                return log.error(
                    "rollback can't begin yet",
                    ["ticket.id": "\(ticket)", "reason": "\(error)"]
                )
            }
            return giveUp(job, "\(error)", now: now)
        }
        log.info(
            isRollback ? "rollback started" : "action started",
            ["ticket.id": "\(ticket)", "action": execution.subject]
        )
        let performer = self.performer
        let started = work { [execution] in
            .performed(ticket, isRollback: isRollback, performer.perform(execution))
        }
        if !started { giveUp(job, "the host has no thread to spare", now: now) }
    }

    /// Ends a job that did not begin.
    private func giveUp(_ job: ActionJob, _ reason: String, now: Timestamp) {
        turns.end(job)
        _ = turns.takeAbort(of: job.ticket)
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
            guard let job = turns.job(of: ticket, isRollback: false) else { return }
            let closing = isClosing ? "the agent is about to stop" : nil
            if let reason = objection ?? turns.abortReason(of: ticket) ?? closing {
                return giveUp(job, reason, now: now)
            }
            begin(job, now: now)
        case .settled(let ticket, let probe, let outcome): settled(ticket, by: probe, outcome, now: now)
        case .looked(let ticket, let objection):
            guard effects.isVerified(ticket) else { return }
            guard let objection else { return verified(ticket, now: now) }
            effects.looked(at: ticket, objection: objection)
        case .performed(let ticket, let isRollback, let outcome):
            guard let job = turns.job(of: ticket, isRollback: isRollback) else { return }
            turns.end(job)
            if isRollback { undone(job, outcome, now: now) } else { acted(job, outcome, now: now) }
            if let reason = turns.takeAbort(of: ticket) { rollBack(ticket, reason: reason, now: now) }
            startNext(now: now)
        }
    }

    /// It holds: the effect is kept, whether the coordinator is there or not.
    private func verified(_ ticket: TicketID, now: Timestamp) {
        guard let entry = ledger.engine[ticket], entry.awaitsCommit, !turns.isUndone(ticket) else { return }
        advance(ticket, to: .committed, result: ActionResult(reason: "this host has verified it"), now: now)
    }

    private func acted(_ job: ActionJob, _ outcome: PerformanceOutcome, now: Timestamp) {
        let ticket = job.ticket
        switch outcome {
        case .succeeded(let result):
            if job.commitWithin > .zero { effects.wait(for: ticket, until: uptime() + job.commitWithin) }
            advance(
                ticket,
                to: .done,
                commitDeadline: job.commitWithin == .zero ? nil : now + job.commitWithin,
                result: result,
                now: now
            )
        case .failed(let result):
            guard let rollback = ledger.engine[ticket]?.rollback else {
                return advance(ticket, to: .failed, result: result, now: now)
            }
            // Half of it may be done, and half a change is the worst of all.
            let reason = "it failed: \(result.reason)"
            log.warning("action failed and will be taken back", ["ticket.id": "\(ticket)", "reason": reason])
            takeBack(ticket, by: rollback, reason: reason, now: now)
        case .untouched(let result): advance(ticket, to: .failed, result: result, now: now)
        case .indeterminate(let result): advance(ticket, to: .indeterminate, result: result, now: now)
        }
    }

    private func undone(_ job: ActionJob, _ outcome: PerformanceOutcome, now: Timestamp) {
        let (state, result) = outcome.rollbackEnding(reason: job.reason)
        advance(job.ticket, to: state, isRollback: true, result: result, now: now)
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
        if state != .done { effects.forget(ticket) }
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

extension Plan {
    /// How long an effect may wait: for the host's own verification where there is one, else for a commit.
    fileprivate var decidedWithin: Duration { verification?.within ?? commitWithin }
}
