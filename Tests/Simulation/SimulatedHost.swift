import MusterCore
import MusterIncident
import MusterTesting
import MusterWire
import Synchronization

@testable import MusterAgent

/// What a host's commands do, and how they end.
final class SimulatedHands: ActionPerformer {
    private struct State {
        var random: SplitMix64
        var done: [(value: String, outcome: PerformanceOutcome)] = []
        /// Whether a value is set, as far as that can be told by looking.
        var effects: [String: Bool?] = [:]
    }

    private let state: Mutex<State>
    private let fails: Double

    init(random: SplitMix64, fails: Double) {
        state = Mutex(State(random: random))
        self.fails = fails
    }

    func perform(_ execution: Execution) -> PerformanceOutcome {
        guard case .command(let command) = execution, let value = command.argv.last else {
            return .untouched(ActionResult(reason: "what is this?"))
        }
        return state.withLock { state in
            if command.argv.count == 3 {
                switch state.effects[value, default: false] {
                case true?: return .succeeded(ActionResult())
                case false?: return .failed(ActionResult(reason: "it is not", exitStatus: 1))
                case nil: return .failed(ActionResult(reason: "half", exitStatus: 2))
                }
            }
            if value == "healthy" {
                return state.random.unit() < 0.6
                    ? .succeeded(ActionResult()) : .failed(ActionResult(reason: "not healthy"))
            }
            let outcome = Self.outcome(fails, &state.random)
            state.done.append((value, outcome))
            switch outcome {
            case .succeeded: state.effects[value] = true
            case .untouched: break
            case .failed, .indeterminate: state.effects[value] = .some(nil)
            }
            return outcome
        }
    }

    private static func outcome(_ fails: Double, _ random: inout SplitMix64) -> PerformanceOutcome {
        guard random.unit() < fails else { return .succeeded(ActionResult(output: "fine")) }
        switch random.next() % 3 {
        case 0: return .failed(ActionResult(reason: "exit 1", exitStatus: 1))
        case 1: return .untouched(ActionResult(reason: "no such file"))
        default: return .indeterminate(ActionResult(reason: "killed"))
        }
    }

    func objection(to check: RunbookCheck) -> String? {
        state.withLock { $0.random.unit() < 0.8 ? nil : "3 is not > 30" }
    }

    /// What was done since it was asked last.
    func take() -> [(value: String, outcome: PerformanceOutcome)] {
        state.withLock { state in
            defer { state.done = [] }
            return state.done
        }
    }
}

/// An agent that dies and comes back, on a disk and a clock of its own.
final class SimulatedHost {
    let id: AgentID
    let name: String
    let disk: SimulatedDisk
    /// Nothing reaches it or leaves it.
    var isCutOff = false
    /// Of its wall clock, from the true time.
    var wallOffset: Duration
    private unowned let world: Simulation
    private let policy: PolicyFile
    private let hands: SimulatedHands
    private var ledger: LedgerFile?
    private var desk: ActionDesk?
    /// Counts starts and ends: what belongs to an earlier life is dropped.
    private var life = 0
    private var reportsQueued: UInt64 = 0
    private var tickAt = Duration.zero
    /// Steps that were true once.
    private var stepsKnown: UInt64 = 0
    /// Since when a ticket has waited for its decision in this life.
    private var waits: [TicketID: Duration] = [:]
    /// What was done here in truth, by the value that an action sets.
    private var effects: [String: Effect] = [:]

    private struct Effect {
        var (forward, back) = (0, 0)
        var state = State.none

        enum State { case none, set, undone, unknown }
    }

    init(number: Int, policy: String, world: Simulation) throws {
        self.world = world
        self.policy = PolicyFile(path: policy, state: "/nonexistent")
        name = "host-\(number)"
        var bytes: [UInt8] = []
        while bytes.count < 32 { bytes.append(UInt8(truncatingIfNeeded: world.random.next())) }
        id = Digest(bytes: bytes) ?? .zero
        hands = SimulatedHands(random: SplitMix64(seed: world.random.next()), fails: world.faults.fails)
        wallOffset = world.span(-2_000, 2_000)
        let record = LedgerCodec.encode(.accepted(at: Simulation.epoch - .seconds(60), reason: "joined"))
        let ledger = LedgerCodec.magic + record
        let mark = LedgerMark(
            steps: 0,
            length: ledger.count,
            head: LedgerMark.chained(LedgerMark.chainStart, record)
        )
        var marks = [UInt8](repeating: 0, count: 128)
        for place in [0, 64] {
            try mark.write { bytes, _ throws(AgentError) in
                marks.replaceSubrange(place..<place + bytes.count, with: bytes)
            }
        }
        disk = SimulatedDisk(ledger: ledger, mark: marks, random: SplitMix64(seed: world.random.next()))
        disk.lies = world.planted == .lyingDisk
    }

    var reference: HostReference { HostReference(id: id, name: name) }

    private var wall: Timestamp { Simulation.epoch + world.now + wallOffset }

    var isUp: Bool { desk != nil }

    // MARK: Life

    func start() {
        guard desk == nil else { return }
        life += 1
        do throws(AgentError) {
            let ledger = try LedgerFile(disk: disk)
            let desk = ActionDesk(
                ledger: ledger,
                policy: policy,
                freezes: FreezeFile(folder: "/nonexistent"),
                agent: id,
                reading: SignedTicketReader(),
                performer: hands,
                log: AgentLog { _ in },
                uptime: { [unowned world] in world.now },
                work: { [unowned self] work in begin(work) }
            )
            (self.ledger, self.desk) = (ledger, desk)
            world.tell("\(name) starts with \(ledger.engine.steps) steps")
        } catch {
            world.tell("\(name) can't start: \(error.message)")
            if disk.isDead { disk.restart(powerCut: true) }
            let life = life
            return world.after(.seconds(2)) { [self] in if life == self.life { start() } }
        }
        turn { $0.recover(now: wall) }
        tick()
        connect()
    }

    func crash(powerCut: Bool, for time: Duration) {
        world.tell("\(name) \(powerCut ? "loses its power" : "is killed")")
        (ledger, desk) = (nil, nil)
        life += 1
        disk.restart(powerCut: powerCut)
        waits = [:]
        let life = life
        world.after(time) { [self] in if life == self.life { start() } }
    }

    /// No more trouble from here on.
    func recover() {
        isCutOff = false
        disk.faults = SimulatedDisk.Faults()
        start()
    }

    /// Lets the desk do something, then what an agent does after each turn.
    private func turn(_ act: (ActionDesk) -> Void) {
        guard let desk else { return }
        act(desk)
        if disk.isDead { return crash(powerCut: true, for: world.span(100, 20_000)) }
        // As the agent's loop: what happened may have set a deadline.
        schedule(in: .milliseconds(1))
        report(all: false)
    }

    private func tick() {
        guard let desk, world.planted != .sleepyHost else { return }
        let next = desk.tick(now: wall)
        if disk.isDead { return crash(powerCut: true, for: world.span(100, 20_000)) }
        report(all: false)
        tickAt = .seconds(1_000_000)
        schedule(in: next == nil ? .seconds(30) : .seconds(1))
    }

    private func schedule(in time: Duration) {
        guard world.now + time < tickAt else { return }
        tickAt = world.now + time
        let (life, moment) = (life, tickAt)
        world.after(time) { [self] in if life == self.life, tickAt == moment { tick() } }
    }

    private func begin(_ work: @escaping @Sendable () -> ActionDesk.Completion) -> Bool {
        guard !(world.isTroubled && world.chance(0.01)) else { return false }
        let life = life
        world.after(world.span(1, 3_000)) { [self] in
            guard life == self.life else { return }
            let completion = work()
            for (value, outcome) in hands.take() { perform(value, outcome) }
            world.after(world.span(1, 500)) { [self] in
                guard life == self.life else { return }
                turn { $0.completed(completion, now: wall) }
            }
        }
        return true
    }

    // MARK: The link

    /// A connection begins, and ends some time later.
    private func connect() {
        report(all: true)
        let life = life
        world.after(world.span(3_000, 20_000)) { [self] in if life == self.life { connect() } }
    }

    private func report(all: Bool) {
        guard let pending = ledger?.engine.reportsPending, let last = pending.last else { return }
        guard all || last.number > reportsQueued else { return }
        reportsQueued = last.number
        let reports = pending.map(\.report)
        world.send(to: self) { [self] in
            guard world.coordinator.isUp else { return }
            world.coordinator.heard(reports, from: self)
            world.send(to: self) { [self] in turn { $0.acknowledged(last.number) } }
        }
    }

    func receive(_ wire: WireTicket) {
        turn { desk in
            do throws(WireError) {
                guard let told = try desk.receive(wire, now: wall), !disk.isDead else { return }
                world.send(to: self) { [self] in
                    if world.coordinator.isUp { world.coordinator.heard([told], from: self) }
                }
            } catch {
                world.tell("\(name) can't read a ticket: \(error.message)")
            }
        }
    }

    func decide(_ ticket: TicketID, keep: Bool) {
        turn { desk in
            do throws(WireError) {
                if keep {
                    try desk.commit(ticket, now: wall)
                } else {
                    try desk.abort(ticket, reason: "the incident's record says so", now: wall)
                }
            } catch {
                world.tell("\(name) refuses a decision: \(error.message)")
            }
        }
    }

    func ask(_ ticket: TicketID, _ reply: @escaping (CourierEngine.Entry) -> Void) {
        turn { desk in
            let entry = desk.answer(ticket: ticket, rowsMax: 16).entries.last
            world.send(to: self) { reply(entry.map { .report($0) } ?? .unknown) }
        }
    }

    // MARK: What must hold

    private func perform(_ value: String, _ outcome: PerformanceOutcome) {
        world.tell("\(name) does \(value): \(outcome)")
        let isBack = value.hasSuffix("-back")
        let name = isBack ? String(value.dropLast(5)) : value
        var effect = effects[name] ?? Effect()
        if isBack { effect.back += 1 } else { effect.forward += 1 }
        switch outcome {
        case .succeeded: effect.state = isBack ? .undone : .set
        case .untouched: break
        case .failed, .indeterminate: effect.state = .unknown
        }
        effects[name] = effect
        if effect.forward > 1 { world.violate("\(self.name) did \(name) \(effect.forward) times") }
        if effect.back > 1 { world.violate("\(self.name) took \(name) back \(effect.back) times") }
        if isBack, effect.forward == 0 { world.violate("\(self.name) took back \(name), which it never did") }
        if !isBack { world.coordinator.judge(name, on: self, at: wall) }
    }

    /// After everything that happens.
    func check() {
        guard let ledger else { return }
        let engine = ledger.engine
        if engine.steps < stepsKnown {
            world.violate("\(name) has forgotten: \(engine.steps) steps, once \(stepsKnown)")
        }
        stepsKnown = engine.steps
        guard ledger.failure == nil else { return waits.removeAll() }
        let awaiting = engine.awaiting
        if awaiting.isEmpty { return waits.removeAll() }
        for (ticket, _) in awaiting {
            let since = waits[ticket] ?? world.now
            waits[ticket] = since
            if world.now - since > .seconds(150) {
                world.violate(
                    "\(name) keeps ticket \(ticket) undecided for \((world.now - since).inSeconds) s"
                )
            }
        }
        waits = waits.filter { engine[$0.key]?.awaitsCommit ?? false }
    }

    func checkEnd(_ incidents: [Incident]) {
        guard let ledger else { return world.violate("\(name) is down at the end") }
        if let failure = ledger.failure { return world.violate("\(name) can't act: \(failure.message)") }
        for report in ledger.engine.reports {
            let isOver =
                report.state.isFinal
                || (report.state == .done && ledger.engine[report.ticket]?.awaitsCommit == false)
            if !isOver {
                world.violate("ticket \(report.ticket) on \(name) ends as \(report.state.rawValue)")
            }
        }
        for incident in incidents {
            for ticket in incident.tickets where ticket.host.id == id { checkEnd(ticket) }
        }
    }

    private func checkEnd(_ ticket: Incident.TicketRecord) {
        let report = ledger?.engine[ticket.id]?.report
        guard let report else {
            // Of a refusal that could not be written down it knows nothing after a restart.
            if !ticket.lost, ticket.state != .refused {
                world.violate("\(name) knows nothing of ticket \(ticket.id), the record does")
            }
            return
        }
        if !ticket.lost, ticket.state != report.state {
            world.violate(
                "ticket \(ticket.id) on \(name) is \(report.state.rawValue), the record says \(ticket.state?.rawValue ?? "-")"
            )
        }
        guard let value = world.coordinator.value(of: ticket.plan) else { return }
        let effect = effects[value] ?? Effect()
        let fits =
            switch report.state {
            case .committed, .done: effect.state == .set
            case .rolledBack: effect.state == .undone || (effect.state == .none && effect.back > 0)
            case .prepared, .running: false
            case .refused, .failed, .indeterminate, .rollbackFailed: true
            }
        if !fits {
            world.violate("\(name) says \(report.state.rawValue) of \(value), and it is \(effect.state)")
        }
    }
}
