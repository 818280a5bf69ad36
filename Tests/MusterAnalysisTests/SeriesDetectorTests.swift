import MusterCore
import MusterTesting
import Testing

@testable import MusterAnalysis

/// The detector on made series with known changes; `muster-bench anomalies` measures the same at length.
@Suite struct SeriesDetectorTests {
    /// One series with what was noticed of it.
    struct Watched {
        var detector = SeriesDetector()
        var open: Anomaly?
        /// Every anomaly that began, as it was when it ended or is now.
        var found: [Anomaly] = []
        let floor: NoiseFloor

        init(_ name: String) { floor = NoiseFloor(of: name) }

        mutating func add(_ value: Double, _ tick: UInt32) {
            let transition = detector.add(Float(value), tick: tick, floor: floor, anomaly: &open)
            switch transition {
            case .began(let anomaly)?:
                open = anomaly
                found.append(anomaly)
            case .ended(let state, let at)?:
                if var last = found.popLast() {
                    (last.state, last.ended) = (state, at)
                    found.append(last)
                }
                open = nil
            case nil: break
            }
        }
    }

    static let start: UInt32 = 178_000_000
    static let hour = 360

    @Test("A series without a change raises next to no alarm", arguments: SyntheticSeries.Kind.allCases)
    func quiet(_ kind: SyntheticSeries.Kind) {
        var alarms = 0
        for seed in 0..<2 as Range<UInt64> {
            var series = SyntheticSeries(kind, seed: seed)
            var watched = Watched(kind.name)
            for tick in Self.start..<Self.start + 2 * 8640 { watched.add(series.next(tick), tick) }
            alarms += watched.found.count
        }
        // What happens for the first times is told: bursts of a new size, and the first nights of a nightly job.
        let usual = [.bursts: 4, .everyNight: 6, .onOff: 1, .everyHour: 1][kind] ?? 0
        #expect(alarms <= usual)
    }

    /// A change of a series at a known time, and how well it must be seen.
    struct Change: Sendable, CustomTestStringConvertible {
        var name: String
        var kind: SyntheticSeries.Kind
        var direction: SeriesAnomaly.Direction
        /// Points from the change until it must be noticed, and how far off its onset may be, in the median.
        var delayMax: Int
        var onsetMax: Int
        /// The new value from the old one, the points since the change, and noise.
        var apply: @Sendable (Double, Int, inout SplitMix64) -> Double
        var testDescription: String { name }
    }

    static let changes: [Change] = [
        .init(name: "step of 2σ", kind: .white, direction: .up, delayMax: 20, onsetMax: 2) { value, _, _ in
            value + 0.1
        },
        .init(name: "step of 12σ", kind: .white, direction: .up, delayMax: 5, onsetMax: 0) { value, _, _ in
            value + 0.6
        },
        .init(name: "ramp", kind: .white, direction: .up, delayMax: 35, onsetMax: 15) { value, point, _ in
            value + 0.3 * min(1, Double(point) / 60)
        },
        .init(name: "spikes", kind: .white, direction: .unsteady, delayMax: 60, onsetMax: 6) {
            value,
            point,
            _ in
            point % 6 == 0 ? value + 0.5 : value
        },
        .init(name: "noise", kind: .white, direction: .unsteady, delayMax: 40, onsetMax: 10) {
            value,
            _,
            random in
            value + 0.14 * random.gauss()
        },
        .init(name: "to zero", kind: .dayOfRequests, direction: .down, delayMax: 5, onsetMax: 0) { _, _, _ in
            0
        },
        .init(name: "counts to zero", kind: .poisson, direction: .down, delayMax: 25, onsetMax: 3) {
            _,
            _,
            _ in 0
        },
        .init(name: "more errors", kind: .rareCounts, direction: .up, delayMax: 20, onsetMax: 3) {
            _,
            _,
            random in
            random.poisson(4)
        },
        .init(name: "heavy tail × 10", kind: .lognormal, direction: .up, delayMax: 20, onsetMax: 2) {
            value,
            _,
            _ in
            value * 10
        },
        .init(name: "wandering × 10", kind: .wandering, direction: .up, delayMax: 5, onsetMax: 1) {
            value,
            _,
            _ in
            value * 10
        },
        .init(name: "leak", kind: .randomWalk, direction: .down, delayMax: 250, onsetMax: 40) {
            value,
            point,
            _ in
            value - 3e9 * Double(point) / 360
        },
        .init(name: "stuck", kind: .constant, direction: .up, delayMax: 3, onsetMax: 0) { _, _, _ in 0.9 },
    ]

    @Test("A change is found, and when it began", arguments: changes)
    func found(_ change: Change) throws {
        var delays: [Int] = []
        var errors: [Int] = []
        for seed in 0..<7 as Range<UInt64> {
            var series = SyntheticSeries(change.kind, seed: seed &+ 100)
            var random = SplitMix64(seed: seed)
            var watched = Watched(change.kind.name)
            let onset = 10 * Self.hour + Int(seed) * 37
            for index in 0..<onset + Self.hour {
                let tick = Self.start + UInt32(index)
                let value = series.next(tick)
                watched.add(index < onset ? value : change.apply(value, index - onset, &random), tick)
            }
            let hit = watched.found.first { $0.noticed >= Self.start + UInt32(onset) }
            guard let hit else { continue }
            #expect(hit.direction == change.direction || change.direction == .unsteady)
            #expect(hit.score >= SeriesDetector.scoreMin)
            delays.append(Int(hit.noticed - Self.start) - onset)
            errors.append(abs(Int(hit.onset) - Int(Self.start) - onset))
        }
        #expect(delays.count == 7)
        #expect(delays.sorted()[delays.count / 2] <= change.delayMax, "\(delays)")
        #expect(errors.sorted()[errors.count / 2] <= change.onsetMax, "\(errors)")
    }

    @Test("What comes back is recovered, at the moment at which it came back")
    func recovery() throws {
        var series = SyntheticSeries(.white, seed: 3)
        var watched = Watched("cpu_busy_ratio")
        let (from, to) = (6 * Self.hour, 7 * Self.hour)
        for index in 0..<9 * Self.hour {
            let tick = Self.start + UInt32(index)
            watched.add(series.next(tick) + (from..<to ~= index ? 0.4 : 0), tick)
        }
        #expect(watched.found.count == 1)
        let anomaly = try #require(watched.found.first)
        #expect(anomaly.state == .recovered)
        #expect(abs(Int(anomaly.ended) - Int(Self.start) - to) <= 3)
        #expect(abs(anomaly.usual - 0.4) < 0.05)
    }

    @Test("What stays for four hours is the new usual, and a fall from there is news")
    func settled() throws {
        var series = SyntheticSeries(.white, seed: 4)
        var watched = Watched("cpu_busy_ratio")
        for index in 0..<18 * Self.hour {
            let tick = Self.start + UInt32(index)
            let up = 6 * Self.hour..<14 * Self.hour ~= index
            watched.add(series.next(tick) + (up ? 0.4 : 0), tick)
        }
        #expect(watched.found.map(\.state) == [.settled, .open])
        #expect(watched.found.map(\.direction) == [.up, .down])
    }

    @Test("A second incident is told as well as the first")
    func twice() {
        var series = SyntheticSeries(.white, seed: 5)
        var watched = Watched("cpu_busy_ratio")
        for index in 0..<14 * Self.hour {
            let tick = Self.start + UInt32(index)
            let hour = index / Self.hour
            watched.add(series.next(tick) + (hour == 6 || hour == 10 ? 0.4 : 0), tick)
        }
        #expect(watched.found.count == 2)
    }

    @Test("A nightly job is told for a few nights, then taken for granted")
    func nightly() {
        var series = SyntheticSeries(.everyNight, seed: 6)
        var watched = Watched("cpu_busy_ratio")
        for tick in Self.start..<Self.start + 8 * 8640 { watched.add(series.next(tick), tick) }
        let late = watched.found.filter { $0.noticed > Self.start + 5 * 8640 }
        #expect(!watched.found.isEmpty && late.isEmpty)
    }

    @Test("A gap and a clock that is set back are no change; a long absence begins anew")
    func gaps() {
        var series = SyntheticSeries(.white, seed: 7)
        var watched = Watched("cpu_busy_ratio")
        for index in 0..<6 * Self.hour where !(1000..<1300 ~= index) {
            watched.add(series.next(Self.start + UInt32(index)), Self.start + UInt32(index))
        }
        for index in 0..<Self.hour { watched.add(series.next(Self.start), Self.start + 900 + UInt32(index)) }
        for index in 0..<Self.hour {
            watched.add(series.next(Self.start) + 0.5, Self.start + 10_000 + UInt32(index))
        }
        watched.add(.nan, Self.start + 20_000)
        #expect(watched.found.isEmpty)
    }

    @Test("The first minutes of a process and a counter that begins anew are no change")
    func beginnings() {
        var watched = Watched("process_resident_bytes")
        for index in 0..<4 * Self.hour {
            // It grows to its size in a few minutes, as processes do.
            let size = 4e8 * min(1, Double(index + 1) / 20)
            watched.add(size, Self.start + UInt32(index))
        }
        #expect(watched.found.isEmpty)
        var counter = Watched("uptime_seconds")
        for index in 0..<4 * Self.hour {
            counter.add(Double(index % (2 * Self.hour) * 10), Self.start + UInt32(index))
        }
        #expect(counter.found.isEmpty)
    }

    @Test("A detector stays small")
    func size() {
        #expect(MemoryLayout<SeriesDetector>.stride <= 488)
    }
}
