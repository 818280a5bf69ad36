import MusterCore
import MusterIncident
import MusterTesting
import MusterWire

@testable import MusterAgent

/// The coordinator's engines on a record that survives it; what people, measurements and messages bring is made up.
final class SimulatedCoordinator {
    private struct Errand {
        var number: Int
        var courier: CourierEngine?
    }

    private unowned let world: Simulation
    private let cases: [SimulatedCase]
    /// What is on disk.
    private var records: [[StoredEvent]]
    /// What is in memory; empty while it is down.
    private var engines: [IncidentEngine] = []
    private var errands: [[IncidentDirective: Errand]] = []
    private var errandNumber = 0
    /// Counts lives: what belongs to an earlier one is dropped.
    private var life = 0
    private var alarms: [Int]
    /// Who signed which plan, in truth.
    private var signers: [PlanID: Set<String>] = [:]
    /// Plans of which more has gone wrong than may.
    private var exceeded: Set<PlanID> = []
    /// Whether its record may fail.
    var isFrail = true

    init(cases: [SimulatedCase], world: Simulation) {
        self.cases = cases
        self.world = world
        records = cases.map { _ in [] }
        alarms = cases.map { _ in 0 }
    }

    var isUp: Bool { !engines.isEmpty }

    var incidents: [Incident] { engines.map(\.incident) }

    private var wall: Timestamp { Simulation.epoch + world.now }

    func newTicket() -> TicketID {
        TicketID(uuid: UUIDv7(at: wall, random: (world.random.next(), world.random.next())))
    }

    // MARK: Life

    func start() {
        guard !isUp else { return }
        life += 1
        world.tell("the coordinator starts")
        engines = cases.map { IncidentEngine(id: $0.incident) }
        errands = cases.map { _ in [:] }
        for index in cases.indices {
            for event in records[index] { _ = engines[index].handle(event, now: wall) }
        }
        for index in cases.indices where records[index].isEmpty { open(index) }
        for index in cases.indices { advance(index) }
    }

    func crash(for time: Duration) {
        guard isUp else { return }
        world.tell("the coordinator dies")
        life += 1
        engines = []
        errands = []
        let life = life
        world.after(time) { [self] in if life == self.life { start() } }
    }

    private func open(_ index: Int) {
        let one = cases[index]
        let coverage = Coverage(asked: 1, outcomes: ["ok": 1])
        let alert = Alert(
            source: "simulation",
            fingerprint: "\(index)",
            name: one.value,
            status: .firing,
            starts: wall,
            ends: nil,
            labels: [:],
            annotations: [:]
        )
        let context = IncidentContext(
            onset: wall,
            took: .seconds(1),
            lines: [],
            blast: nil,
            endpoints: [],
            hosts: [],
            dependencies: [],
            changes: [],
            coverage: coverage
        )
        let ranking = Ranking(verdict: .known, hypotheses: [], coverage: coverage, unseen: [])
        let match = RunbookMatch(
            runbook: one.runbook,
            digest: one.digest,
            source: one.source,
            because: "the simulation says so",
            doubts: [],
            signature: one.signature
        )
        store(
            [
                .alertReceived(alert: alert, intake: 1),
                .opened(title: one.value, service: one.value, severity: "page", owner: nil),
                .contextCollected(context: context),
                .hypothesisRanked(ranking: ranking, round: 1),
                .runbookMatched(match: match),
            ],
            index
        )
        planFreeze(index)
    }

    // MARK: The record

    /// Writes and takes in; false when it could not be written.
    @discardableResult
    private func store(_ bodies: [IncidentEvent], _ index: Int) -> Bool {
        guard !bodies.isEmpty else { return true }
        if isFrail, !records[index].isEmpty, world.chance(world.faults.storeFails) {
            world.tell("the record of \(cases[index].value) can't be written")
            later(.seconds(5)) { [self] in advance(index) }
            return false
        }
        for body in bodies {
            check(body, index)
            let event = StoredEvent(
                id: EventID(uuid: UUIDv7(at: wall, random: (world.random.next(), world.random.next()))),
                incident: cases[index].incident,
                v: IncidentEvent.version,
                seq: records[index].count + 1,
                prevHash: .zero,
                hash: .zero,
                at: wall,
                body: body
            )
            records[index].append(event)
            world.tell("\(cases[index].value): \(body.kind.rawValue) \(Self.detail(body))")
            _ = engines[index].handle(event, now: wall)
            if case .approvalRequested(let plan, _) = body { askPeople(plan, index) }
            watchBudgets(engines[index].incident)
        }
        return true
    }

    private static func detail(_ body: IncidentEvent) -> String {
        switch body {
        case .actionReported(let report, let host):
            "\(host.name) \(report.state.rawValue) \(report.reason) \(report.ticket)"
        case .actionTicketed(let ticket, _, let host, _): "\(host.name) \(ticket)"
        case .actionDecided(_, let host, let keep, let reason): "\(host.name) keep=\(keep) \(reason)"
        case .actionLost(_, let host, let reason): "\(host.name) \(reason)"
        case .stepEnded(let step, let outcome, let text, _): "\(step) \(outcome.rawValue) \(text)"
        default: ""
        }
    }

    private func later(_ time: Duration, _ act: @escaping () -> Void) {
        let life = life
        world.after(time) { [self] in if life == self.life { act() } }
    }

    // MARK: Directives, as the runner of an incident has them carried out

    private func advance(_ index: Int) {
        while let event = decided(index) { guard store([event], index) else { return } }
        if world.planted == .hastyCoordinator { hurry(index) }
        let wanted = engines[index].outstanding(now: wall)
        for directive in errands[index].keys where !wanted.contains(directive) {
            errands[index][directive] = nil
        }
        for directive in wanted where errands[index][directive] == nil { begin(directive, index) }
        guard let moment = engines[index].wake(after: wall) else { return }
        alarms[index] += 1
        let alarm = alarms[index]
        later(moment - wall) { [self] in if alarm == alarms[index] { advance(index) } }
    }

    private func decided(_ index: Int) -> IncidentEvent? {
        for case .record(let event) in engines[index].outstanding(now: wall) { return event }
        return nil
    }

    private func begin(_ directive: IncidentDirective, _ index: Int) {
        errandNumber += 1
        var errand = Errand(number: errandNumber)
        switch directive {
        case .deliver: errand.courier = CourierEngine(.deliver)
        case .follow(let ticket):
            errand.courier = CourierEngine(.follow(known: engines[index].incident[ticket]?.state))
        case .conclude(_, let keep): errand.courier = CourierEngine(.conclude(keep: keep))
        default: break
        }
        errands[index][directive] = errand
        let number = errand.number
        if errand.courier != nil { return drive(directive, index, number) }
        later(world.span(10, 2_000)) { [self] in
            guard errands[index][directive]?.number == number else { return }
            end(directive, index, number, result(of: directive, index))
        }
    }

    private func end(_ directive: IncidentDirective, _ index: Int, _ number: Int, _ events: [IncidentEvent]) {
        guard errands[index][directive]?.number == number else { return }
        if engines[index].outstanding(now: wall).contains(directive) {
            let incident = engines[index].incident
            store(events.filter { incident.isNews($0) }, index)
        }
        guard engines[index].outstanding(now: wall).contains(directive) else {
            errands[index][directive] = nil
            return advance(index)
        }
        // It still stands: tried again after a pause.
        later(.seconds(1)) { [self] in
            guard errands[index][directive]?.number == number else { return }
            errands[index][directive] = nil
            advance(index)
        }
        advance(index)
    }

    /// What the world says to a directive; nothing when it has to be tried again.
    private func result(of directive: IncidentDirective, _ index: Int) -> [IncidentEvent] {
        let one = cases[index]
        switch directive {
        case .check(let step): return [.stepEnded(step: step, outcome: .passed, text: "38", values: [:])]
        case .propose:
            let incident = engines[index].incident
            let plan = try? one.plan(
                hosts: world.hosts.map(\.reference),
                at: wall,
                retry: incident.plans.count,
                on: incident.retries[1]
            )
            guard let plan else { return [] }
            return [.planProposed(plan: plan, doubts: world.chance(0.1) ? ["a doubt"] : [])]
        case .look(let plan, let wave):
            return [.rolloutLooked(plan: plan, wave: wave, stops: world.chance(0.2), text: "Errors is 30%")]
        case .issueTicket(let plan, let host):
            guard let record = engines[index].incident[plan] else { return [] }
            let expires = min(wall + .seconds(300), record.sealed.plan.expires)
            return [.actionTicketed(ticket: newTicket(), plan: plan, host: host, expires: expires)]
        case .verify(let step):
            guard world.chance(0.5) else { return [] }
            return [.verified(step: step, passed: world.chance(0.8), text: "Errors is 1%", values: [:])]
        case .tell(let purpose):
            return [.notified(purpose: purpose, channel: "", text: "", delivered: true, reason: "")]
        case .measureImpact:
            return [
                .impactMeasured(
                    impact: IncidentImpact(
                        window: TimeWindow(from: Simulation.epoch, to: wall),
                        blast: nil,
                        costPerFailedRequest: 0,
                        costPerMinute: 0,
                        currency: ""
                    )
                )
            ]
        case .draftPostMortem:
            let version = engines[index].incident.postMortemVersion + 1
            return [.postMortemDrafted(digest: .zero, version: version)]
        case .record, .collectContext, .investigate, .matchRunbook, .deliver, .follow, .conclude: return []
        }
    }

    // MARK: Couriers

    private func drive(_ directive: IncidentDirective, _ index: Int, _ number: Int) {
        guard errands[index][directive]?.number == number, let courier = errands[index][directive]?.courier,
            let id = directive.ticket, let record = engines[index].incident[id],
            let host = world.hosts.first(where: { $0.id == record.host.id })
        else { return }
        switch courier.next {
        case .ask: ask(host, id, directive, index, number)
        case .send:
            guard let ticket = engines[index].incident.ticket(id) else { return }
            let wire = WireTicket(ticket)
            if world.stolen.count < 64 { world.stolen.append(wire) }
            let problem = host.isUp && !host.isCutOff ? nil : "\(host.name) is not connected"
            if problem == nil { world.send(to: host) { host.receive(wire) } }
            go(directive, index, number) { $0.sent(problem: problem) }
        case .tell(let keep):
            world.send(to: host) { host.decide(id, keep: keep) }
            go(directive, index, number) {
                $0.told()
                return nil
            }
        case .pause(let time):
            later(time) { [self] in
                go(directive, index, number) {
                    $0.paused()
                    return nil
                }
            }
        case .end(let report):
            end(directive, index, number, [.actionReported(report: report, host: record.host)])
        }
    }

    private func ask(
        _ host: SimulatedHost,
        _ ticket: TicketID,
        _ directive: IncidentDirective,
        _ index: Int,
        _ number: Int
    ) {
        let life = life
        var isAnswered = false
        func answer(_ entry: CourierEngine.Entry) {
            guard life == self.life, !isAnswered else { return }
            isAnswered = true
            go(directive, index, number) { $0.answered(entry) }
        }
        world.send(to: host) { host.ask(ticket, answer) }
        later(.seconds(2)) { answer(.silent("no answer in 2 s")) }
    }

    private func go(
        _ directive: IncidentDirective,
        _ index: Int,
        _ number: Int,
        _ act: (inout CourierEngine) -> String?
    ) {
        guard errands[index][directive]?.number == number, var courier = errands[index][directive]?.courier,
            let id = directive.ticket, let host = engines[index].incident[id]?.host
        else { return }
        let problem = act(&courier)
        errands[index][directive]?.courier = courier
        if let problem { store([.actionUndelivered(ticket: id, host: host, reason: problem)], index) }
        drive(directive, index, number)
    }

    func heard(_ reports: [ActionReport], from host: SimulatedHost) {
        for report in reports {
            guard let index = cases.indices.first(where: { engines[$0].incident[report.ticket] != nil }),
                let record = engines[index].incident[report.ticket], record.host.id == host.id,
                report.isNews(after: record.report)
            else { continue }
            store([.actionReported(report: report, host: host.reference)], index)
            advance(index)
        }
    }

    // MARK: People

    private func askPeople(_ plan: PlanID, _ index: Int) {
        let fate = world.random.unit()
        if fate < 0.05 { return }
        if fate < 0.12 {
            return decide(after: world.span(500, 60_000), index) { incident in
                incident.pending.contains { $0.sealed.id == plan }
                    ? [.approvalRejected(plan: plan, by: "ana", reason: "no")] : []
            }
        }
        for name in ["ana", "bob"].prefix(cases[index].approvals) {
            if world.chance(0.05) { continue }
            decide(after: world.span(500, 60_000), index) { [self] incident in
                guard let approval = try? world.people.sign(plan, as: name) else { return [] }
                guard incident.pending.contains(where: { $0.sealed.id == plan }) else { return [] }
                signers[plan, default: []].insert(name)
                return [.approvalGiven(plan: plan, approval: approval, by: name)]
            }
        }
        if cases[index].signature == nil, world.chance(0.3) {
            decide(after: world.span(150_000, 390_000), index) { incident in
                guard let record = incident[plan], let hosts = incident.retriable(record) else { return [] }
                return [.rolloutRetried(plan: plan, hosts: hosts, by: "bob", reason: "")]
            }
        }
        guard world.chance(0.3) else { return }
        let order = world.below(3)
        decide(after: world.span(5_000, 120_000), index) { incident in
            guard incident[plan]?.mayRun == true, incident.isOpen else { return [] }
            return order == 0
                ? [.rolloutAborted(plan: plan, by: "bob", reason: "")]
                : [.rolloutPaused(plan: plan, by: "bob", reason: "")]
        }
        decide(after: world.span(130_000, 200_000), index) { incident in
            incident[plan]?.isPaused == true ? [.rolloutResumed(plan: plan, by: "bob")] : []
        }
    }

    /// Somebody freezes what a case would do by itself, for some time.
    private func planFreeze(_ index: Int) {
        guard world.chance(0.3) else { return }
        let service: String? = world.chance(0.5) ? cases[index].value : nil
        let time = world.span(1_000, 90_000)
        decide(after: world.span(0, 60_000), index) { [self] incident in
            guard incident.isOpen, !incident.title.isEmpty else { return [] }
            let until = world.chance(0.5) ? wall + time : nil
            if until == nil {
                decide(after: time, index) { incident in
                    incident.freezes.isEmpty ? [] : [.freezeEnded(service: service, reason: "bob says so")]
                }
            }
            let freeze = Freeze(service: service, by: "bob", reason: "", since: wall, until: until)
            return [.freezeBegan(freeze: freeze)]
        }
    }

    /// People come again when the coordinator is away.
    private func decide(
        after time: Duration,
        _ index: Int,
        _ decision: @escaping (Incident) -> [IncidentEvent]
    ) {
        world.after(time) { [self] in
            guard isUp else { return decide(after: .seconds(20), index, decision) }
            if store(decision(engines[index].incident), index) { advance(index) }
        }
    }

    // MARK: What must hold

    /// The plan whose action sets a value.
    private func plan(_ value: String) -> (plan: Incident.PlanRecord, index: Int)? {
        for index in cases.indices where value.hasPrefix(cases[index].value) {
            var incident = Incident(id: cases[index].incident)
            for event in records[index] { _ = incident.apply(event) }
            return incident.plans.last { $0.value == value }.map { ($0, index) }
        }
        return nil
    }

    func value(of plan: PlanID) -> String? {
        engines.lazy.compactMap { $0.incident[plan]?.value }.first
    }

    /// A host does something: people must have wanted it, there and then.
    func judge(_ value: String, on host: SimulatedHost, at moment: Timestamp) {
        guard let (record, index) = plan(value) else {
            return world.violate("\(host.name) does \(value), which nobody ever planned")
        }
        let plan = record.sealed.plan
        if !plan.targets.contains(where: { $0.id == host.id }) {
            world.violate("\(host.name) does \(value), which is not for it")
        }
        let isApproved = signers[record.sealed.id, default: []].count >= plan.approvalsNeeded
        if !isApproved, cases[index].signature == nil {
            world.violate("\(host.name) does \(value), which nobody approved")
        }
        // A command begins some seconds after it was judged.
        if moment > plan.expires + .seconds(5) {
            world.violate("\(host.name) does \(value), which lapsed at \(plan.expires)")
        }
    }

    /// An event is about to be stored.
    private func check(_ body: IncidentEvent, _ index: Int) {
        guard case .actionTicketed(_, let id, let host, _) = body else { return }
        let incident = engines[index].incident
        guard let record = incident[id] else { return world.violate("a ticket for no plan") }
        let spread = record.sealed.plan.spread
        let tickets = incident.tickets.filter { $0.plan == id }
        let open = tickets.filter { !$0.isWell && !$0.isSettled }
        let bad = tickets.filter { $0.isSettled && !$0.isWell }
        let what = "\(cases[index].value) begins on \(host.name)"
        if !record.mayRun { world.violate("\(what), which nobody approved") }
        if tickets.contains(where: { $0.host.id == host.id }) { world.violate("\(what) once more") }
        if record.decision == .present, incident.freezes.contains(where: { $0.isOn(at: wall) }) {
            world.violate("\(what) by itself, although it is frozen")
        }
        if record.isPaused || record.aborted != nil { world.violate("\(what), which was stopped by people") }
        if bad.count > spread.errorBudget {
            world.violate("\(what) with \(bad.count) gone wrong, \(spread.errorBudget) are allowed")
        }
        if exceeded.contains(id) { world.violate("\(what) after too much went wrong") }
        if open.count >= spread.atOnce {
            world.violate("\(what) beside \(open.count) others, \(spread.atOnce) may act at once")
        }
        let reached = spread.waves.last { $0 <= tickets.count } ?? 0
        let wave = record.sealed.plan.targets.prefix(reached).map(\.id)
        if open.contains(where: { wave.contains($0.host.id) }) {
            world.violate("\(what) before the wave of \(reached) hosts has ended")
        }
        if reached == tickets.count, let last = tickets.map(\.touched).max(), wall < last + spread.soak {
            world.violate("\(what) before \(spread.soak.inSeconds) s have passed")
        }
        if record.looks.values.contains(where: \.stops) {
            world.violate("\(what) although the stop condition held")
        }
    }

    /// Once more has gone wrong than may, nothing begins any more, whatever becomes of it.
    private func watchBudgets(_ incident: Incident) {
        for plan in incident.plans {
            let tickets = incident.tickets.filter { $0.plan == plan.sealed.id && $0.isSettled && !$0.isWell }
            let bad = tickets.count { $0.keep != false || $0.state != .rolledBack }
            if bad > plan.sealed.plan.spread.errorBudget { exceeded.insert(plan.sealed.id) }
        }
    }

    // MARK: Broken on purpose

    private func hurry(_ index: Int) {
        let incident = engines[index].incident
        guard incident.isOpen, let plan = incident.plans.last, plan.mayRun else { return }
        let begun = Set(incident.tickets.map(\.host.id))
        for host in plan.sealed.plan.targets where !begun.contains(host.id) {
            store(
                [
                    .actionTicketed(
                        ticket: newTicket(),
                        plan: plan.sealed.id,
                        host: host,
                        expires: plan.sealed.plan.expires
                    )
                ],
                index
            )
        }
    }
}

extension Incident.PlanRecord {
    /// The value that its action sets.
    fileprivate var value: String {
        if case .command(_, let parameters) = sealed.plan.action { parameters["to"] ?? "" } else { "" }
    }
}

extension IncidentDirective {
    /// The ticket that a courier has to do with.
    fileprivate var ticket: TicketID? {
        switch self {
        case .deliver(let ticket), .follow(let ticket), .conclude(let ticket, _): ticket
        default: nil
        }
    }
}
