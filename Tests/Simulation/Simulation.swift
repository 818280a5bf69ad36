import MusterCore
import MusterIdentity
import MusterIncident
import MusterTesting
import MusterWire

@testable import MusterAgent

/// What is broken on purpose, to see that it is found.
enum PlantedFault: String, CaseIterable {
    /// Disks that say they have synced and have not.
    case lyingDisk = "lying-disk"
    /// A coordinator that begins all hosts at once.
    case hastyCoordinator = "hasty-coordinator"
    /// Hosts that never look at their deadlines.
    case sleepyHost = "sleepy-host"
}

/// What came of one seed.
struct SimulationResult {
    var seed: UInt64
    /// Things that happened: messages, turns, decisions, faults.
    var steps: Int
    /// What must never be, and was; empty when all went well.
    var violations: [String]
    /// Equal for equal runs.
    var fingerprint: UInt64
    var trace: [String]
    /// How actions ended, by state.
    var ends: [String: Int]
    var crashes: Int
}

/// A coordinator and its hosts in one event loop: all that happens follows from the seed.
///
/// The engines are the product's own: ``IncidentEngine`` with its rollouts, ``CourierEngine``, ``ActionDesk`` with its ledger,
/// judge, policy file and real signatures. Simulated are the clock, the network, the disks, the commands and the people.
final class Simulation {
    /// Faults strike until then.
    static let troubled = Duration.seconds(400)
    /// By then everything must have come to its end.
    static let end = Duration.seconds(4_000)
    static let epoch = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    let seed: UInt64
    let planted: PlantedFault?
    let people: SimulatedPeople
    var random: SplitMix64
    let faults: SimulatedFaults
    private(set) var now = Duration.zero
    private(set) var hosts: [SimulatedHost] = []
    private(set) lazy var coordinator = SimulatedCoordinator(cases: cases, world: self)
    private let cases: [SimulatedCase]
    private(set) var steps = 0
    private(set) var crashes = 0
    private(set) var violations: [String] = []
    /// Tickets as they were sent: what an eavesdropper with the coordinator's disk holds.
    var stolen: [WireTicket] = []
    private var queue = SimulatedQueue()
    private var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325
    private var trace: [String] = []
    private let keepsTrace: Bool

    init(seed: UInt64, planted: PlantedFault? = nil, folder: String, keepsTrace: Bool = false) throws {
        self.seed = seed
        self.planted = planted
        self.keepsTrace = keepsTrace
        random = SplitMix64(seed: seed)
        faults = SimulatedFaults(&random)
        people = try SimulatedPeople()
        let count = 1 + Int(random.next() % 8)
        var cases: [SimulatedCase] = []
        for number in 0..<1 + Int(random.next() % 3) {
            cases.append(try SimulatedCase(number: number, hosts: count, people: people, &random))
        }
        self.cases = cases
        let policy = "\(folder)/policy.yaml"
        try SafeFile.write(
            policy,
            Array(people.policy(for: cases, settles: random.next() & 1 == 0).utf8),
            mode: 0o600
        )
        hosts = try (0..<count).map { try SimulatedHost(number: $0, policy: policy, world: self) }
    }

    /// Plays it to its end.
    func run() -> SimulationResult {
        for host in hosts { host.start() }
        coordinator.start()
        planFaults()
        while let event = queue.next(), event.at <= Self.end, violations.isEmpty {
            now = event.at
            steps += 1
            event.act()
            for host in hosts { host.check() }
        }
        if violations.isEmpty { checkEnd() }
        var ends: [String: Int] = [:]
        for ticket in coordinator.incidents.flatMap(\.tickets) {
            ends[ticket.lost ? "lost" : ticket.state?.rawValue ?? "unknown", default: 0] += 1
        }
        return SimulationResult(
            seed: seed,
            steps: steps,
            violations: violations,
            fingerprint: fingerprint,
            trace: trace,
            ends: ends,
            crashes: crashes
        )
    }

    // MARK: Time and chance

    /// Lets something happen later; what falls on the same moment happens in the order in which it was planned.
    func after(_ delay: Duration, _ act: @escaping () -> Void) { queue.add(at: now + delay, act) }

    func chance(_ share: Double) -> Bool { share > 0 && random.unit() < share }

    func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    /// From `least` up to `most`, in milliseconds.
    func span(_ least: Int, _ most: Int) -> Duration { .milliseconds(least + below(most - least + 1)) }

    var isTroubled: Bool { now < Self.troubled }

    func tell(_ line: @autoclosure () -> String) {
        let text = "\(now.inSeconds.text(decimals: 3)) \(line())"
        for byte in text.utf8 { fingerprint = (fingerprint ^ UInt64(byte)) &* 0x100_0000_01B3 }
        if keepsTrace { trace.append(text) }
    }

    func violate(_ text: String) {
        tell("VIOLATION \(text)")
        violations.append(text)
    }

    // MARK: The network

    /// Brings a message over, late, twice, out of order or not at all.
    func send(to host: SimulatedHost, _ deliver: @escaping () -> Void) {
        guard !isLost(host) else { return }
        for _ in 0..<(isTroubled && chance(faults.duplicates) ? 2 : 1) { after(delay, deliver) }
    }

    private func isLost(_ host: SimulatedHost) -> Bool {
        isTroubled && (host.isCutOff || chance(faults.loses))
    }

    private var delay: Duration {
        isTroubled ? span(1, chance(0.1) ? faults.delayMax : 50) : span(1, 20)
    }

    // MARK: Faults

    private func planFaults() {
        for host in hosts {
            disturb(host)
            after(Self.troubled + .seconds(1)) { host.recover() }
        }
        every(faults.coordinatorCrashes) { [self] in
            crashes += 1
            coordinator.crash(for: span(100, 60_000))
        }
        every(.seconds(40)) { [self] in intrude() }
        after(Self.troubled) { [self] in
            tell("the world is well again")
            coordinator.isFrail = false
        }
    }

    private func disturb(_ host: SimulatedHost) {
        every(faults.hostCrashes) { [self] in
            crashes += 1
            host.crash(powerCut: chance(0.5), for: span(50, 30_000))
        }
        every(.seconds(60)) { [self] in
            host.isCutOff = true
            after(span(100, 90_000)) { host.isCutOff = false }
        }
        every(.seconds(120)) { [self] in
            if chance(faults.clockJumps) { host.wallOffset += span(-60_000, 60_000) }
        }
        host.disk.faults = faults.disk
    }

    /// Again and again while there is trouble, at random intervals around the mean.
    private func every(_ mean: Duration?, _ act: @escaping () -> Void) {
        guard let mean else { return }
        let wait = mean * (0.2 + 1.6 * random.unit())
        after(wait) { [self] in
            guard isTroubled else { return }
            act()
            every(mean, act)
        }
    }

    /// Somebody who holds all that the coordinator holds tries his luck.
    private func intrude() {
        guard !hosts.isEmpty else { return }
        let host = hosts[below(hosts.count)]
        guard var wire = stolen.isEmpty ? nil : stolen[below(stolen.count)] else { return }
        let kind = below(5)
        do {
            var ticket = try Ticket(wire) { Sealing.planID($0) }
            switch kind {
            case 0: break  // The same once more, here or elsewhere.
            case 1:
                ticket.id = coordinator.newTicket()
                ticket.agent = host.id
            case 2: (ticket.approvals, ticket.preApproval) = ([], nil)
            case 3:
                ticket.id = coordinator.newTicket()
                ticket.agent = host.id
                let changed = people.evil(ticket.plan.plan, number: below(1_000))
                ticket.plan = try WireCodec.sealed(changed) { Sealing.planID($0) }
            default: ticket.expires = ticket.expires + .seconds(3_600)
            }
            wire = WireTicket(ticket)
        } catch {
            return violate("an intruder can't make a ticket: \(error)")
        }
        tell("an intruder sends \(host.name) a ticket (\(kind))")
        after(delay) { host.receive(wire) }
    }

    // MARK: The end

    private func checkEnd() {
        for incident in coordinator.incidents {
            for ticket in incident.unsettled {
                violate(
                    "ticket \(ticket.id) on \(ticket.host.name) never came to an end (\(ticket.state?.rawValue ?? "-"))"
                )
            }
            for ticket in incident.tickets where ticket.state == .rollbackFailed {
                if !incident.told.contains(.rollbackFailed(ticket: ticket.id)) {
                    violate("nobody was told that \(ticket.host.name) could not go back")
                }
            }
        }
        for host in hosts { host.checkEnd(coordinator.incidents) }
    }
}

/// How bad a seed's world is.
struct SimulatedFaults {
    var loses: Double
    var duplicates: Double
    /// In milliseconds.
    var delayMax: Int
    /// Mean time between crashes; nil for none.
    var hostCrashes: Duration?
    var coordinatorCrashes: Duration?
    var clockJumps: Double
    var disk: SimulatedDisk.Faults
    /// Of commands.
    var fails: Double
    /// Of writes to the coordinator's record.
    var storeFails: Double

    init(_ random: inout SplitMix64) {
        // A third of the worlds is calm in each respect, so that one kind of trouble is also met alone.
        func share(_ most: Double) -> Double { random.unit() < 0.33 ? 0 : random.unit() * most }
        func mean(_ seconds: Double) -> Duration? {
            random.unit() < 0.33 ? nil : .seconds(seconds * (0.3 + random.unit()))
        }
        loses = share(0.3)
        duplicates = share(0.3)
        delayMax = 100 + Int(share(1) * 20_000)
        hostCrashes = mean(80)
        coordinatorCrashes = mean(80)
        clockJumps = share(1)
        disk = SimulatedDisk.Faults(
            appendFails: share(0.15),
            syncFails: share(0.1),
            losesPower: share(0.03)
        )
        fails = share(0.3)
        storeFails = share(0.1)
    }
}

/// What will happen, by time and then by the order in which it was planned.
struct SimulatedQueue {
    struct Event {
        var at: Duration
        var number: UInt64
        var act: () -> Void

        func isBefore(_ other: Event) -> Bool { (at, number) < (other.at, other.number) }
    }

    /// A binary heap.
    private var events: [Event] = []
    private var number: UInt64 = 0

    mutating func add(at moment: Duration, _ act: @escaping () -> Void) {
        number += 1
        events.append(Event(at: moment, number: number, act: act))
        var child = events.count - 1
        while child > 0, events[child].isBefore(events[(child - 1) / 2]) {
            events.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> Event? {
        guard let last = events.popLast() else { return nil }
        guard let first = events.first else { return last }
        events[0] = last
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < events.count }
            guard let least = children.min(by: { events[$0].isBefore(events[$1]) }),
                events[least].isBefore(events[parent])
            else { return first }
            events.swapAt(least, parent)
            parent = least
        }
    }
}
