import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// What the recorders measure is watched, and told masked and within the budget.
struct AnomalyTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    /// Seconds of a host whose disk gets busy after three hours.
    private func watched() -> AnomalyRecorder {
        let recorder = MetricsRecorder(reader: HostReader())
        let anomalies = AnomalyRecorder()
        var random = SplitMix64(seed: 1)
        for second in 0..<11_200 {
            let busy = second >= 10_800 ? 0.9 : 0.2
            recorder.record(
                [
                    MetricKey("disk_busy_ratio", "sda"): busy + 0.02 * random.gauss(),
                    MetricKey("process_cpu_ratio", "token=s3cr3tvalue99"): busy + 0.02 * random.gauss(),
                    MetricKey("load_one"): 1 + 0.1 * random.gauss(),
                ],
                at: start + .seconds(second)
            )
            if let means = recorder.takeMeans() { anomalies.take(means) }
        }
        return anomalies
    }

    @Test("A change in what is measured stands in the digest within a minute, with its onset")
    func digest() throws {
        let digest = watched().digest
        #expect(digest.watched == 3 && digest.open == 2 && digest.learning == 0)
        let disk = try #require(digest.worst.first { $0.name == "disk_busy_ratio" })
        #expect(disk.subject == "sda" && disk.direction == .up)
        #expect(abs((disk.onset - (start + .seconds(10_800))).inSeconds) <= 10)
        let process = try #require(digest.worst.first { $0.name == "process_cpu_ratio" })
        #expect(!process.subject.contains("s3cr3t"))
    }

    @Test("The question tells what goes on, masked, by prefix and within the budget")
    func question() throws {
        let anomalies = watched()
        let window = TimeWindow(from: start, to: start + .seconds(11_200))
        let all = anomalies.answer(window: window, prefix: "")
        #expect(all.anomalies.count == 2 && all.watched == 3)
        #expect(all.anomalies.allSatisfy { $0.state == .open && !$0.subject.contains("s3cr3t") })
        #expect(anomalies.answer(window: window, prefix: "load").anomalies.isEmpty)
    }

    @Test("A template that is new in the logs, and an endpoint that begins to fail, are told")
    func logs() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("app.log")
        let recorder = LogRecorder(files: [LogFileSettings(path: path, service: "shop")])
        let anomalies = AnomalyRecorder()
        let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(log) }
        var random = SplitMix64(seed: 3)
        // Three hours, of which the last five minutes are bad, up to now.
        let begin = Timestamp(nanoseconds: (WallMoment.now - .seconds(10_800)).wholeSeconds * 1_000_000_000)
        for tick in 0..<1_080 {
            let now = begin + .seconds(tick * 10)
            let isBad = tick >= 1_050
            var text = "\(now) INFO cart of user \(tick) saved in 12 ms\n"
            for _ in 0..<20 {
                let status = isBad && random.next() % 3 == 0 ? 500 : 200
                text +=
                    #"{"time":"\#(now)","method":"GET","path":"/api/cart","status":\#(status),"duration_ms":9}"#
                    + "\n"
            }
            if isBad { text += "\(now) ERROR connection pool exhausted after \(tick) tries\n" }
            #expect(write(log, text, text.utf8.count) == text.utf8.count)
            recorder.tick(now: now + .seconds(9))
            anomalies.take(recorder, now: now + .seconds(9))
        }
        let digest = anomalies.digest
        let titles = digest.worst.map { "\($0.name) \($0.subject)" }
        #expect(digest.open == 2, "\(titles)")
        #expect(
            titles.contains {
                $0.hasPrefix("log_lines_per_minute") && $0.contains("connection pool exhausted")
            }
        )
        let failing = try #require(digest.worst.first { $0.name == "request_error_ratio" })
        #expect(failing.subject == "shop GET /api/cart" && failing.direction == .up)
        #expect(abs((failing.onset - (begin + .seconds(10_500))).inSeconds) <= 60)
    }

    @Test("An observer answers the question, and refuses an empty window")
    func observer() {
        let observer = HostObserver(configuration: ObservationConfiguration(), name: "web-1")
        #expect(observer.capabilities.contains("anomalies"))
        #expect(observer.health()?.open == 0)
        let window = TimeWindow(from: start, to: start + .seconds(60))
        let probe = Probe.anomalies(window: window, prefix: "")
        let (outcome, answer) = observer.answer(Question(id: QuestionID(at: start), probe: probe)) { false }
        #expect(outcome.kind == .ok)
        guard case .anomalies? = answer else {
            Issue.record("no anomalies")
            return
        }
        let empty = Probe.anomalies(window: TimeWindow(from: start, to: start), prefix: "")
        let refused = observer.answer(Question(id: QuestionID(at: start), probe: empty)) { false }
        #expect(refused.outcome.kind == .refused)
    }
}
