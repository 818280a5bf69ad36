import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

@Suite struct RequestHistoryTests {
    private static let now = Timestamp(nanoseconds: 1_764_000_000_000_000_000)

    private struct Made {
        var at: Timestamp
        var endpoint: String
        var status: Int
        var latency: Double
    }

    private static let paths = ["/a", "/b/c", "/d"]

    private func requests(_ count: Int, over span: Duration, seed: UInt64) -> [Made] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            Made(
                at: Self.now - .nanoseconds(Int64(random.unit() * Double(span.nanoseconds))),
                endpoint: Self.paths[Int(random.next() % 3)],
                status: [200, 200, 200, 404, 503][Int(random.next() % 5)],
                latency: 1 + random.unit() * random.unit() * 900
            )
        }
    }

    private func add(_ made: Made, to history: inout RequestHistory, now: Timestamp, weight: Int = 1) {
        history.add(
            at: made.at,
            now: now,
            service: Array("shop".utf8)[...],
            request: ParsedRequest(
                method: Array("GET".utf8)[...],
                path: Array(made.endpoint.utf8)[...],
                status: made.status,
                latencyMilliseconds: made.latency,
                user: nil,
                client: nil
            ),
            weight: weight
        )
    }

    private func rows(_ history: RequestHistory, _ window: TimeWindow) -> [String: EndpointRequests] {
        var history = history
        history.settle()
        let count = history.count(window: window, service: "shop", bucketSeconds: 0) { false }
        return Dictionary(uniqueKeysWithValues: count.rows.map { ($0.requests.path, $0.requests) })
    }

    @Test(
        "Of the last twenty minutes every second is counted exactly, in whatever order lines come",
        arguments: UInt64(1)...3
    )
    func recent(seed: UInt64) throws {
        let made = requests(5_000, over: .seconds(1_100), seed: seed)
        var history = RequestHistory()
        for one in made { add(one, to: &history, now: Self.now) }
        history.trim(now: Self.now)
        var random = SplitMix64(seed: seed + 100)
        for _ in 0..<20 {
            let from = Self.now - .seconds(Int64(random.next() % 1_100))
            let window = TimeWindow(from: from, to: from + .seconds(Int64(random.next() % 400)))
            let found = rows(history, window)
            for path in Self.paths {
                let exact = made.filter { $0.endpoint == path && window.contains($0.at) }
                #expect(found[path]?.count ?? 0 == exact.count)
                #expect(found[path]?.errors ?? 0 == exact.count { $0.status == 503 })
                #expect(found[path]?.clientErrors ?? 0 == exact.count { $0.status == 404 })
            }
        }
    }

    @Test("A day is counted whole and its latencies stay within a percent, coarser as it grows old")
    func aDay() throws {
        let made = requests(40_000, over: .seconds(86_000), seed: 4).sorted { $0.at < $1.at }
        var history = RequestHistory()
        for (index, one) in made.enumerated() {
            add(one, to: &history, now: one.at)
            if index % 50 == 0 { history.trim(now: one.at) }
        }
        history.trim(now: Self.now)
        #expect(history.lost == 0)
        #expect(history.blocks.count < 3_000, "\(history.blocks.count) blocks")
        #expect(history.bytesUsed < 1 << 20, "\(history.bytesUsed) bytes")
        let all = rows(history, TimeWindow(from: Self.now - .seconds(86_400), to: Self.now + .seconds(1)))
        for path in Self.paths {
            let row = try #require(all[path])
            let exact = made.filter { $0.endpoint == path }
            #expect(row.count == exact.count)
            #expect(row.classes.map(\.statusClass) == [2, 4, 5])
            #expect(row.classes.reduce(0) { $0 + $1.count } == row.count)
            let failed = exact.filter { $0.status == 503 }.map(\.latency).sorted()
            let sketch = try #require(row.classes.last).latency
            #expect(sketch.count == failed.count)
            for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
                let truth = failed[Int(share * Double(failed.count - 1))]
                let told = try #require(sketch.quantile(share))
                #expect(abs(told - truth) <= truth * 0.0101, "at \(share)")
            }
        }
        // An old window is off by at most half a step at each end.
        let old = TimeWindow(from: Self.now - .seconds(50_000), to: Self.now - .seconds(40_000))
        let told = rows(history, old).values.reduce(0) { $0 + $1.count }
        let least = made.count { $0.at >= old.from + .seconds(150) && $0.at < old.to - .seconds(150) }
        let most = made.count { $0.at >= old.from - .seconds(150) && $0.at < old.to + .seconds(150) }
        #expect((least...most).contains(told))
    }

    @Test("Many endpoints press the steps coarser before anything is let go, and the rest is counted as lost")
    func pressure() {
        var history = RequestHistory(limits: .init(bytesMax: 60_000, endpointsMax: 100))
        var random = SplitMix64(seed: 5)
        var added = 0
        for second in 0..<3_000 {
            let now = Self.now + .seconds(Int64(second))
            for _ in 0..<10 {
                let path = "/route-\(["x", "y", "z"][Int(random.next() % 3)])/\(random.next() % 40)x"
                add(Made(at: now, endpoint: path, status: 200, latency: 5), to: &history, now: now)
                added += 1
            }
            history.trim(now: now)
            #expect(history.bytesUsed <= 60_000)
        }
        history.settle()
        let window = TimeWindow(from: Self.now, to: Self.now + .seconds(4_000))
        let told = history.count(window: window, service: "", bucketSeconds: 0) { false }
        #expect(told.rows.reduce(0) { $0 + $1.requests.count } + Int(history.lost) == added)
        #expect(history.endpoints.count <= 100)
        #expect(told.stepSeconds > 1)
    }

    @Test("Lines that stand for several are counted as so many, and the answer says since when and how wide")
    func sampled() throws {
        var history = RequestHistory()
        for second in 0..<20 {
            for _ in 0..<30 {
                let made = Made(
                    at: Self.now + .seconds(Int64(second)),
                    endpoint: "/a",
                    status: second % 2 == 0 ? 200 : 500,
                    latency: 10
                )
                add(made, to: &history, now: made.at, weight: second < 10 ? 1 : 8)
            }
        }
        history.settle()
        let window = TimeWindow(from: Self.now, to: Self.now + .seconds(20))
        let told = history.count(window: window, service: "", bucketSeconds: 0) { false }
        let row = try #require(told.rows.first?.requests)
        #expect(row.count == 300 + 2_400)
        #expect(row.latency.count == row.count)
        #expect(row.countVariance == 300 * 8 * 7)
        #expect(row.errorsVariance == 150 * 8 * 7)
        #expect(
            told.sampled == [
                SampledStretch(
                    window: TimeWindow(from: Self.now + .seconds(10), to: Self.now + .seconds(20)),
                    every: 8
                )
            ]
        )
    }

    @Test("A clock that is set back or forward loses no request")
    func clock() {
        var history = RequestHistory()
        var added = 0
        for jump in [0, 7_200, -3_600, 90_000, 0] {
            let now = Self.now + .seconds(Int64(jump))
            for second in 0..<100 {
                add(
                    Made(at: now + .seconds(Int64(second)), endpoint: "/a", status: 200, latency: 1),
                    to: &history,
                    now: now + .seconds(Int64(second))
                )
                added += 1
            }
            if jump < 80_000 { history.trim(now: now) }
        }
        history.settle()
        let all = TimeWindow(from: .zero, to: Self.now + .seconds(200_000))
        let told = history.count(window: all, service: "", bucketSeconds: 0) { false }
        #expect(told.rows.first?.requests.count == added)
    }

    @Test("What was counted by name is counted under :id once names are learnt, in old and new seconds alike")
    func learning() {
        var history = RequestHistory()
        var random = SplitMix64(seed: 6)
        var (names, settings) = (0, 0)
        for second in 0..<200 {
            let now = Self.now + .seconds(Int64(second))
            let name = String((0..<6).map { _ in Character(UnicodeScalar(UInt8(97 + random.next() % 26))) })
            for path in ["/users/\(name)", "/users/\(name)/settings", "/cart"] {
                add(Made(at: now, endpoint: path, status: 200, latency: 5), to: &history, now: now)
            }
            (names, settings) = (names + 1, settings + 1)
            history.trim(now: now)
        }
        history.settle()
        let window = TimeWindow(from: Self.now, to: Self.now + .seconds(300))
        let told = history.count(window: window, service: "", bucketSeconds: 0) { false }
        let rows = Dictionary(uniqueKeysWithValues: told.rows.map { ($0.requests.path, $0.requests) })
        #expect(
            rows.mapValues(\.count) == ["/users/:id": names, "/users/:id/settings": settings, "/cart": 200]
        )
        #expect(rows["/users/:id"]?.isLearnt == true && rows["/cart"]?.isLearnt == false)
        #expect(history.endpoints.count == 4)
    }
}
