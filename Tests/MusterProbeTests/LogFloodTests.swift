import Glibc
import MusterCore
import MusterTesting
import Synchronization
import Testing

@testable import MusterProbe

/// A log that grows faster than it can be understood.
@Suite struct LogFloodTests {
    private static let routes: [(path: String, share: Int, status: Int)] = [
        ("/api/checkout", 10, 503), ("/api/checkout", 60, 200), ("/api/cart", 25, 200), ("/search", 5, 404),
    ]

    /// Writes lines as fast as it can, and counts them by path and status.
    private final class Writer: Sendable {
        let counts = Mutex<[String: Int]>([:])
        let lines = Atomic<Int>(0)
        let bytes = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)

        func run(_ path: String, bytesMax: Int, seed: UInt64) {
            defer { isDone.store(true, ordering: .releasing) }
            var random = SplitMix64(seed: seed)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return }
            defer { close(descriptor) }
            var written = 0
            while written < bytesMax {
                var block: [UInt8] = []
                var counts: [String: Int] = [:]
                let time = Self.time()
                for _ in 0..<2_000 {
                    var draw = Int(random.next() % 100)
                    let route =
                        routes.first {
                            draw -= $0.share; return draw < 0
                        } ?? routes[0]
                    counts["\(route.path) \(route.status)", default: 0] += 1
                    block += Array(
                        (#"10.1.2.3 - user-\#(random.next() % 1_000) [\#(time)] "GET \#(route.path)?n=\#(random.next() % 99) HTTP/1.1" "#
                            + #"\#(route.status) 512 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0" 0.0\#(random.next() % 90 + 10)"#
                            + "\n").utf8
                    )
                }
                guard write(descriptor, block, block.count) == block.count else { return }
                written += block.count
                self.counts.withLock { $0.merge(counts, uniquingKeysWith: +) }
                lines.add(2_000, ordering: .relaxed)
                bytes.add(block.count, ordering: .relaxed)
            }
        }

        private static func time() -> String {
            var now = Glibc.time(nil)
            var parts = tm()
            gmtime_r(&now, &parts)
            var text = [CChar](repeating: 0, count: 64)
            let used = strftime(&text, text.count, "%d/%b/%Y:%H:%M:%S +0000", &parts)
            return String(decoding: text.prefix(used).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    @Test(
        "In a flood no line is lost or counted twice, the CPU stays inside its budget, and sampling is announced"
    )
    func flood() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("access.log")
        let ratio = 0.2
        let recorder = LogRecorder(
            [LogFileSettings(path: path, service: "shop")],
            host: HostFiles(),
            zoneOffsetSeconds: 0,
            limits: .init(),
            cpuRatioMax: ratio
        )
        recorder.tick(now: WallMoment.now)
        let began = ContinuousClock.now
        let from = WallMoment.now
        let writer = Writer()
        #expect(DetachedThread.start { writer.run(path, bytesMax: 60_000_000, seed: 42) })
        var (cpu, slowest, sampledMost) = (0.0, 0.0, 1)
        while !writer.isDone.load(ordering: .acquiring)
            || recorder.bytesFollowed < writer.bytes.load(ordering: .relaxed),
            ContinuousClock.now - began < .seconds(120)
        {
            let start = ThreadTime.seconds
            recorder.tick(now: WallMoment.now)
            let spent = ThreadTime.seconds - start
            (cpu, slowest) = (cpu + spent, max(slowest, spent))
            sampledMost = max(sampledMost, recorder.linesSampledEvery)
            usleep(100_000)
        }
        let elapsed = (ContinuousClock.now - began).inSeconds
        let lines = writer.lines.load(ordering: .relaxed)
        #expect(writer.bytes.load(ordering: .relaxed) >= 60_000_000)
        #expect(Int(recorder.linesRead) == lines, "lost or counted twice: \(lines - Int(recorder.linesRead))")
        #expect(recorder.bytesFollowed == writer.bytes.load(ordering: .relaxed))
        // What may be saved up, and the one read in which it runs out, come on top.
        #expect(cpu <= ratio * (elapsed + 4) + 0.2, "\(cpu) s in \(elapsed) s, at most \(slowest) s at once")
        #expect(sampledMost > 1)
        #expect(recorder.linesDropped > 0)

        let (outcome, answer) = recorder.requests(
            window: TimeWindow(from: from - .seconds(2), to: WallMoment.now + .seconds(2)),
            service: "shop",
            salt: [],
            bucketSeconds: 0,
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(outcome.kind == .partial)
        #expect(outcome.reason.contains("sampled 1 in "), "\(outcome.reason)")
        #expect(!answer.sampled.isEmpty)
        let counts = writer.counts.withLock { $0 }
        #expect(answer.endpoints.count == 3)
        for row in answer.endpoints {
            let truth = counts.filter { $0.key.hasPrefix(row.path + " ") }.reduce(0) { $0 + $1.value }
            let failed = counts["\(row.path) 503"] ?? 0
            // Six standard deviations, and some groups: those that a change of the rate cut short, and what no
            // sample fell on, of which the variance knows nothing.
            let cut = 8 * Double(sampledMost)
            #expect(abs(Double(row.count - truth)) <= 6 * row.countVariance.squareRoot() + cut)
            #expect(abs(Double(row.errors - failed)) <= 6 * row.errorsVariance.squareRoot() + cut)
        }
        let told = answer.endpoints.reduce(0) { $0 + $1.count }
        #expect(abs(told - lines) < lines / 20 + 8 * sampledMost, "\(told) of \(lines)")
    }
}
