import MusterCore
import MusterIdentity
import MusterTesting
import MusterWire
import Synchronization

@testable import MusterCoordinator

/// Two shop hosts that serve ten requests a second each; web-2 got a bad release a minute before the start.
///
/// Time runs ten times as fast as the wall clock, see ``PacedClock``. A host acts on a ticket once and keeps a
/// ledger; the bad release fails a quarter of the checkouts until it is rolled back.
final class SmallWorld: Fleet {
    private struct State {
        var executions: [String: Int] = [:]
        var ledgers: [AgentID: [ActionReport]] = [:]
        var rolledBack: Timestamp?
        var isReachable = true
        var rollbackHelps = true
        var trial = PlanTrial()
        /// Signs all answers instead of their hosts' own keys.
        var forger: TLSKey?
    }

    private static let keys: [String: TLSKey] = {
        var keys: [String: TLSKey] = [:]
        for name in ["web-1", "web-2"] { keys[name] = try? TLSKey.generate() }
        return keys
    }()

    let start: Timestamp
    private let clock: PacedClock
    let faultAt: Timestamp
    let healthy: FleetHost
    let sick: FleetHost
    private let state = Mutex(State())
    private let sink: AsyncStream<FleetEvent>.Continuation
    let events: AsyncStream<FleetEvent>

    init() {
        let moment = FleetConfiguration.systemClock()
        start = moment
        clock = PacedClock(from: moment, speed: 10)
        faultAt = moment - .seconds(60)
        healthy = Self.host("web-1", version: "4520")
        sick = Self.host("web-2", version: "4521")
        (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
    }

    private init(resuming world: SmallWorld) {
        (start, faultAt, healthy, sick) = (world.start, world.faultAt, world.healthy, world.sick)
        clock = world.clock
        (events, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
        let old = world.state.withLock { $0 }
        state.withLock { $0 = old }
    }

    /// The same hosts with a new connection: what a coordinator finds after it was started again.
    func reconnected() -> SmallWorld { SmallWorld(resuming: self) }

    private static func host(_ name: String, version: String) -> FleetHost {
        let id = keys[name]?.publicKeyID ?? .zero
        var host = FleetHost(id: id, name: name, labels: ["role": "web"])
        host.services = [ServiceVersion(name: "shop", version: version)]
        host.state = .connected
        return host
    }

    var now: @Sendable () -> Timestamp { { [clock] in clock.now } }

    /// How often each host acted.
    var executions: [String: Int] { state.withLock { $0.executions } }

    func cutOff() { state.withLock { $0.isReachable = false } }
    /// What its hosts say of any plan before it is carried out.
    func answerDryRuns(_ trial: PlanTrial) { state.withLock { $0.trial = trial } }
    /// From now on every answer is signed by this key.
    func forge(with key: TLSKey?) { state.withLock { $0.forger = key } }

    /// A host's own key.
    func key(of host: FleetHost) throws -> TLSKey {
        guard let key = Self.keys[host.name] else { throw SetupFailure("no key could be made") }
        return key
    }

    func makeRollbackUseless() { state.withLock { $0.rollbackHelps = false } }
    func ledger() -> [ActionReport] { state.withLock { $0.ledgers[sick.id] ?? [] } }

    // MARK: Fleet

    func hosts() async -> [FleetHost] { [healthy, sick] }

    func tellFreezes() async -> Set<AgentID> { [healthy.id, sick.id] }

    func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        purpose: QuestionPurpose,
        onReply: (@Sendable (HostReply) -> Void)?
    ) async -> FleetReply {
        let question = QuestionID(at: now())
        let replies = [healthy, sick].filter { hosts.contains($0.id) }.map { host in
            guard state.withLock({ $0.isReachable }) else {
                return HostReply(
                    host: host.reference,
                    outcome: Outcome(.unreachable, reason: "cut off"),
                    answer: nil
                )
            }
            let answer = answer(probe, host)
            return HostReply(
                host: host.reference,
                outcome: Outcome(.ok),
                answer: answer,
                sealed: purpose == .evidence ? try? sealed(answer, to: question, by: host) : nil
            )
        }
        return FleetReply(question: question, probe: probe, replies: replies)
    }

    private func sealed(
        _ answer: Answer,
        to question: QuestionID,
        by host: FleetHost
    ) throws -> SealedAnswer {
        let chunks = AnswerChunker(answer, to: question, bytesMax: 1 << 20).chunks
        let bytes = try chunks.flatMap { try $0.asSealed().signedBytes }
        let key = try state.withLock { $0.forger } ?? key(of: host)
        let (taken, digest) = (now(), SHA256.hash(bytes))
        let signed = Sealing.evidenceBytes(question: question, agent: host.id, taken: taken, digest: digest)
        return SealedAnswer(
            bytes: bytes,
            signature: AnswerSignature(
                taken: taken,
                digest: digest,
                publicKey: key.publicKey,
                signature: try key.sign(signed)
            )
        )
    }

    private func answer(_ probe: Probe, _ host: FleetHost) -> Answer {
        switch probe {
        case .requests(let window, _, let salt, let bucket):
            return .requests(requests(window, salt: salt, bucketSeconds: bucket, on: host))
        case .changes:
            var answer = ChangesAnswer()
            if host.id == sick.id {
                answer.changes = [
                    Change(
                        kind: .deploy,
                        at: faultAt - .seconds(1),
                        service: "shop",
                        hosts: [host.name],
                        summary: "shop 4520 -> 4521",
                        actor: "sarah",
                        before: "4520",
                        after: "4521",
                        reference: "4521"
                    )
                ]
            }
            return .changes(answer)
        case .ledger(let ticket):
            var answer = LedgerAnswer()
            let entries = state.withLock { $0.ledgers[host.id] ?? [] }
            answer.entries = entries.filter { ticket == nil || $0.ticket == ticket }
            return .ledger(answer)
        case .dryRun: return .dryRun(state.withLock { $0.trial })
        case .logs: return .logs(LogsAnswer())
        case .metrics: return .metrics(MetricsAnswer())
        case .anomalies: return .anomalies(AnomaliesAnswer())
        case .processes: return .processes(ProcessesAnswer())
        case .sockets: return .sockets(SocketsAnswer())
        case .dependencies: return .dependencies(DependenciesAnswer())
        case .facts:
            var answer = FactsAnswer()
            answer.facts = [
                "service.shop.version": host.id == sick.id ? "4521" : "4520",
                "config./etc/shop.conf.hash": "ab",
            ]
            return .facts(answer)
        case .sql:
            var answer = SQLAnswer()
            answer.value = "38"
            return .sql(answer)
        }
    }

    /// One request in a tenth of a second: every fourth of a bad release fails, users take turns.
    private func requests(
        _ window: TimeWindow,
        salt: [UInt8],
        bucketSeconds: Int,
        on host: FleetHost
    ) -> RequestsAnswer {
        var endpoint = EndpointRequests(service: "shop", method: "GET", path: "/api/checkout")
        var buckets: [Int64: RequestBucket] = [:]
        let (rolledBack, helps) = state.withLock { ($0.rolledBack, $0.rollbackHelps) }
        let step: Int64 = 100_000_000
        let first = max(window.from, start - .seconds(600)).nanoseconds / step + 1
        let last = min(window.to, now()).nanoseconds / step
        for tick in first...max(first, last) where tick <= last {
            let at = Timestamp(nanoseconds: tick * step)
            let isBad =
                host.id == sick.id && at >= faultAt
                && (!helps || at < rolledBack ?? Timestamp(nanoseconds: .max))
            let fails = isBad && tick % 4 == 0
            endpoint.count += 1
            if fails { endpoint.errors += 1 }
            endpoint.latency.add(10)
            let user = Array("user-\(tick % 400)".utf8)
            endpoint.users.add(user, salt: salt)
            if fails { endpoint.usersFailed.add(user, salt: salt) }
            guard bucketSeconds > 0 else { continue }
            let width = Int64(bucketSeconds) * 1_000_000_000
            let from = at.nanoseconds / width * width
            var bucket =
                buckets[from] ?? RequestBucket(from: Timestamp(nanoseconds: from), count: 0, errors: 0)
            bucket.count += 1
            if fails { bucket.errors += 1 }
            buckets[from] = bucket
        }
        endpoint.buckets = buckets.values.sorted { $0.from < $1.from }
        var answer = RequestsAnswer()
        answer.endpoints = endpoint.count > 0 ? [endpoint] : []
        answer.covered = window
        return answer
    }

    // MARK: Acting

    func send(_ ticket: Ticket) async throws(FleetError) {
        let isNew = try state.withLock { (state) throws(FleetError) in
            guard state.isReachable else { throw FleetError(.unreachable, "cut off") }
            guard state.ledgers[ticket.agent]?.contains(where: { $0.ticket == ticket.id }) != true else {
                return false
            }
            let host = ticket.agent == sick.id ? sick : healthy
            state.executions[host.name, default: 0] += 1
            state.rolledBack = now()
            return true
        }
        guard isNew else { return }
        report(ticket, .running)
        report(ticket, .done)
    }

    private func report(_ ticket: Ticket, _ newState: ActionState) {
        tell(
            ActionReport(ticket: ticket.id, plan: ticket.plan.id, state: newState, at: now()),
            on: ticket.agent
        )
    }

    private func tell(_ report: ActionReport, on host: AgentID) {
        state.withLock { state in
            state.ledgers[host, default: []].removeAll { $0.ticket == report.ticket }
            state.ledgers[host, default: []].append(report)
        }
        sink.yield(.actionReport(host == sick.id ? sick.reference : healthy.reference, report))
    }

    func commit(_ ticket: TicketID, on host: AgentID) async throws(FleetError) {
        settle(ticket, host, .committed)
    }

    func abort(_ ticket: TicketID, on host: AgentID, reason: String) async throws(FleetError) {
        settle(ticket, host, .rolledBack)
    }

    private func settle(_ ticket: TicketID, _ host: AgentID, _ newState: ActionState) {
        let known = state.withLock { $0.ledgers[host]?.last { $0.ticket == ticket } }
        guard var report = known, !report.state.isFinal else { return }
        (report.state, report.at) = (newState, now())
        tell(report, on: host)
    }
}
