import MusterAnalysis
import MusterCore
import MusterTesting
import Testing

@Suite struct AnomalyWatchTests {
    private let start: UInt32 = 178_000_000
    private let hour: UInt32 = 360

    private func time(_ tick: UInt32) -> Timestamp { Timestamp(nanoseconds: Int64(tick) * 10_000_000_000) }
    private let end = Timestamp(nanoseconds: .max)

    /// A disk that gets busy at a tick for so many points, beside a CPU that does not.
    private func watch(busyFrom: UInt32, points: UInt32, until end: UInt32) -> AnomalyWatch {
        var watch = AnomalyWatch()
        var disk = SyntheticSeries(.white, seed: 1)
        var cpu = SyntheticSeries(.white, seed: 2)
        for tick in start..<end {
            let isBusy = tick >= busyFrom && tick < busyFrom + points
            watch.add(
                disk.next(tick) + (isBusy ? 0.5 : 0),
                name: "disk_busy_ratio",
                subject: "sda",
                tick: tick
            )
            watch.add(cpu.next(tick), name: "cpu_busy_ratio", subject: "", tick: tick)
        }
        return watch
    }

    private func all(_ watch: AnomalyWatch, prefix: String = "") -> [SeriesAnomaly] {
        watch.anomalies(window: TimeWindow(from: .zero, to: end), prefix: prefix).anomalies
    }

    @Test("The digest names what goes on, since when, and counts the rest")
    func digest() throws {
        let onset = start + 5 * hour
        let watch = watch(busyFrom: onset, points: hour, until: onset + 30)
        let digest = watch.digest
        #expect(digest.open == 1 && digest.watched == 2 && digest.learning == 0 && digest.recent == 0)
        let line = try #require(digest.worst.first)
        #expect(line.name == "disk_busy_ratio" && line.subject == "sda" && line.direction == .up)
        #expect(line.onset == time(onset))
        #expect(abs(line.usual - 0.4) < 0.05 && line.value > 0.7)
        #expect(line.score >= 8)
        #expect(digest.text.hasPrefix("disk_busy_ratio sda ") && digest.text.contains(" since "))
    }

    @Test("What is over is told for a day, by window and prefix")
    func past() throws {
        let onset = start + 5 * hour
        var watch = watch(busyFrom: onset, points: 60, until: onset + hour)
        #expect(watch.digest.open == 0 && watch.digest.recent == 1)
        let anomaly = try #require(all(watch).first)
        #expect(anomaly.state == .recovered)
        let ended = try #require(anomaly.ended)
        #expect(abs((ended - time(onset + 60)).inSeconds) <= 30)
        #expect(all(watch, prefix: "disk").count == 1 && all(watch, prefix: "cpu").isEmpty)
        let later = TimeWindow(from: ended + .seconds(60), to: end)
        #expect(watch.anomalies(window: later, prefix: "").anomalies.isEmpty)
        let earlier = TimeWindow(from: .zero, to: anomaly.onset)
        #expect(watch.anomalies(window: earlier, prefix: "").anomalies.isEmpty)
        // Another one a day later puts it out of memory.
        var disk = SyntheticSeries(.white, seed: 3)
        for tick in onset + hour..<onset + 9000 {
            watch.add(
                disk.next(tick) + (tick > onset + 8900 ? 0.5 : 0),
                name: "disk_busy_ratio",
                subject: "sda",
                tick: tick
            )
        }
        #expect(all(watch).map(\.state) == [.open, .recovered])
        for tick in onset + 9000..<onset + 9100 {
            watch.add(disk.next(tick), name: "disk_busy_ratio", subject: "sda", tick: tick)
        }
        #expect(all(watch).map(\.state) == [.recovered])
        #expect(all(watch).first?.onset ?? .zero > time(onset + 8000))
    }

    @Test("A series that is gone makes room for a new one; without room it is counted")
    func room() {
        var watch = AnomalyWatch()
        for index in 0..<AnomalyWatch.seriesMax {
            watch.add(1, name: "old", subject: "\(index)", tick: start)
        }
        watch.add(1, name: "new", subject: "", tick: start + 1)
        #expect(watch.digest.watched == AnomalyWatch.seriesMax && watch.digest.refused == 1)
        watch.add(1, name: "new", subject: "", tick: start + 2 * hour)
        #expect(watch.digest.watched == AnomalyWatch.seriesMax && watch.digest.refused == 1)
    }

    @Test("A clock that is set back stops nothing")
    func clockBack() {
        var watch = watch(busyFrom: 0, points: 0, until: start + 5 * hour)
        var disk = SyntheticSeries(.white, seed: 8)
        // An hour back, and busy from then on.
        for tick in start + 4 * hour..<start + 7 * hour {
            watch.add(
                disk.next(tick) + (tick >= start + 6 * hour ? 0.5 : 0),
                name: "disk_busy_ratio",
                subject: "sda",
                tick: tick
            )
        }
        #expect(watch.digest.open == 1)
        #expect(watch.digest.worst.first?.onset == time(start + 6 * hour))
    }

    @Test("Values that are no numbers and ticks of the far future do no harm")
    func wild() {
        var watch = AnomalyWatch()
        for tick in [start, 0, .max, start + 1] {
            for value in [Double.nan, .infinity, 1e300, -1e300, 0] {
                watch.add(value, name: "a", subject: "b", tick: tick)
            }
        }
        #expect(watch.digest.watched == 1)
        #expect(AnomalyWatch.tick(of: Timestamp(nanoseconds: -5)) == 0)
    }
}
