import MusterCore
import MusterIdentity
import MusterTesting
import MusterWire
import Synchronization

@testable import MusterAgent

/// Runs nothing, and ends as the test says.
final class PuppetPerformer: ActionPerformer {
    let outcomes = Mutex<[String: PerformanceOutcome]>([:])
    let performed = Mutex<[String]>([])
    /// What the host's own look at a runbook's check says; nil when it holds.
    let objections = Mutex<String?>(nil)

    func perform(_ execution: Execution) -> PerformanceOutcome {
        let text =
            switch execution {
            case .command(let command): command.argv.dropFirst().joined(separator: " ")
            case .sql(let sql): sql.statement
            }
        performed.withLock { $0.append(text) }
        return outcomes.withLock { $0[text] } ?? .succeeded(ActionResult(output: "fine"))
    }

    func objection(to check: RunbookCheck) -> String? { objections.withLock { $0 } }
}

/// What an agent has logged.
final class AgentLogLines: Sendable {
    let lines = Mutex<[String]>([])

    /// How many lines of a level have this message and name the ticket.
    func count(_ level: AgentLog.Level, _ message: String, _ ticket: Ticket) -> Int {
        lines.withLock { lines in
            lines.count {
                $0.contains(" level=\(level.rawValue) msg=\(AgentLog.quoted(message)) ")
                    && $0.contains("ticket.id=\(ticket.id)")
            }
        }
    }
}

/// An agent's desk that may be killed and started again.
final class DeskWorld {
    let directory: TemporaryDirectory
    let tickets: TestTickets
    let puppet = PuppetPerformer()
    /// The agent's log.
    let log = AgentLogLines()
    var now = TestTickets.now
    var uptime = Duration.seconds(1_000)
    private(set) var desk: ActionDesk?
    /// What another thread would be doing.
    private(set) var works: [@Sendable () -> ActionDesk.Completion] = []

    init() throws {
        directory = try TemporaryDirectory()
        tickets = try TestTickets()
        try writePolicy()
        try LedgerFile.beginForTest(folder: directory.root)
        try start()
    }

    func writePolicy(_ change: (String) -> String = { $0 }) throws {
        let text = """
            approvers:
              - { name: ana, key: "\(Base64.text(tickets.ana.publicKey))" }
              - { name: bob, key: "\(Base64.text(tickets.bob.publicKey))" }
            actions:
              - name: rollback_shop
                argv: ["/bin/echo", "{to}"]
                parameters: { to: { kind: version } }
              - { name: healthy, argv: ["/bin/echo", "healthy"], class: observe }
            sql:
              - { target: orders, allow: preapproved }
            runbooks:
              preapproval: true
              signers:
                - { name: ana, key: "\(Base64.text(tickets.ana.publicKey))" }
              sha256: ["\(SHA256.hash(Array(TestTickets.runbook.utf8)))"]

            """
        try directory.write("policy.yaml", Array(change(text).utf8))
    }

    /// Where the ledger is.
    private var folder = ""

    /// Starts it with a new ledger in another folder.
    func move(to folder: String) throws {
        self.folder = folder
        try LedgerFile.beginForTest(folder: folder)
        try start()
    }

    /// Ends it, so that its files can be taken away.
    func leave() { desk = nil }

    /// Starts it, after a crash or for the first time.
    func start() throws {
        works = []
        desk = nil
        let desk = ActionDesk(
            ledger: try LedgerFile(folder: folder.isEmpty ? directory.root : folder),
            policy: PolicyFile(path: directory.path("policy.yaml"), state: directory.root),
            freezes: FreezeFile(folder: directory.root),
            agent: tickets.agent,
            reading: SignedTicketReader(),
            performer: puppet,
            log: AgentLog { [log] line in log.lines.withLock { $0.append(line) } },
            uptime: { [unowned self] in uptime },
            work: { [unowned self] work in
                works.append(work)
                return true
            }
        )
        desk.recover(now: now)
        self.desk = desk
    }

    func ticket(
        to version: String,
        commitWithin: Duration = .seconds(60),
        verification: HostVerification? = nil
    ) throws -> Ticket {
        var plan = tickets.plan(
            .command(name: "rollback_shop", parameters: ["to": version]),
            rollback: .command(name: "rollback_shop", parameters: ["to": "not-\(version)"]),
            commitWithin: commitWithin,
            at: now
        )
        plan.verification = verification
        return try tickets.ticket(plan)
    }

    /// Lets so much time pass on every clock.
    func wait(_ time: Duration) {
        uptime += time
        now = now + time
        _ = desk?.tick(now: now)
    }

    /// Hands a ticket over; returns why it is refused, nil when it is not.
    @discardableResult
    func receive(_ ticket: Ticket) throws -> String? {
        let told = try desk?.receive(WireTicket(ticket), now: now)
        let report = told ?? desk?.answer(ticket: ticket.id, rowsMax: 1).entries.first
        return report?.state == .refused ? report?.reason : nil
    }

    /// Ends the oldest work that is under way.
    func work() {
        guard !works.isEmpty else { return }
        desk?.completed(works.removeFirst()(), now: now)
    }

    func workAll() { while !works.isEmpty { work() } }

    func state(_ ticket: Ticket) -> ActionState? {
        desk?.answer(ticket: ticket.id, rowsMax: 1).entries.first?.state
    }

    func reason(_ ticket: Ticket) -> String {
        desk?.answer(ticket: ticket.id, rowsMax: 1).entries.first?.reason ?? ""
    }

    var performed: [String] { puppet.performed.withLock { $0 } }

    func ends(_ text: String, _ outcome: PerformanceOutcome) {
        puppet.outcomes.withLock { $0[text] = outcome }
    }
}

extension LedgerFile {
    /// As joining does, a while before the tests' plans; one that is there stays.
    static func beginForTest(folder: String) throws {
        guard try SafeFile.read("\(folder)/\(name)", bytesMax: bytesMax) == nil else { return }
        _ = try begin(folder: folder, reason: "joined", now: TestTickets.now - .seconds(60))
    }
}
