import MusterCore
import Synchronization

/// Continuous, bounded traffic to the shop on all its hosts, and the count of what came of it.
final class Traffic: Sendable {
    struct Target: Sendable {
        var address: String
        var port: Int
    }

    private let record = Mutex(TrafficRecord())
    private let stopping = Atomic<Bool>(false)
    private let threads: Mutex<[WorkerThread]> = Mutex([])
    private static let workersPerHost = 3
    private let targets: [Target]
    private let seed: UInt64
    /// Between two requests of one worker.
    private let pause: Duration
    private let started = Atomic<UInt64>(0)

    /// Starts at once; `rate` is requests per second over all hosts.
    ///
    /// A slow shop gets fewer, never a backlog.
    init(to targets: [Target], rate: Double, seed: UInt64) throws(DrillError) {
        self.targets = targets
        self.seed = seed
        pause = Duration.seconds(Double(targets.count * Self.workersPerHost) / rate)
        try addWorkers(times: 1)
    }

    /// Sends so many times as much from now on.
    func multiply(by factor: Int) throws(DrillError) { try addWorkers(times: factor - 1) }

    private func addWorkers(times: Int) throws(DrillError) {
        for (host, target) in targets.enumerated() {
            for _ in 0..<times * Self.workersPerHost {
                let worker = started.add(1, ordering: .relaxed).oldValue
                let workerSeed = seed &+ worker &* 0x1000_0001
                let thread = try WorkerThread { [self] in
                    work(host: UInt8(host), target: target, pause: pause, seed: workerSeed)
                }
                threads.withLock { $0.append(thread) }
            }
        }
    }

    /// Ends all workers and waits for them.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }

    /// The truth so far.
    func count(in window: TimeWindow, endpoint: Shoppers.Endpoint? = nil) -> TrafficRecord.Count {
        record.withLock { $0.count(in: window, endpoint: endpoint) }
    }

    /// The truth about the last stretch of time.
    func count(last span: Duration, endpoint: Shoppers.Endpoint? = nil) -> TrafficRecord.Count {
        let now = WallClock.now()
        return count(in: TimeWindow(from: now - span, to: now), endpoint: endpoint)
    }

    private func work(host: UInt8, target: Target, pause: Duration, seed: UInt64) {
        var shoppers = Shoppers(seed: seed)
        var connection = HTTPConnection(address: target.address, port: target.port, timeout: .seconds(5))
        defer { connection.close() }
        while !stopping.load(ordering: .relaxed) {
            WallClock.sleep(pause * shoppers.jitter())
            let visit = shoppers.next()
            let body = visit.endpoint == .catalog ? [] : Array(#"{"items":\#(visit.items)}"#.utf8)
            let began = WallClock.monotonic()
            let answer = connection.send(
                method: visit.endpoint.method,
                path: visit.endpoint.path,
                headers: [("X-User", "u-\(visit.user)"), ("User-Agent", "shopper/1")],
                body: body
            )
            let entry = TrafficRecord.Entry(
                at: WallClock.now(),
                endpoint: visit.endpoint,
                host: host,
                user: UInt16(clamping: visit.user),
                failed: answer.map { $0.status >= 500 } ?? true,
                took: WallClock.monotonic() - began
            )
            record.withLock { $0.add(entry) }
        }
    }
}
