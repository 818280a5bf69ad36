import CLinux
import Glibc
import MusterCore
import MusterIdentity
import MusterWire

/// The agent's main thread: owns the link, the questions in flight and the actions, and waits for all of them.
final class AgentLoop {
    let configuration: AgentConfiguration
    let endpoint: Endpoint
    let host: any ObservedHost
    let log: AgentLog
    let mailbox: Mailbox<AgentMessage>
    let loop: EventLoop
    let questions: QuestionDesk
    let actions: ActionDesk
    private let observer: Observer

    var identity: AgentIdentity
    var engine: LinkEngine
    var connection: LinkConnection?
    var outbox = Outbox()
    var counter = EnvelopeCounter()
    /// Reports sent on this connection: their envelope's sequence and their step in the ledger.
    var reportsSent: [(sequence: UInt64, step: UInt64)] = []
    /// The last step whose report went into this connection's outbox.
    var reportsQueued: UInt64 = 0
    /// Whether this connection was opened with a certificate that is not confirmed yet.
    var usesCandidate = false
    /// When to ask for a new certificate because the coordinator wants it, before the old one's time.
    var renewalWantedAt: Duration?
    var renewalAskedAt: Duration?
    /// The coordinator's clock says that the certificate has expired, whatever ours says.
    var isToldExpired = false
    /// Whether this connection was opened with a certificate that has expired.
    private var usesExpired = false
    var messagesRefused = 0
    private var addresses: [SocketAddress] = []
    private var isResolving = false
    private var guardian: ResourceGuard
    private var guardAt: Duration = .zero
    private var actionsAt: Duration = .zero
    private var stopping: (asked: Bool, by: Duration) = (false, .zero)

    /// How long a running action may hold up the end of the agent.
    private static let stopGrace: Duration = .seconds(10)

    init(
        configuration: AgentConfiguration,
        host: any ObservedHost,
        performer: any ActionPerformer,
        log: AgentLog,
        mailbox: Mailbox<AgentMessage>
    ) throws(AgentError) {
        let identity = try AgentIdentity(folder: configuration.state)
        let joined = try JoinRecord.read(folder: configuration.state)
        guard let endpoint = configuration.coordinator ?? joined?.coordinator else {
            throw AgentError(
                .configuration,
                "no coordinator is known: set \"coordinator\" in agent.yaml, or join"
            )
        }
        self.configuration = configuration
        self.endpoint = endpoint
        self.host = host
        self.log = log
        self.mailbox = mailbox
        self.identity = identity
        loop = try EventLoop()
        engine = LinkEngine(agent: identity.id, limits: configuration.link, now: Moment.monotonic())
        questions = QuestionDesk(host: host, mailbox: mailbox, key: identity.key)
        observer = try Observer(host: host)
        guardian = ResourceGuard(
            memoryBytesMax: configuration.memoryBytesMax,
            cpuRatioMax: configuration.cpuRatioMax
        )
        actions = ActionDesk(
            ledger: try LedgerFile(folder: configuration.state),
            policy: PolicyFile(path: configuration.policy, state: configuration.state),
            freezes: FreezeFile(folder: configuration.state),
            agent: identity.id,
            reading: SignedTicketReader(),
            performer: performer,
            log: log
        ) { work in
            guard let thread = try? AgentThread("action", { mailbox.post(.action(work())) }) else {
                return false
            }
            thread.detach()
            return true
        }
    }

    /// Runs until it is told to stop.
    func run(handlingSignals: Bool) throws(AgentError) {
        // A peer that goes away while we write is an error of that write, not the end of the agent.
        signal(SIGPIPE, SIG_IGN)
        // Whoever started us may have ignored it, and then the kernel keeps no exit status of our commands.
        signal(SIGCHLD, SIG_DFL)
        let signals = handlingSignals ? try watchSignals() : nil
        defer { if let signals { close(signals) } }
        try loop.watch(mailbox.descriptor, for: [.read]) { [weak self] _ in self?.takeMail() }
        log.info(
            "agent started",
            [
                "agent.id": "\(identity.id)", "name": configuration.name, "coordinator": "\(endpoint)",
                "version": AgentVersion.text,
                "certificate.expires": "\(identity.preferred.certificate.notAfter)",
            ]
        )
        tellPolicy()
        actions.recover(now: Moment.wall())
        try observer.start()
        while !isFinished {
            turn()
            loop.wait(atMost: nextTurn())
        }
        connection?.shut()
        observer.stop()
        questions.stop()
        log.info("agent stopped")
    }

    private var isFinished: Bool {
        stopping.asked && (!actions.isBusy || Moment.monotonic() >= stopping.by)
    }

    // MARK: Time

    /// Everything that depends on time.
    private func turn() {
        let now = Moment.monotonic()
        carryOut(engine.tick(now, random: .random(in: 0..<1)))
        for ending in questions.overdue(now) { send(ending) }
        if actionsAt <= now { turnActions(now) }
        if guardAt <= now { turnGuard(now) }
        renewWhenDue(now)
        queueReports()
        connection?.flush()
    }

    /// How long to wait when nothing comes in.
    private func nextTurn() -> Duration {
        let now = Moment.monotonic()
        var next = min(guardAt, actionsAt)
        if let tick = engine.nextTick { next = min(next, tick) }
        if let deadline = questions.nextDeadline { next = min(next, deadline) }
        if let wanted = renewalWantedAt, engine.isOnline { next = min(next, wanted) }
        if stopping.asked { next = min(next, stopping.by) }
        return max(.zero, next - now)
    }

    /// Commit deadlines are wall-clock times, and clocks get set: looked at once a second while one is open.
    private func turnActions(_ now: Duration) {
        let next = actions.tick(now: Moment.wall())
        actionsAt = now + (next == nil ? .seconds(30) : .seconds(1))
    }

    /// Lets the next turn look at the actions again.
    func wakeActions() { actionsAt = .zero }

    private func turnGuard(_ now: Duration) {
        guardAt = now + .seconds(5)
        let before = guardian.reason
        guardian.look(ResourceGuard.measure(), at: now)
        guard guardian.reason != before else { return }
        observer.shed(guardian.reason != nil)
        if let reason = guardian.reason {
            log.warning("shedding work", ["reason": reason])
        } else {
            log.info("no longer shedding work")
        }
    }

    /// Why questions are refused now; nil when they are taken.
    var sheddingReason: String? { guardian.reason }

    // MARK: Other threads and signals

    private func takeMail() {
        let now = Moment.monotonic()
        for message in mailbox.take() {
            switch message {
            case .resolved(let result): resolved(result)
            case .answered(let reply):
                if let ending = questions.answered(reply, now: now) { send(ending) }
            case .action(let completion):
                actions.completed(completion, now: Moment.wall())
                wakeActions()
            case .stop: stop()
            }
        }
    }

    private func stop() {
        guard !stopping.asked else {
            stopping.by = .zero
            return
        }
        actions.close()
        stopping = (true, Moment.monotonic() + Self.stopGrace)
        if actions.isBusy { log.info("waiting for the running action to end") }
    }

    private func watchSignals() throws(AgentError) -> Int32 {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        // Before any other thread starts: they inherit the mask.
        guard pthread_sigmask(SIG_BLOCK, &set, nil) == 0 else { throw .system("signals", errno: errno) }
        let descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system("signalfd", errno: errno) }
        try loop.watch(descriptor, for: [.read]) { [weak self] _ in
            var info = signalfd_siginfo()
            while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
                if info.ssi_signo == UInt32(SIGHUP) { self?.tellPolicy() } else { self?.stop() }
            }
        }
        return descriptor
    }

    /// Says what the policy allows right now; it is read again with every ticket anyway.
    private func tellPolicy() {
        do throws(AgentError) {
            let policy = try PolicyFile(path: configuration.policy, state: configuration.state)
                .load(at: Moment.wall())
            if case .refused(let reason) = policy.approverSource {
                log.error("nobody can approve anything on this host", ["reason": reason])
            }
            log.info(
                "policy read",
                [
                    "path": configuration.policy, "observe_only": "\(policy.observeOnly)",
                    "actions": "\(policy.actions.count)", "sql": "\(policy.sql.count)",
                    "approvers": "\(policy.approvers.count)",
                ]
            )
        } catch {
            log.error("policy can't be used: every action will be refused", ["reason": error.message])
        }
    }
}

// MARK: - The connection

extension AgentLoop {
    /// Does what the link's engine wants.
    func carryOut(_ directives: [LinkEngine.Directive]) {
        for directive in directives {
            switch directive {
            case .connect: resolve()
            case .sendHello: sendHello()
            case .sendRenewal: sendRenewal(Moment.monotonic())
            case .sendHeartbeat: sendHeartbeat()
            case .begin: begin()
            case .disconnect(let reason, let isFault):
                drop()
                let wait = engine.nextTick.map { max(.zero, $0 - Moment.monotonic()).spoken } ?? "never"
                if isFault {
                    log.warning("link lost", ["reason": reason, "retry.after": wait])
                } else {
                    log.info("link closed", ["reason": reason, "retry.after": wait])
                }
            case .stop(let reason):
                log.error(
                    "this host was revoked: it will not connect again until it joins anew",
                    ["reason": reason]
                )
            }
        }
    }

    /// Names are looked up on another thread: the resolver may take its time.
    private func resolve() {
        guard !isResolving else { return }
        let (endpoint, mailbox) = (self.endpoint, self.mailbox)
        let work: @Sendable () -> Void = {
            do throws(AgentError) {
                mailbox.post(.resolved(.success(try SocketAddress.resolve(endpoint))))
            } catch {
                mailbox.post(.resolved(.failure(error)))
            }
        }
        do throws(AgentError) {
            try AgentThread("resolver", work).detach()
            isResolving = true
        } catch {
            ended(LinkConnection.End(loss: .transient, reason: error.message))
        }
    }

    private func resolved(_ result: Result<[SocketAddress], AgentError>) {
        isResolving = false
        guard case .connecting = engine.phase, connection == nil else { return }
        switch result {
        case .failure(let error): ended(LinkConnection.End(loss: .transient, reason: error.message))
        case .success(let found):
            // Another one first each time: an address that swallows packets uses up the whole attempt.
            let first = found.isEmpty ? 0 : engine.failures % found.count
            addresses = Array(found[first...] + found[..<first])
            connectNext()
        }
    }

    /// Tries the next address; the deadline of the attempt is for all of them together.
    private func connectNext() {
        guard !addresses.isEmpty else { return }
        let address = addresses.removeFirst()
        counter = EnvelopeCounter()
        reloadIdentity()
        usesCandidate = identity.candidate != nil
        usesExpired = isToldExpired || identity.preferred.certificate.notAfter < Moment.wall()
        do {
            let context = try TLSClientContext(identity.configuration())
            let connection = try LinkConnection(
                to: address,
                serverName: endpoint.host,
                context: context,
                loop: loop
            )
            connection.onSecured = { [weak self] in
                self.map { $0.carryOut($0.engine.secured(Moment.monotonic(), expired: $0.usesExpired)) }
            }
            connection.onEnvelope = { [weak self] in self?.received($0) }
            connection.onEnd = { [weak self] in self?.ended($0) }
            connection.nextFrame = { [weak self] in self?.nextFrame() }
            self.connection = connection
        } catch {
            ended(LinkConnection.End(loss: .transient, reason: "\(error)"))
        }
    }

    /// Somebody may have joined anew, or put other files in their place.
    private func reloadIdentity() {
        do throws(AgentError) {
            let fresh = try AgentIdentity(folder: configuration.state)
            guard fresh.id == identity.id else {
                throw AgentError(
                    .configuration,
                    "the key in \(configuration.state) is another one: restart the agent to use it"
                )
            }
            identity = fresh
        } catch {
            log.error(
                "the identity could not be read again; using the one from before",
                ["reason": error.message]
            )
        }
    }

    private func ended(_ end: LinkConnection.End) {
        if case .connecting = engine.phase, end.loss == .transient, !addresses.isEmpty {
            connection = nil
            return connectNext()
        }
        if usesCandidate, end.loss == .standing {
            log.warning(
                "the renewed certificate was not accepted; using the one before",
                ["reason": end.reason]
            )
            identity.dropCandidate()
        }
        engine.lost(end.loss, Moment.monotonic(), random: .random(in: 0..<1))
        drop()
        let wait = engine.nextTick.map { max(.zero, $0 - Moment.monotonic()).spoken } ?? "never"
        let fields: KeyValuePairs = [
            "reason": end.reason, "coordinator": "\(endpoint)", "retry.after": wait,
            "failures": "\(engine.failures)",
        ]
        if end.loss == .standing {
            log.error("link refused", fields)
        } else {
            log.warning("link lost", fields)
        }
    }

    /// Forgets the connection and everything that only made sense on it.
    private func drop() {
        connection?.shut()
        connection = nil
        addresses = []
        outbox.clear()
        questions.forgetAll()
        reportsSent = []
        reportsQueued = 0
    }
}
