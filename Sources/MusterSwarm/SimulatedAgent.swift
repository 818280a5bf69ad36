import Glibc
import MusterAgent
import MusterCore
import MusterWire
import NIOCore
import NIOPosix
import NIOSSL

/// One simulated agent: the product's own link engine over a NIO connection, and what is wrong with it.
///
/// Lives on its event loop's thread.
final class SimulatedAgent {
    let member: SwarmMember
    private let number: Int
    private let settings: SwarmSettings
    private let tally: SwarmTally
    private let loop: any EventLoop
    private let answers: SwarmAnswers
    private var engine: LinkEngine
    private var random: SeededRandom
    private var channel: (any Channel)?
    /// Counts connections, so that an old one that comes or ends late is told from the present one.
    private var attempt = 0
    /// Whether the present connection was welcomed.
    private var isOnline = false
    private var counter = EnvelopeCounter()
    private var timer: Scheduled<Void>?
    private let began = Clock.monotonic
    private var isStopped = false
    /// Questions that were answered, the newest few.
    private var answered: [String] = []

    init(
        _ member: SwarmMember,
        number: Int,
        settings: SwarmSettings,
        tally: SwarmTally,
        loop: any EventLoop
    ) {
        self.member = member
        self.number = number
        self.settings = settings
        self.tally = tally
        self.loop = loop
        answers = SwarmAnswers(host: number, at: Clock.wall)
        random = SeededRandom(settings.seed &+ UInt64(number) &* 0x1_0001)
        engine = LinkEngine(
            agent: member.id,
            limits: settings.link,
            now: Clock.monotonic + settings.ramp * Double.random(in: 0..<1, using: &random)
        )
    }

    private static let anyQuestion = QuestionID(at: .zero)
    /// Bytes of one part of an answer that is too large.
    private static let partBytes = 256 << 10

    private var draw: Double { Double.random(in: 0..<1, using: &random) }

    // MARK: Time

    /// Does what is due and comes back when something is.
    func turn() {
        guard !isStopped else { return }
        timer?.cancel()
        timer = nil
        carryOut(engine.tick(Clock.monotonic, random: draw))
        guard let next = engine.nextTick else { return }
        let wait = max(next - Clock.monotonic, .zero)
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait.nanoseconds)) { self.turn() }
    }

    /// Does nothing any more.
    func stop() {
        isStopped = true
        timer?.cancel()
        channel?.close(promise: nil)
    }

    /// Drops the connection without a goodbye and comes back as the engine sees fit.
    func crash() {
        channel?.close(promise: nil)
    }

    private func carryOut(_ directives: [LinkEngine.Directive]) {
        for directive in directives {
            switch directive {
            case .connect: connect()
            case .sendHello: sendHello()
            // Certificates of a swarm outlive it.
            case .sendRenewal: break
            case .sendHeartbeat: sendHeartbeat()
            case .begin: begin()
            case .disconnect: drop()
            case .stop: tally.update { $0.revoked += 1 }
            }
        }
    }

    // MARK: Connection

    private func connect() {
        tally.update { $0.connects += 1 }
        counter = EnvelopeCounter()
        attempt += 1
        let (tls, attempt, bound) = (member.tls, attempt, NIOLoopBound(self, eventLoop: loop))
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.nanoseconds(settings.link.handshakeMax.nanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLClientHandler(context: tls, serverHostname: nil),
                        SimulatedAgentHandler(agent: bound.value, attempt: attempt),
                    ])
                }
            }
        if settings.coordinator.host.hasPrefix("127."), let address = Self.address(number) {
            // An address of its own for each: ports never run out, and hosts can be told apart.
            bootstrap = bootstrap.bind(to: address)
        }
        bootstrap.connect(host: settings.coordinator.host, port: settings.coordinator.port)
            .assumeIsolated().whenFailure { _ in self.ended(attempt: attempt) }
    }

    private static func address(_ number: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: "127.1.\(number >> 8 & 255).\(number & 255)", port: 0)
    }

    /// TCP is there.
    func opened(_ channel: any Channel, attempt: Int) {
        guard attempt == self.attempt else { return channel.close(promise: nil) }
        self.channel = channel
    }

    func secured(attempt: Int) {
        guard attempt == self.attempt else { return }
        carryOut(engine.secured(Clock.monotonic))
        turn()
    }

    /// The connection is gone, or never came to be.
    func ended(attempt: Int) {
        guard attempt == self.attempt else { return }
        leave()
        engine.lost(.transient, Clock.monotonic, random: draw)
        turn()
    }

    private func drop() {
        let channel = channel
        leave()
        channel?.close(promise: nil)
    }

    private func leave() {
        channel = nil
        attempt += 1
        tally.update { [isOnline] counts in
            if isOnline {
                counts.online -= 1
                counts.lost += 1
            } else {
                counts.refused += 1
            }
        }
        isOnline = false
    }

    // MARK: Messages

    func received(_ envelope: WireEnvelope, attempt: Int) {
        guard attempt == self.attempt else { return }
        guard (try? counter.accept(envelope)) != nil else { return crash() }
        let now = Clock.monotonic
        switch envelope.body {
        case .welcome(let welcome):
            let interval = Duration.milliseconds(Int64(welcome.heartbeatIntervalMs))
            carryOut(
                engine.received(
                    .welcome(agent: Digest(welcome.agentID), heartbeat: interval),
                    now,
                    random: draw
                )
            )
        case .retryAfter(let wire):
            tally.update { $0.postponed += 1 }
            let delay = Duration.milliseconds(Int64(wire.delayMs))
            carryOut(engine.received(.retryAfter(delay, reason: wire.reason), now, random: draw))
        case .drain(let wire):
            let grace = Duration.milliseconds(Int64(wire.graceMs))
            carryOut(engine.received(.drain(grace), now, random: draw))
        case .revoked(let wire):
            carryOut(engine.received(.revoked(reason: wire.reason), now, random: draw))
        case .refused(let wire):
            tally.update { $0.refusals += 1 }
            if !engine.isOnline {
                carryOut(engine.abandon(.standing, reason: wire.reason, now, random: draw))
            }
        case .challenge(let wire):
            tally.update { $0.challenges += 1 }
            var reply = WireChallengeReply()
            reply.nonce = wire.nonce
            send(.challengeReply(reply))
        case .question(let question): asked(question)
        case .cancel: tally.update { $0.cancels += 1 }
        case nil: carryOut(engine.received(.acknowledgement, now, random: draw))
        default: carryOut(engine.received(.working, now, random: draw))
        }
        // Questions are most of what comes, and change nothing about time.
        if case .question = envelope.body { return }
        turn()
    }

    private func begin() {
        isOnline = true
        tally.update { $0.online += 1 }
        switch member.fault {
        case .partitioned:
            // As a cable that was pulled: nothing is read, nothing is sent, nobody says goodbye.
            _ = channel?.setOption(.autoRead, value: false)
        case .flapping:
            let life = Int64(1_000 + draw * 4_000)
            loop.assumeIsolated().scheduleTask(in: .milliseconds(life)) { self.crash() }
        default: break
        }
    }

    private func sendHello() {
        var hello = WireHello()
        hello.version = AgentVersion.text
        hello.capabilities = ["processes", "logs", "facts"]
        hello.inventory.name = member.name
        hello.inventory.system = "Debian GNU/Linux 12 (bookworm)"
        hello.inventory.kernel = "6.1.0-35-amd64"
        hello.inventory.cpus = 2
        hello.inventory.memoryBytes = 4 << 30
        hello.inventory.services = [.with { $0.name = "worker" }]
        hello.sentAtNs = wall
        hello.monotonicNs = Clock.monotonic.nanoseconds
        send(.hello(hello))
    }

    private func sendHeartbeat() {
        guard member.fault != .partitioned else { return }
        tally.update { $0.heartbeats += 1 }
        var heartbeat = WireHeartbeat()
        heartbeat.sentAtNs = wall
        heartbeat.residentBytes = 14 << 20
        send(.heartbeat(heartbeat))
    }

    private var wall: Int64 {
        (member.fault == .skewed ? Clock.wall + settings.skew : Clock.wall).nanoseconds
    }

    private func send(_ body: WireEnvelope.OneOf_Body) {
        var envelope = WireEnvelope(body)
        counter.stamp(&envelope)
        if let frame = try? Frame.encode(envelope) { send(frame) }
    }

    private func send(_ frame: [UInt8]) {
        guard let channel else { return }
        channel.writeAndFlush(channel.allocator.buffer(bytes: frame), promise: nil)
    }

    // MARK: Questions

    private func asked(_ wire: WireQuestion) {
        tally.update { $0.questions += 1 }
        switch member.fault {
        case .hung: return
        case .slow:
            let wait = settings.slowness
            loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait.nanoseconds)) { self.answer(wire) }
        case .crash: crash()
        case .crashMidway:
            guard let body = body(wire) else { return answer(wire) }
            send(SwarmAnswers.frame(body, question: wire.id, counter: &counter))
            // After the bytes are out, and well before anybody would wait for more.
            loop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.crash() }
        case .oversize: answerTooMuch(wire)
        case .lying: Clock.monotonic - began < settings.honestFor ? answer(wire) : lie(wire)
        case .duplicate, .skewed, .partitioned, .flapping, nil: answer(wire)
        }
    }

    private func body(_ wire: WireQuestion) -> [UInt8]? {
        switch wire.probe {
        case .processes: answers.body("processes")
        case .logs: answers.body("logs")
        case .facts: answers.body("facts")
        default: nil
        }
    }

    private func answer(_ wire: WireQuestion) {
        guard let body = body(wire) else {
            let refusal = Outcome(.refused, reason: "a simulated host does not know such things")
            return send(outcome(wire, refusal, parts: 0))
        }
        var frame = SwarmAnswers.frame(body, question: wire.id, counter: &counter, more: 128)
        tally.update { $0.answers += 1 }
        answered = [wire.id] + answered.prefix(7)
        // One write for both, as the product's agent has it.
        var envelope = WireEnvelope(outcome(wire, Outcome(.ok), parts: 1))
        counter.stamp(&envelope)
        if let end = try? Frame.encode(envelope) { frame.append(contentsOf: end) }
        send(frame)
    }

    private func outcome(_ wire: WireQuestion, _ outcome: Outcome, parts: Int) -> WireEnvelope.OneOf_Body {
        var message = WireQuestionOutcome(outcome, of: Self.anyQuestion, chunks: parts)
        message.questionID = wire.id
        return .outcome(message)
    }

    /// Sends the answer's rows again and again, beyond every budget.
    private func answerTooMuch(_ wire: WireQuestion) {
        guard let body = body(wire) else { return answer(wire) }
        var large: [UInt8] = []
        while large.count < Self.partBytes { large += body }
        let parts = (wire.bytesMax == 0 ? 8 << 20 : Int(clamping: wire.bytesMax)) / large.count + 4
        for part in 0..<parts {
            send(SwarmAnswers.frame(large, question: wire.id, part: part, counter: &counter))
        }
        send(outcome(wire, Outcome(.ok), parts: parts))
    }

    /// Answers something else than what was asked, then what was asked.
    private func lie(_ wire: WireQuestion) {
        var other = wire
        // An id of before shows a replay; without one, an id that nobody gave out.
        other.id = answered.last ?? QuestionID(at: Clock.wall).description
        answer(other)
        answer(wire)
    }
}

/// The two clocks of a simulated host.
enum Clock {
    static var wall: Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }
    static var monotonic: Duration { .nanoseconds(read(CLOCK_MONOTONIC)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
