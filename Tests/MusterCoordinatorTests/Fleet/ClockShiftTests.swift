import MusterCore
import MusterWire
import Testing

@testable import MusterCoordinator

/// Hosts whose clock is off are asked in their time and understood in ours.
@Suite("Clocks of hosts", .timeLimit(.minutes(1)))
struct ClockShiftTests {
    private static let now = Timestamp(seconds: 1_795_400_000)
    private static let window = TimeWindow(from: now - .seconds(60), to: now)
    private static let shift = Duration.seconds(95)

    @Test("Clocks that are nearly right are left alone; others are moved by whole seconds and buckets")
    func amount() {
        let metrics = Probe.metrics(window: Self.window, prefix: "")
        #expect(ClockShift.of(.milliseconds(900), for: metrics) == nil)
        #expect(ClockShift.of(.milliseconds(-900), for: metrics) == nil)
        #expect(ClockShift.of(.milliseconds(95_020), for: metrics) == .seconds(95))
        #expect(ClockShift.of(.milliseconds(-95_020), for: metrics) == .seconds(-95))
        let requests = Probe.requests(window: Self.window, service: "", salt: [], bucketSeconds: 10)
        #expect(ClockShift.of(.seconds(97), for: requests) == .seconds(100))
        #expect(ClockShift.of(.seconds(2), for: requests) == nil)
        #expect(ClockShift.of(.seconds(Int64.max), for: metrics) != nil)
    }

    @Test("Windows move, open ends stay open")
    func windows() {
        let open = TimeWindow(from: .zero, to: Self.now)
        let moved = TimeWindow(from: .zero, to: Self.now + Self.shift)
        for (asked, sent) in [
            (Probe.metrics(window: open, prefix: "cpu"), Probe.metrics(window: moved, prefix: "cpu")),
            (.anomalies(window: open, prefix: ""), .anomalies(window: moved, prefix: "")),
            (.changes(window: open, service: "shop"), .changes(window: moved, service: "shop")),
            (
                .requests(window: open, service: "", salt: [1], bucketSeconds: 1),
                .requests(window: moved, service: "", salt: [1], bucketSeconds: 1)
            ),
            (
                .logs(window: open, service: "", level: .error, text: "x"),
                .logs(window: moved, service: "", level: .error, text: "x")
            ),
            (.facts, .facts),
        ] {
            #expect(asked.shifted(by: Self.shift) == sent)
        }
    }

    @Test("All times of an answer move, certificates and what is not set stay")
    func answers() {
        var checks = DependenciesAnswer()
        var check = DependencyCheck(name: "db", kind: "tcp", target: "10.0.0.5:5432")
        check.since = Self.now + Self.shift
        check.certificateExpires = Self.now
        checks.checks = [check, DependencyCheck(name: "cache", kind: "tcp", target: "10.0.0.6:6379")]
        guard case .dependencies(let moved) = back(.dependencies(checks)) else { return }
        #expect(moved.checks.map(\.since) == [Self.now, nil])
        #expect(moved.checks[0].certificateExpires == Self.now)

        var logs = LogsAnswer()
        let late = Self.now + Self.shift
        logs.lines = [LogLine(at: late, file: "a", offset: 0, level: nil, text: "", service: "")]
        logs.summary.first = late
        logs.summary.buckets = [LogBucket(from: late, count: 1)]
        guard case .logs(let lines) = back(.logs(logs)) else { return }
        #expect(lines.lines[0].at == Self.now)
        #expect(lines.summary.first == Self.now && lines.summary.last == nil)
        #expect(lines.summary.buckets == [LogBucket(from: Self.now, count: 1)])

        var requests = RequestsAnswer()
        requests.endpoints = [EndpointRequests(service: "shop", method: "GET", path: "/")]
        requests.endpoints[0].buckets = [RequestBucket(from: late, count: 3, errors: 1)]
        requests.covered = TimeWindow(from: .zero, to: late)
        guard case .requests(let counts) = back(.requests(requests)) else { return }
        #expect(counts.endpoints[0].buckets == [RequestBucket(from: Self.now, count: 3, errors: 1)])
        #expect(counts.covered == TimeWindow(from: .zero, to: Self.now))

        var processes = ProcessesAnswer()
        processes.processes = [
            ProcessRow(
                pid: 1,
                parent: 0,
                name: "a",
                command: "a",
                state: "S",
                uid: 0,
                cpuRatio: 0,
                residentBytes: 0,
                threads: 1,
                openFiles: 0,
                started: late
            )
        ]
        guard case .processes(let rows) = back(.processes(processes)) else { return }
        #expect(rows.processes[0].started == Self.now)
    }

    private func back(_ answer: Answer) -> Answer {
        var answer = answer
        answer.shift(by: .zero - Self.shift)
        return answer
    }

    @Test("A host whose clock is ahead is asked for what it calls that time, and answers in the others' time")
    func fleet() async throws {
        try await TestFleet.run { fleet in
            let (right, rightly) = try await fleet.join("a")
            let (wrong, wrongly) = try await fleet.join("b")
            var heartbeat = WireHeartbeat()
            heartbeat.sentAtNs = (FleetClock.now() + Self.shift).nanoseconds
            try wrong.send(.heartbeat(heartbeat))
            let registry = fleet.gateway.hub.registry
            #expect(await eventually { (registry.host(wrongly.id)?.skew ?? .zero) > .seconds(90) })
            #expect(registry.host(wrongly.id)?.skewSince != nil)
            #expect(registry.host(rightly.id)?.skewSince == nil)

            async let answers = Self.answer(right)
            async let others = Self.answer(wrong)
            let reply = await fleet.gateway.ask(
                .metrics(window: Self.window, prefix: ""),
                of: [rightly.id, wrongly.id],
                budget: QuestionBudget(deadline: .seconds(10))
            )
            let windows = try await (right: answers, wrong: others)
            #expect(windows.right == Self.window)
            #expect(
                windows.wrong
                    == TimeWindow(from: Self.window.from + Self.shift, to: Self.window.to + Self.shift)
            )
            for one in reply.replies {
                guard case .metrics(let metrics)? = one.answer else {
                    Issue.record("no answer of \(one.host.name)")
                    continue
                }
                #expect(metrics.series[0].at == [Self.window.from + .seconds(30)])
                #expect(metrics.series[0].onset == Self.window.from + .seconds(30))
            }
        }
    }

    /// Answers the next question with one point in the middle of its window, which it returns.
    private static func answer(_ agent: TestAgent) async throws -> TimeWindow {
        guard case .question(let wire)? = await agent.next() else {
            throw FleetError(.invalid, "no question came")
        }
        let question = try Question(wire)
        guard case .metrics(let window, _) = question.probe else {
            throw FleetError(.invalid, "another question came")
        }
        var series = MetricSeries(name: "cpu_busy_ratio", subject: "")
        series.at = [window.from + .seconds(30)]
        series.values = [0.5]
        series.onset = window.from + .seconds(30)
        var value = MetricsAnswer()
        value.series = [series]
        let chunks = AnswerChunker(.metrics(value), to: question.id, bytesMax: 1 << 20).chunks
        for chunk in chunks { try agent.send(.answer(chunk)) }
        try agent.send(.outcome(WireQuestionOutcome(Outcome(.ok), of: question.id, chunks: chunks.count)))
        return window
    }
}
