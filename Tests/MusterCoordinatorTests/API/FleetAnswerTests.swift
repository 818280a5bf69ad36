import Glibc
import MusterCore
import MusterIdentity
import MusterIncident
import MusterTesting
import Testing

@Suite("Merging answers of hosts")
struct FleetAnswerTests {
    private static func reply(_ name: String, _ answer: Answer?) -> HostReply {
        HostReply(
            host: HostReference(id: SHA256.hash(Array(name.utf8)), name: name),
            outcome: Outcome(answer == nil ? .timeout : .ok),
            answer: answer
        )
    }

    private static func merge(_ probe: Probe, _ replies: [HostReply], rowsMax: Int = 100) -> MergedAnswer {
        FleetAnswer(
            FleetReply(question: QuestionID(at: .zero), probe: probe, replies: replies),
            rowsMax: rowsMax
        ).merged
    }

    private static let window = TimeWindow(from: .zero, to: .zero + .seconds(60))

    @Test("a sample tells of all hosts as sure as it says, and of too few hosts nothing")
    func extrapolation() throws {
        var random = SplitMix64(seed: 11)
        // Lines of 400 hosts, most with few and some with many.
        let lines = (0..<400).map { _ in Int(-40 * log(1 - random.unit())) + (random.unit() < 0.05 ? 300 : 0)
        }
        let truth = Double(lines.reduce(0, +))
        let probe = Probe.logs(window: Self.window, service: "", level: nil, text: "", refinement: nil)
        func estimate(_ size: Int) -> Extrapolation? {
            let sample = SampleSize.hosts(size).chosen(from: lines, using: &random)
            let reply = FleetReply(
                question: QuestionID(at: .zero),
                probe: probe,
                replies: sample.enumerated().map { index, matched in
                    var logs = LogsAnswer()
                    logs.matched = matched
                    return Self.reply("host-\(index)", .logs(logs))
                }
            )
            var answer = FleetAnswer(reply)
            answer.extrapolate(reply, to: lines.count)
            return answer.extrapolated?.first
        }
        var held = 0
        for _ in 0..<500 {
            let total = try #require(estimate(60))
            if (total.low...total.high).contains(truth) { held += 1 }
        }
        // 95% in theory; skewed counts of sixty hosts come close to it.
        #expect(held > 450, "\(held) of 500")
        #expect(estimate(4) == nil)
        #expect(estimate(400) == nil, "all were counted: there is nothing to estimate")
    }

    @Test("users seen by several hosts count once, and buckets of one moment add up")
    func requests() throws {
        func answer(_ users: Range<Int>, from: Int, to: Int) -> Answer {
            var endpoint = EndpointRequests(service: "shop", method: "GET", path: "/")
            for user in users {
                endpoint.count += 1
                endpoint.latency.add(10)
                endpoint.users.add(Array("user \(user)".utf8), salt: [1])
            }
            endpoint.buckets = [RequestBucket(from: .zero, count: users.count, errors: 1)]
            var requests = RequestsAnswer()
            requests.endpoints = [endpoint]
            requests.covered = TimeWindow(from: .zero + .seconds(from), to: .zero + .seconds(to))
            return .requests(requests)
        }
        let probe = Probe.requests(window: Self.window, service: "", salt: [1], bucketSeconds: 60)
        let merged = Self.merge(
            probe,
            [
                Self.reply("a", answer(0..<300, from: 0, to: 50)),
                Self.reply("b", answer(200..<500, from: 10, to: 60)),
                Self.reply("c", nil),
            ]
        )
        guard case .requests(let requests) = merged else {
            Issue.record("another kind")
            return
        }
        let endpoint = try #require(requests.endpoints.first)
        #expect(endpoint.total.count == 600 && endpoint.total.latency.count == 600)
        #expect(abs(endpoint.total.users.estimate - 500) < 25)
        #expect(endpoint.total.buckets == [RequestBucket(from: .zero, count: 600, errors: 2)])
        #expect(endpoint.hosts.map(\.host.name) == ["a", "b"])
        #expect(requests.covered == TimeWindow(from: .zero + .seconds(10), to: .zero + .seconds(50)))
    }

    @Test("a pattern that several hosts log is one row with all of its hosts; the newest lines are kept")
    func logs() throws {
        func answer(_ host: String, _ second: Int, _ count: Int) -> Answer {
            let at = Timestamp.zero + .seconds(second)
            var logs = LogsAnswer()
            logs.matched = count
            logs.lines = [LogLine(at: at, file: "x", offset: 0, level: .error, text: host, service: "shop")]
            logs.templates = [
                LogTemplateCount(
                    pattern: "refused <*>",
                    level: .error,
                    service: "shop",
                    count: count,
                    first: at,
                    last: at,
                    exemplar: host
                )
            ]
            return .logs(logs)
        }
        let probe = Probe.logs(window: Self.window, service: "", level: nil, text: "")
        let replies = [Self.reply("a", answer("a", 9, 5)), Self.reply("b", answer("b", 3, 7))]
        guard case .logs(let logs) = Self.merge(probe, replies, rowsMax: 1) else {
            Issue.record("another kind")
            return
        }
        let template = try #require(logs.templates.first)
        #expect(template.template.count == 12 && template.hosts.map(\.count) == [5, 7])
        #expect(template.template.exemplar == "a", "the latest host's exemplar")
        #expect(logs.lines.map(\.row.text) == ["a"] && logs.dropped == 1 && logs.matched == 12)
    }

    @Test("facts show what sets a host apart, and changes told alike stand once")
    func factsAndChanges() {
        func facts(_ kernel: String) -> Answer {
            var answer = FactsAnswer()
            answer.facts = ["kernel": kernel]
            return .facts(answer)
        }
        let replies = [
            Self.reply("a", facts("6.1")), Self.reply("b", facts("6.1")), Self.reply("c", facts("6.2")),
        ]
        if case .facts(let merged) = Self.merge(.facts, replies) {
            #expect(merged.facts.first?.values.map(\.value) == ["6.1", "6.2"])
            #expect(merged.facts.first?.values.last?.hosts.map(\.name) == ["c"])
        } else {
            Issue.record("another kind")
        }
        var changes = ChangesAnswer()
        changes.changes = [Change(kind: .deploy, at: .zero, summary: "shop")]
        let told = [Self.reply("a", .changes(changes)), Self.reply("b", .changes(changes))]
        if case .changes(let merged) = Self.merge(.changes(window: Self.window, service: ""), told) {
            #expect(merged.changes.map(\.seenOn.count) == [2])
        } else {
            Issue.record("another kind")
        }
    }
}
