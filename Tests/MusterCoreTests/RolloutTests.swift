import MusterCore
import MusterTesting
import Testing

@testable import MusterIncident

/// How an action spreads over many hosts, and what stops it.
@Suite struct RolloutTests {
    private static let start = IncidentSamples.start

    private static func plan(
        _ hosts: Int,
        waves: [Int],
        soak: Duration = .zero,
        budget: Int = 0,
        atOnce: Int = 1_000,
        stopWhen: String = ""
    ) -> SealedPlan {
        var sealed = IncidentSamples.plan(on: (0..<hosts).map { host($0) })
        sealed.plan.rollout = Rollout(
            waves: waves,
            soak: soak,
            errorBudget: budget,
            atOnce: atOnce,
            stopWhen: stopWhen
        )
        return sealed
    }

    private static func host(_ number: Int) -> HostReference {
        var bytes = [UInt8](repeating: 0, count: 32)
        (bytes[30], bytes[31]) = (UInt8(number >> 8), UInt8(number & 0xFF))
        return HostReference(id: Digest(bytes: bytes) ?? IncidentSamples.digest(0), name: "host-\(number)")
    }

    /// A plan that is being carried out, with hosts that say what the test wants.
    private struct World {
        var record: Incident.PlanRecord
        var tickets: [Incident.TicketRecord] = []
        var now = RolloutTests.start

        init(_ plan: SealedPlan) {
            record = Incident.PlanRecord(sealed: plan, doubts: [])
            record.decision = .approved([])
        }

        var next: RolloutEngine.Step { RolloutEngine(record: record, tickets: tickets).next(now: now) }

        mutating func begin(_ host: HostReference) {
            tickets.append(
                Incident.TicketRecord(
                    id: IncidentSamples.ticket(UInt64(tickets.count + 1)),
                    plan: record.sealed.id,
                    host: host,
                    expires: record.sealed.plan.expires,
                    waits: true,
                    touched: now
                )
            )
        }

        mutating func report(_ index: Int, _ state: ActionState) {
            tickets[index].report = ActionReport(
                ticket: tickets[index].id,
                plan: record.sealed.id,
                state: state,
                at: now,
                reason: ""
            )
            tickets[index].touched = now
        }

        /// Begins what may begin; returns how many.
        mutating func beginAll() -> Int {
            guard case .begin(let hosts) = next else { return 0 }
            for host in hosts { begin(host) }
            return hosts.count
        }
    }

    @Test("Each wave begins when all of the one before went well, and has soaked")
    func waves() {
        var world = World(Self.plan(10, waves: [1, 3, 10], soak: .seconds(30)))
        #expect(world.beginAll() == 1)
        #expect(world.next == .wait(until: nil))
        world.report(0, .running)
        #expect(world.next == .wait(until: nil))
        world.report(0, .done)
        #expect(world.next == .wait(until: Self.start + .seconds(30)))
        world.now = Self.start + .seconds(29)
        #expect(world.beginAll() == 0)
        world.now = Self.start + .seconds(30)
        #expect(world.beginAll() == 2)
        world.report(1, .done)
        #expect(world.next == .wait(until: nil))
        world.report(2, .done)
        world.now = Self.start + .seconds(60)
        #expect(world.beginAll() == 7)
        for index in 3..<10 { world.report(index, .done) }
        #expect(world.next == .finished)
    }

    @Test("No more hosts act at once than the plan says")
    func atOnce() {
        var world = World(Self.plan(10, waves: [10], atOnce: 3))
        #expect(world.beginAll() == 3)
        #expect(world.beginAll() == 0)
        world.report(1, .done)
        #expect(world.beginAll() == 1)
        #expect(world.tickets.map(\.host) == (0..<4).map { Self.host($0) })
    }

    @Test("A host is named once, in whatever order the others' tickets were stored")
    func order() {
        var world = World(Self.plan(4, waves: [4], atOnce: 2))
        world.begin(Self.host(2))
        #expect(world.next == .begin([Self.host(0)]))
        world.begin(Self.host(0))
        world.report(0, .done)
        #expect(world.next == .begin([Self.host(1)]))
    }

    @Test(
        "What goes wrong counts against the budget however it does",
        arguments: [ActionState.failed, .refused, .indeterminate, .rolledBack, .rollbackFailed]
    )
    func budget(_ state: ActionState) {
        var world = World(Self.plan(10, waves: [1, 10], budget: 1, atOnce: 2))
        _ = world.beginAll()
        world.report(0, state)
        #expect(world.beginAll() == 2)
        world.report(1, state)
        #expect(world.next == .stop(reason: "2 hosts; first action on host-0: \(state.rawValue)"))
        world.report(2, .done)
        #expect(world.beginAll() == 0)
    }

    @Test("What is taken back because a rollout stopped is not why it stopped")
    func cause() {
        var world = World(Self.plan(3, waves: [1, 3]))
        _ = world.beginAll()
        world.report(0, .done)
        _ = world.beginAll()
        world.report(2, .failed)
        world.tickets[0].keep = false
        world.report(0, .rolledBack)
        #expect(world.next == .stop(reason: "action on host-2: failed"))
    }

    @Test("A host that is never heard of again counts, and none begins while it is waited for")
    func lost() {
        var world = World(Self.plan(3, waves: [1, 3]))
        _ = world.beginAll()
        world.now = Self.start + .seconds(300)
        #expect(world.next == .wait(until: nil))
        world.tickets[0].lost = true
        #expect(world.next == .stop(reason: "action on host-0: indeterminate"))
    }

    @Test("Where hosts verify by themselves a wave waits until they have")
    func verifying() {
        var world = World(Self.plan(2, waves: [1, 2]))
        _ = world.beginAll()
        world.tickets[0].verifiesItself = true
        world.report(0, .done)
        #expect(world.next == .wait(until: nil))
        world.report(0, .committed)
        #expect(world.next == .begin([Self.host(1)]))
    }

    @Test("A rollout that is paused begins nothing, one that was ended stops")
    func steering() {
        var world = World(Self.plan(5, waves: [1, 5]))
        _ = world.beginAll()
        world.report(0, .done)
        world.record.isPaused = true
        #expect(world.next == .wait(until: nil))
        world.record.isPaused = false
        #expect(world.beginAll() == 4)
        world.record.aborted = "ended by ana"
        #expect(world.next == .stop(reason: "ended by ana"))
    }

    @Test("The stop condition is looked at before each wave but the first")
    func looking() {
        var world = World(Self.plan(9, waves: [1, 3, 9], stopWhen: "Error ratio > 20%"))
        #expect(world.beginAll() == 1)
        world.report(0, .done)
        #expect(world.next == .look(wave: 1))
        world.record.looks[1] = .init(stops: false, text: "Error ratio is 12%")
        #expect(world.beginAll() == 2)
        world.report(1, .done)
        world.report(2, .done)
        #expect(world.next == .look(wave: 2))
        world.record.looks[2] = .init(stops: true, text: "Error ratio is 25%")
        #expect(world.next == .stop(reason: "Error ratio is 25%"))
    }

    @Test("A plan that lapses begins no further host, and ends when those that have begun do")
    func lapse() {
        var world = World(Self.plan(3, waves: [1, 3]))
        _ = world.beginAll()
        world.now = Self.start + .seconds(600)
        #expect(world.next == .wait(until: nil))
        world.report(0, .done)
        guard case .stop(let reason) = world.next else {
            Issue.record("\(world.next)")
            return
        }
        #expect(reason.hasSuffix("lapsed before all hosts had acted"))
    }

    /// Whatever hosts do and in whatever order it is heard: bounds hold at every step, and it ends.
    @Test(arguments: 0..<200)
    func anyOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let hosts = Int.random(in: 1...40, using: &random)
        let budget = Int.random(in: 0..<max(1, hosts), using: &random)
        let rollout = RunbookRollout().resolved(hosts: hosts, atOnce: Int.random(in: 1...10, using: &random))
        let badness = Double.random(in: 0...0.5, using: &random)
        var world = World(Self.plan(hosts, waves: rollout.waves, budget: budget, atOnce: rollout.atOnce))
        var beganAfterStop = 0
        for _ in 0..<10_000 {
            let bad = world.tickets.count { $0.isBad }
            let open = world.tickets.indices.filter {
                !world.tickets[$0].isWell && !world.tickets[$0].isSettled
            }
            #expect(open.count <= rollout.atOnce)
            if case .begin(let next) = world.next, let host = next.randomElement(using: &random),
                Bool.random(using: &random)
            {
                if bad > budget { beganAfterStop += 1 }
                let wave = rollout.waves.first { $0 > world.tickets.count } ?? 0
                #expect(world.record.sealed.plan.targets.prefix(wave).contains(host))
                #expect(!world.tickets.contains { $0.host == host })
                world.begin(host)
            } else if let index = open.randomElement(using: &random) {
                let isBad = Double.random(in: 0..<1, using: &random) < badness
                if isBad, Bool.random(using: &random) {
                    world.tickets[index].lost = true
                } else {
                    world.report(index, isBad ? .failed : .done)
                }
            } else if world.next == .finished {
                break
            } else if case .stop = world.next {
                break
            }
        }
        #expect(beganAfterStop == 0)
        let bad = world.tickets.count { $0.isBad }
        if bad > budget {
            guard case .stop = world.next else { return #expect(Bool(false), "\(world.next)") }
        } else {
            #expect(world.next == .finished)
            #expect(world.tickets.count == hosts)
        }
    }

    @Test func theUsualWavesOfManyAndOfFewHosts() {
        #expect(RunbookRollout().resolved(hosts: 1_000, atOnce: 9).waves == [1, 50, 250, 1_000])
        #expect(RunbookRollout().resolved(hosts: 3, atOnce: 9).waves == [1, 3])
        #expect(RunbookRollout().resolved(hosts: 1, atOnce: 9).waves == [1])
        for hosts in 1...300 {
            let rollout = RunbookRollout().resolved(hosts: hosts, atOnce: 1)
            #expect(rollout.complaint(hosts: hosts) == nil)
        }
    }

    @Test(arguments: [
        Rollout(waves: []), Rollout(waves: [0, 3]), Rollout(waves: [2, 2, 3]), Rollout(waves: [3, 1]),
        Rollout(waves: [1, 2]), Rollout(waves: [3], errorBudget: 3), Rollout(waves: [3], atOnce: 0),
    ])
    func aRolloutThatCannotBeIsRefused(_ rollout: Rollout) {
        #expect(rollout.complaint(hosts: 3) != nil)
    }
}
