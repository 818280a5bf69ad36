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
        self.running = RunningAsks(
            max: configuration.asksMax,
            perOperatorMax: configuration.asksPerOperatorMax,
            now: configuration.now
        )
    }

    func add(to group: RouterGroup<APIContext>) {
        group.post("ask", use: ask)
        group.delete("ask/:id") { _, context in
            let caller = try context.caller(with: .ask)
            let id = AskID(context.parameters.get("id") ?? "")
            // Whose it is not learns no more than that it is not there.
            try await services.audit.record("fleet.ask.end", of: id?.description ?? "", by: caller) {
                guard let id, running.end(id, by: caller.name) else {
                    throw OperationError(.notFound, "no question of yours with this id runs")
                }
            }
            return Response(status: .noContent)
        }
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
        let meant = await services.fleet.hosts().filter { selector.matches($0) }.map(\.id)
        guard !meant.isEmpty else { throw OperationError(.notFound, "no host matches \"\(body.on)\"") }
        var random = SystemRandomNumberGenerator()
        let hosts = body.limit.map { $0.chosen(from: meant, using: &random) } ?? meant
        let place = try running.enter(caller.name)
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
                    let question = Browsing(
                        probe: probe,
                        hosts: hosts,
                        population: hosts.count == meant.count ? nil : meant.count,
                        deadline: deadline
                    )
                    return try await Self.fanOut(question, services.fleet, place) {
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

    /// What one operator wants to know.
    private struct Browsing: Sendable {
        let probe: Probe
        let hosts: [AgentID]
        /// All that were meant, when `hosts` are a sample of them.
        let population: Int?
        let deadline: Duration
    }

    /// Asks, and hands a line of progress to `write` now and then.
    ///
    /// When nobody reads any more, `write` throws, which ends the question on all hosts. When the operator ends it, the
    /// answer is what has come until then.
    private static func fanOut(
        _ question: Browsing,
        _ fleet: any Fleet,
        _ place: RunningAsks.Place,
        write: (ByteBuffer) async throws -> Void
    ) async throws -> FleetAnswer {
        let began = ContinuousClock.now
        let (ticks, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let counter = OutcomeCounter(asked: question.hosts.count)
        let asked = Task {
            defer { feed.finish() }
            return await fleet.ask(
                question.probe,
                of: question.hosts,
                budget: QuestionBudget(deadline: question.deadline),
                purpose: .browsing
            ) { reply in
                counter.count(reply.outcome.kind)
            }
        }
        place.onEnd { asked.cancel() }
        // However many hosts reply, people read no faster.
        let clock = Task {
            while (try? await Task.sleep(for: progressInterval)) != nil { feed.yield() }
        }
        defer {
            clock.cancel()
            asked.cancel()
        }
        return try await withTaskCancellationHandler {
            for await _ in ticks {
                let progress = AskProgress(coverage: counter.coverage, ask: place.id)
                try await write(line(AskLine(progress: progress)))
            }
            let reply = await asked.value
            var answer = FleetAnswer(reply)
            if let population = question.population { answer.extrapolate(reply, to: population) }
            answer.tookMilliseconds = (ContinuousClock.now - began).inMilliseconds
            return answer
        } onCancel: {
            asked.cancel()
        }
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
        case .dryRun(let plan): "dry run of \(plan.action.summary)"
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

/// The questions that run, no more than so many, and of one operator no more than a part of them.
private final class RunningAsks: Sendable {
    /// What ends a question early, and whose it is.
    private struct Running {
        let operatorName: String
        var end: (@Sendable () -> Void)?
    }

    private let running = Mutex<[AskID: Running]>([:])
    private let max: Int
    private let perOperatorMax: Int
    private let now: @Sendable () -> Timestamp

    init(max: Int, perOperatorMax: Int, now: @escaping @Sendable () -> Timestamp) {
        self.max = max
        self.perOperatorMax = perOperatorMax
        self.now = now
    }

    /// - Throws: ``OperationError`` with the code `busy` when all places are taken, or all that one operator may have.
    func enter(_ operatorName: String) throws(OperationError) -> Place {
        let id = AskID(at: now())
        let problem: String? = running.withLock { running in
            guard running.count < max else {
                return "too many questions run already; try again in a moment"
            }
            guard running.values.count(where: { $0.operatorName == operatorName }) < perOperatorMax else {
                return """
                    \(perOperatorMax) questions of yours run already, the most allowed; try again in a moment
                    """
            }
            running[id] = Running(operatorName: operatorName)
            return nil
        }
        if let problem { throw OperationError(.busy, problem) }
        return Place(of: self, id: id)
    }

    /// Ends a question of an operator early; false when there is none.
    func end(_ id: AskID, by operatorName: String) -> Bool {
        let found = running.withLock { $0[id] }
        guard let found, found.operatorName == operatorName else { return false }
        found.end?()
        return true
    }

    fileprivate func onEnd(_ id: AskID, _ end: @escaping @Sendable () -> Void) {
        running.withLock { $0[id]?.end = end }
    }

    fileprivate func leave(_ id: AskID) { running.withLock { $0[id] = nil } }

    /// One question's place; given back also when the response is never written.
    final class Place: Sendable {
        let id: AskID
        private let owner: RunningAsks

        init(of owner: RunningAsks, id: AskID) {
            self.owner = owner
            self.id = id
        }

        /// What ends the question.
        func onEnd(_ end: @escaping @Sendable () -> Void) { owner.onEnd(id, end) }

        func leave() { owner.leave(id) }

        deinit { leave() }
    }
}
