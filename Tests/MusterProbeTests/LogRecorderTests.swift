import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Log files as servers write, rotate and empty them.
@Suite struct LogRecorderTests {
    private static let salt: [UInt8] = Array(0..<16)

    private struct Log {
        let path: String

        func append(_ text: String) {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            let bytes = Array(text.utf8)
            _ = write(descriptor, bytes, bytes.count)
            close(descriptor)
        }

        func access(_ at: Timestamp, _ status: Int, user: String = "-", path: String = "/api/checkout") {
            append(
                #"{"time":"\#(at)","method":"GET","path":"\#(path)","status":\#(status),"duration_ms":12.5,"#
                    + #""user":"\#(user)","remote":"10.0.0.7"}"# + "\n"
            )
        }
    }

    private static var now: Timestamp { WallMoment.now }

    private func recorder(_ path: String, _ limits: RequestHistory.Limits = .init()) -> LogRecorder {
        LogRecorder(
            [LogFileSettings(path: path, service: "shop")],
            host: HostFiles(),
            zoneOffsetSeconds: 0,
            limits: limits
        )
    }

    private func count(_ recorder: LogRecorder, _ window: TimeWindow? = nil) -> Int {
        let window = window ?? TimeWindow(from: Self.now - .seconds(600), to: Self.now + .seconds(600))
        let (_, answer) = recorder.requests(
            window: window,
            service: "",
            salt: Self.salt,
            bucketSeconds: 0,
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        return answer.endpoints.reduce(0) { $0 + $1.count }
    }

    @Test func requestsAreCountedExactlyAndUsersMergeOverHosts() throws {
        let directory = try TemporaryDirectory()
        let logs = [Log(path: directory.path("a.log")), Log(path: directory.path("b.log"))]
        let start = Self.now - .seconds(100)
        for (host, log) in logs.enumerated() {
            for index in 0..<1000 {
                // Half of the users use both hosts.
                let user = "user-\(index % 300 + host * 150)"
                log.access(start + .milliseconds(index * 50), index % 10 == 0 ? 503 : 200, user: user)
            }
        }
        let window = TimeWindow(from: start + .seconds(10), to: start + .seconds(20))
        var sums: [EndpointRequests] = []
        for log in logs {
            let recorder = recorder(log.path)
            recorder.tick(now: Self.now)
            let (outcome, answer) = recorder.requests(
                window: window,
                service: "shop",
                salt: Self.salt,
                bucketSeconds: 1,
                budget: QuestionBudget(),
                isCancelled: { false }
            )
            #expect(outcome.kind == .ok)
            sums += answer.endpoints
        }
        #expect(sums.map(\.count) == [200, 200])
        #expect(sums.map(\.errors) == [20, 20])
        #expect(sums.allSatisfy { $0.buckets.count == 10 || $0.buckets.count == 11 })
        #expect(sums.allSatisfy { $0.buckets.reduce(0) { $0 + $1.errors } == 20 })
        var users = sums[0].users
        users.merge(sums[1].users)
        // 200 users of each host, 50 of them the same; which ones depends on the second of now. Four standard errors.
        #expect(abs(users.estimate - 350) < 350 * 4 * 0.0163, "\(users.estimate)")
        let latency = try #require(sums[0].latency.quantile(0.5))
        #expect(abs(latency - 12.5) < 0.3)
    }

    @Test func rotationTruncationAndALateNewlineLoseNothing() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("shop.log"))
        log.access(Self.now, 200)
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        // Renamed, with lines that its writer still wrote after the renaming.
        rename(log.path, log.path + ".1")
        Log(path: log.path + ".1").access(Self.now, 200)
        log.access(Self.now, 200)
        recorder.tick(now: Self.now)
        Log(path: log.path + ".1").access(Self.now, 200)
        recorder.tick(now: Self.now)
        #expect(count(recorder) == 4)
        // Emptied in place.
        truncate(log.path, 0)
        recorder.tick(now: Self.now)
        log.access(Self.now, 200)
        recorder.tick(now: Self.now)
        #expect(count(recorder) == 5)
        // Half a line is none until its end is there.
        log.append(#"{"time":"\#(Self.now)","method":"GET","path":"/api/cart","#)
        recorder.tick(now: Self.now)
        #expect(count(recorder) == 5)
        log.append(#""status":200,"duration_ms":1}"# + "\n")
        #expect(count(recorder) == 6)
        #expect(recorder.losses.rotations == 1)
        #expect(recorder.losses.truncations == 1)
    }

    @Test func linesAreFoundByTimeLevelAndTextWithSecretsMasked() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("app.log"))
        let start = Self.now - .seconds(300)
        for index in 0..<300 {
            let at = start + .seconds(index)
            let level = index % 3 == 0 ? "ERROR" : "INFO"
            log.append(
                "\(at) \(level) payment \(index) failed password=hunter\(index) for order \(index * 7)\n"
            )
        }
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        let (outcome, answer) = recorder.logs(
            window: TimeWindow(from: start + .seconds(100), to: start + .seconds(200)),
            service: "shop",
            level: .error,
            text: "PAYMENT",
            budget: QuestionBudget(rowsMax: 10),
            isCancelled: { false }
        )
        #expect(outcome.kind == .ok)
        #expect(outcome.rowsDropped == 23)
        #expect(answer.matched == 33)
        #expect(answer.lines.count == 10)
        #expect(answer.lines.last?.text.contains("payment 198") == true)
        #expect(answer.templates.map(\.count) == [33])
        #expect(answer.templates.first?.pattern.contains("payment <*> failed") == true)
        let shown = answer.lines.map(\.text) + answer.templates.flatMap { [$0.pattern, $0.exemplar] }
        #expect(!shown.contains { $0.contains("hunter") })
        // Only about the window was read again, not the whole file.
        #expect(answer.scanned < 130)
    }

    @Test func requestsAreCountedByWhereTheyWentAndHowTheyEnded() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("access.log"))
        for index in 0..<6 { log.access(Self.now, index < 4 ? 500 : 200, path: "/api/order/\(1000 + index)") }
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        let (_, answer) = recorder.logs(
            window: TimeWindow(from: Self.now - .seconds(60), to: Self.now + .seconds(60)),
            service: "",
            level: .error,
            text: "",
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(answer.templates.map(\.count) == [4])
        let pattern = try #require(answer.templates.first?.pattern)
        #expect(pattern.hasPrefix("GET /api/order/") && pattern.hasSuffix(" 500"), "\(pattern)")
        #expect(!pattern.contains("100"))
    }

    @Test func linesOfTheRotatedFileAreStillFound() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("app.log"))
        log.append("\(Self.now) ERROR before the rotation\n")
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        rename(log.path, log.path + ".1")
        log.append("\(Self.now) ERROR after the rotation\n")
        let (outcome, answer) = recorder.logs(
            window: TimeWindow(from: Self.now - .seconds(60), to: Self.now + .seconds(60)),
            service: "",
            level: nil,
            text: "rotation",
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(outcome.kind == .ok, "\(outcome.reason)")
        #expect(
            answer.lines.map { $0.text.split(separator: " ").suffix(3).joined(separator: " ") }.sorted() == [
                "after the rotation", "before the rotation",
            ]
        )
    }

    @Test func memoryStaysBoundedAndSaysWhatItForgot() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("shop.log"))
        let start = Self.now - .seconds(3_600)
        for index in 0..<600 {
            log.access(start + .seconds(index * 6), 200, user: "u\(index)", path: "/p/x\(index % 40)y")
        }
        let recorder = recorder(log.path, .init(bytesMax: 2_000, endpointsMax: 10))
        recorder.tick(now: Self.now)
        let (outcome, answer) = recorder.requests(
            window: TimeWindow(from: start - .seconds(600), to: Self.now),
            service: "",
            salt: [],
            bucketSeconds: 0,
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(outcome.kind == .partial)
        #expect(outcome.reason.contains("are forgotten"), "\(outcome.reason)")
        #expect(recorder.requestBytes <= 2_000)
        #expect(answer.endpoints.count <= 10)
        let told = answer.endpoints.reduce(0) { $0 + $1.count }
        #expect(told > 0 && told + Int(recorder.linesDropped) == 600)
        #expect(answer.covered.from > start)
    }

    @Test func usersAreCountedFromTheLogsWithASaltOfEachQuestion() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("shop.log"))
        let start = Timestamp(nanoseconds: (Self.now - .seconds(200)).wholeSeconds * 1_000_000_000)
        for index in 0..<2_000 {
            log.access(
                start + .milliseconds(index * 50),
                index % 4 == 0 ? 500 : 200,
                user: "user-\(index % 500)"
            )
        }
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        func ask(_ window: TimeWindow, _ salt: [UInt8]) -> RequestsAnswer {
            recorder.requests(
                window: window,
                service: "shop",
                salt: salt,
                bucketSeconds: 0,
                budget: QuestionBudget(),
                isCancelled: { false }
            ).1
        }
        let all = TimeWindow(from: start, to: Self.now)
        let answer = ask(all, Self.salt)
        #expect(answer.usersCovered == 1)
        let row = try #require(answer.endpoints.first)
        #expect(abs(row.users.estimate - 500) < 25, "\(row.users.estimate)")
        #expect(abs(row.usersFailed.estimate - 125) < 7, "\(row.usersFailed.estimate)")
        let clients = answer.clients.top
        #expect(clients == [FrequentClients.Count(network: "10.0.0.0/24", count: 2_000, errors: 500)])
        // Only those of the window, and under another salt other hashes.
        let part = ask(TimeWindow(from: start, to: start + .seconds(5)), Self.salt)
        #expect(abs((part.endpoints.first?.users.estimate ?? 0) - 100) < 6)
        #expect(ask(all, Array(1...16)).endpoints.first?.users != row.users)
        // Without a salt nobody's users are counted.
        let counts = ask(all, [])
        #expect(counts.usersCovered == 0)
        #expect(counts.endpoints.map(\.count) == [2_000])
        #expect(counts.endpoints.first?.users.isEmpty == true)
    }

    @Test func aLogThatIsGoneLeavesTheCountsAndSaysThatUsersAreMissing() throws {
        let directory = try TemporaryDirectory()
        let log = Log(path: directory.path("shop.log"))
        for index in 0..<10 { log.access(Self.now, 200, user: "user-\(index)") }
        let recorder = recorder(log.path)
        recorder.tick(now: Self.now)
        unlink(log.path)
        let (outcome, answer) = recorder.requests(
            window: TimeWindow(from: Self.now - .seconds(60), to: Self.now + .seconds(60)),
            service: "",
            salt: Self.salt,
            bucketSeconds: 0,
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(outcome.kind == .partial)
        #expect(outcome.reason.contains("users in"))
        #expect(answer.endpoints.map(\.count) == [10])
        #expect(answer.usersCovered == 0)
    }
}
