import MusterCore
import MusterIdentity
import Synchronization

@testable import MusterCoordinator

/// Hosts that answer what they were told to; a host without an answer is out of reach.
final class ScriptedFleet: Fleet {
    private let list: [FleetHost]
    private let answer: @Sendable (FleetHost, Probe) -> Answer?
    /// How long the last host takes.
    private let slowness: Duration
    /// Whether answers come with a signature, which is nobody's.
    private let seals: Bool
    private let asked = Mutex<[(probe: Probe, hosts: [AgentID])]>([])
    let events: AsyncStream<FleetEvent>

    convenience init(
        _ hosts: [FleetHost] = [],
        answers: [AgentID: Answer] = [:],
        slowness: Duration = .zero,
        seals: Bool = false
    ) {
        self.init(hosts, slowness: slowness, seals: seals) { host, _ in answers[host.id] }
    }

    /// Hosts whose answers depend on the question.
    init(
        _ hosts: [FleetHost],
        slowness: Duration = .zero,
        seals: Bool = false,
        answer: @escaping @Sendable (FleetHost, Probe) -> Answer?
    ) {
        self.seals = seals
        self.slowness = slowness
        self.list = hosts
        self.answer = answer
        self.events = AsyncStream { $0.finish() }
    }

    var questions: [(probe: Probe, hosts: [AgentID])] { asked.withLock { $0 } }
    var probes: [Probe] { questions.map(\.probe) }

    static func host(_ name: String, labels: [String: String] = [:]) -> FleetHost {
        var host = FleetHost(id: SHA256.hash(Array(name.utf8)), name: name, labels: labels)
        host.state = .connected
        return host
    }

    func hosts() async -> [FleetHost] { list }

    func ask(
        _ probe: Probe,
        of hosts: [AgentID],
        budget: QuestionBudget,
        purpose: QuestionPurpose,
        onReply: (@Sendable (HostReply) -> Void)?
    ) async -> FleetReply {
        asked.withLock { $0.append((probe, hosts)) }
        var replies: [HostReply] = []
        for host in list where hosts.contains(host.id) {
            if host == list.last { try? await Task.sleep(for: slowness) }
            let answer = answer(host, probe)
            let outcome = answer == nil ? Outcome(.unreachable, reason: "no connection") : Outcome(.ok)
            let signature = AnswerSignature(taken: .zero, digest: host.id, publicKey: [], signature: [])
            let reply = HostReply(
                host: host.reference,
                outcome: outcome,
                answer: answer,
                sealed: seals ? SealedAnswer(bytes: [1], signature: signature) : nil
            )
            onReply?(reply)
            replies.append(reply)
        }
        return FleetReply(question: QuestionID(at: .zero), probe: probe, replies: replies)
    }

    func send(_ ticket: Ticket) async throws(FleetError) {
        throw FleetError(.unreachable, "these hosts don't act")
    }

    func commit(_ ticket: TicketID, on host: AgentID) async throws(FleetError) {
        throw FleetError(.unreachable, "these hosts don't act")
    }

    func tellFreezes() async -> Set<AgentID> { Set(list.map(\.id)) }

    func abort(_ ticket: TicketID, on host: AgentID, reason: String) async throws(FleetError) {
        throw FleetError(.unreachable, "these hosts don't act")
    }
}

/// Tokens and revocations in memory.
actor MemoryAdministration: FleetAdministration {
    private(set) var made: [FleetToken] = []
    private(set) var revoked: [AgentID: String] = [:]

    func createToken(
        labels: [String: String],
        uses: Int,
        life: Duration,
        by creator: String
    ) async throws(FleetError) -> JoinToken {
        guard (1...10_000).contains(uses) else { throw FleetError(.invalid, "uses: 1 to 10000") }
        let token = JoinToken(pin: .zero)
        made.append(
            FleetToken(
                id: token.id,
                labels: labels,
                uses: uses,
                created: .zero,
                expires: .zero + life,
                creator: creator
            )
        )
        return token
    }

    func tokens() async throws(FleetError) -> [FleetToken] { made.reversed() }

    func revokeToken(_ id: String) async throws(FleetError) {
        guard let index = made.firstIndex(where: { $0.id == id }) else {
            throw FleetError(.unknown, "no such token")
        }
        made[index].revoked = true
    }

    func release(_ host: AgentID) async throws(FleetError) { revoked[host] = nil }

    func revoke(_ host: AgentID, reason: String) async throws(FleetError) { revoked[host] = reason }
}
