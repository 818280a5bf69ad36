import Hummingbird
import MusterCore
import MusterIdentity
import MusterIncident
import NIOCore
import Synchronization

/// Questions of people to the fleet.
struct AskRoutes {
    let services: APIServices
    let bytesMax: Int
    let deadlineMax: Duration
    private let running: RunningAsks

    init(services: APIServices, configuration: APIConfiguration) {
        self.services = services
        self.bytesMax = configuration.bodyBytesMax
        self.deadlineMax = configuration.askDeadlineMax
        self.running = RunningAsks(max: configuration.asksMax)
    }

    func add(to group: RouterGroup<APIContext>) {
        group.post("ask", use: ask)
    }

    /// Checks everything that can be wrong, then answers with one JSON object per line: how far it is, ten times a second
    /// at most, and the whole in the end.
    @Sendable private func ask(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.caller(with: .ask)
        let body = try await APIBody.decode(AskRequest.self, from: request, max: bytesMax)
        // Looked at as a number: a duration can't hold every one.
        guard (0.1...deadlineMax.inSeconds).contains(body.deadlineSeconds) else {
            throw OperationError(.malformed, "deadlineSeconds is from 0.1 to \(Int(deadlineMax.inSeconds))")
        }
        let deadline = Duration.seconds(body.deadlineSeconds)
        if case .sql = body.probe, !caller.role.allows(.approve) {
            let roles = OperatorRole.allowing(.approve)
            throw OperationError(.denied, "free statements on databases need \(roles)")
        }
        if case .logs(_, _, _, _, let refinement?) = body.probe, let problem = refinement.problem {
            throw OperationError(.malformed, problem)
        }
        let selector = try TargetSelector(parsing: body.on)
        let hosts = await services.fleet.hosts().filter { selector.matches($0) }.map(\.id)
        guard !hosts.isEmpty else { throw OperationError(.notFound, "no host matches \"\(body.on)\"") }
        guard let place = running.enter() else {
            throw OperationError(.busy, "too many questions run already; try again in a moment")
        }
        let probe = Self.salted(body.probe)
        let services = services
        let stream = ResponseBody { writer in
            defer { place.leave() }
            let outcome: AskLine
            do {
                let answer = try await services.audit.record(
                    "fleet.ask",
                    of: selector.description,
                    by: caller,
                    detail: Self.describe(probe)
                ) {
                    try await Self.fanOut(probe, hosts, deadline, services.fleet) {
                        try await writer.write($0)
                    }
                }
                outcome = AskLine(result: answer)
            } catch let error as OperationError {
                outcome = AskLine(problem: Problem(error))
            }
            try await writer.write(Self.line(outcome))
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: stream
        )
    }

    /// Asks, and hands a line of progress to `write` now and then.
    ///
    /// When nobody reads any more, `write` throws, which ends the question on all hosts.
    private static func fanOut(
        _ probe: Probe,
        _ hosts: [AgentID],
        _ deadline: Duration,
        _ fleet: any Fleet,
        write: (ByteBuffer) async throws -> Void
    ) async throws -> FleetAnswer {
        let began = ContinuousClock.now
        let (ticks, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let counter = OutcomeCounter(asked: hosts.count)
        async let asked: FleetReply = {
            defer { feed.finish() }
            return await fleet.ask(probe, of: hosts, budget: QuestionBudget(deadline: deadline)) { reply in
                counter.count(reply.outcome.kind)
            }
        }()
        // However many hosts reply, people read no faster.
        let clock = Task {
            while (try? await Task.sleep(for: progressInterval)) != nil { feed.yield() }
        }
        defer { clock.cancel() }
        for await _ in ticks {
            try await write(line(AskLine(progress: AskProgress(coverage: counter.coverage))))
        }
        var answer = FleetAnswer(await asked)
        answer.tookMilliseconds = (ContinuousClock.now - began).inMilliseconds
        return answer
    }

    private static let progressInterval = Duration.milliseconds(100)

    private static func line(_ line: AskLine) throws -> ByteBuffer {
        ByteBuffer(bytes: try APIBody.data(line) + [UInt8(ascii: "\n")])
    }

    /// A question about requests with a salt of its own: two questions must not share one, or user counts of
    /// both could be joined.
    private static func salted(_ probe: Probe) -> Probe {
        guard case .requests(let window, let service, _, let bucketSeconds) = probe else { return probe }
        return .requests(
            window: window,
            service: service,
            salt: SecureRandom.bytes(16),
            bucketSeconds: max(1, min(bucketSeconds, 3_600))
        )
    }

    /// The particulars for the audit.
    private static func describe(_ probe: Probe) -> String {
        switch probe {
        case .logs(let window, let service, let level, let text, let refinement):
            "logs \(span(window)) service \"\(service)\" level \(level?.rawValue ?? "any") text \"\(text)\""
                + (refinement.map { " regex \"\($0.regex)\" template \"\($0.template)\"" } ?? "")
        case .requests(let window, let service, _, _): "requests \(span(window)) service \"\(service)\""
        case .metrics(let window, let prefix): "metrics \(span(window)) prefix \"\(prefix)\""
        case .anomalies(let window, let prefix): "anomalies \(span(window)) prefix \"\(prefix)\""
        case .processes(let text): "processes text \"\(text)\""
        case .sockets(let port): "sockets port \(port)"
        case .dependencies(let name): "dependencies name \"\(name)\""
        case .changes(let window, let service): "changes \(span(window)) service \"\(service)\""
        case .facts: "facts"
        case .sql(let target, let statement, _): "sql on \"\(target)\": \(statement)"
        case .ledger(let ticket): "ledger \(ticket?.description ?? "all")"
        }
    }

    private static func span(_ window: TimeWindow) -> String { "\(window.from)..\(window.to)" }
}

/// Counts outcomes as they come, from any thread.
private final class OutcomeCounter: Sendable {
    private let state: Mutex<Coverage>

    init(asked: Int) { self.state = Mutex(Coverage(asked: asked)) }

    var coverage: Coverage { state.withLock { $0 } }

    func count(_ kind: OutcomeKind) {
        state.withLock { $0.outcomes[kind.rawValue, default: 0] += 1 }
    }
}

/// Counts questions that run, and admits no more than so many.
private final class RunningAsks: Sendable {
    private let count = Mutex(0)
    private let max: Int

    init(max: Int) { self.max = max }

    /// Nil when all places are taken.
    func enter() -> Place? {
        let admitted = count.withLock { count in
            guard count < max else { return false }
            count += 1
            return true
        }
        return admitted ? Place(of: self) : nil
    }

    fileprivate func leave() { count.withLock { $0 -= 1 } }

    /// One question's place; given back once, also when the response is never written.
    final class Place: Sendable {
        private let left = Mutex(false)
        private let owner: RunningAsks

        init(of owner: RunningAsks) { self.owner = owner }

        func leave() {
            let isFirst = left.withLock { left in
                defer { left = true }
                return !left
            }
            if isFirst { owner.leave() }
        }

        deinit { leave() }
    }
}
