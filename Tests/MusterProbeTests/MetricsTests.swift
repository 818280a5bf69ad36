import MusterCore
import Testing

@testable import MusterProbe

/// What moved is found, with the moment at which it began to.
struct MetricsTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    /// Noise that is the same in every run.
    private func noise(_ index: Int) -> Double { Double((index &* 7919) % 101) / 1000 - 0.05 }

    private func answer(
        _ recorder: MetricsRecorder,
        _ window: TimeWindow,
        prefix: String = ""
    ) throws -> [MetricSeries] {
        let budget = QuestionBudget()
        let question = MetricsQuestion(
            recorder: recorder,
            window: window,
            prefix: prefix,
            budget: budget,
            now: window.to
        )
        let (outcome, answer) = question.answer(QuestionClock(budget) { false })
        #expect(outcome.kind == .ok)
        guard case .metrics(let metrics)? = answer else { return [] }
        return metrics.series
    }

    @Test func aStepIsFoundWithItsOnset() throws {
        let recorder = MetricsRecorder(reader: HostReader())
        for second in 0..<600 {
            let busy = second < 540 ? 0.2 : 0.95
            recorder.record(
                [
                    MetricKey("cpu_busy_ratio"): busy + noise(second),
                    MetricKey("load_one"): 1 + noise(second),
                    MetricKey("filesystem_used_ratio", "/"): second % 10 == 0 ? 0.4 : .nan,
                ],
                at: start + .seconds(second)
            )
        }
        let window = TimeWindow(from: start + .seconds(500), to: start + .seconds(600))
        let series = try answer(recorder, window)
        #expect(series.map(\.name).first == "cpu_busy_ratio")
        let cpu = try #require(series.first)
        #expect(cpu.score > 6)
        #expect(abs(cpu.baselineMedian - 0.2) < 0.03)
        let onset = try #require(cpu.onset)
        #expect(abs((onset - (start + .seconds(540))).inSeconds) <= 2)
        #expect(cpu.values.count == 100)
        #expect(cpu.at.first == window.from)
        for quiet in series.dropFirst() {
            #expect(quiet.score == 0)
            #expect(quiet.onset == nil)
        }
        #expect(series.first { $0.subject == "/" }?.values.count == 10)
        #expect(try answer(recorder, window, prefix: "load").map(\.name) == ["load_one"])
    }

    @Test func whatIsOlderThanAnHourIsToldInTensOfSeconds() throws {
        let recorder = MetricsRecorder(reader: HostReader())
        for second in 0..<6000 {
            recorder.record(
                [MetricKey("cpu_busy_ratio"): second < 1500 ? 0.1 : 0.9],
                at: start + .seconds(second)
            )
        }
        let window = TimeWindow(from: start + .seconds(1200), to: start + .seconds(1800))
        let cpu = try #require(try answer(recorder, window).first)
        #expect(cpu.values.count == 60)
        #expect(cpu.onset == start + .seconds(1500))
        // The newest hour is there in seconds; a long window is thinned out, its end stays.
        let hour = try #require(
            try answer(recorder, TimeWindow(from: start + .seconds(2400), to: start + .seconds(6000))).first
        )
        #expect(hour.values.count == 600)
        #expect(hour.at.last == start + .seconds(5999))
    }

    @Test func memoryIsBoundedAndStaleSeriesMakeRoom() {
        var history = MetricsHistory(memoryBytesMax: 1 << 20)
        var frame = MetricsFrame()
        var most = 0
        for second in 0..<20_000 {
            frame.clear()
            for key in [MetricKey("steady"), MetricKey("load_one", "p\(second)")] {
                if let slot = history.schema.slot(key) { frame[slot] = Double(second % 97) }
            }
            _ = history.append(at: start + .seconds(second), frame)
            if second % 1000 == 999 { _ = history.makeRoom(at: start + .seconds(second)) }
            most = max(most, history.memoryBytes)
        }
        // The open blocks of a thousand series come on top of what is compressed.
        #expect(most < 3 << 20)
        #expect(history.schema.slot(MetricKey("steady")) != nil)
        #expect(history.schema.count <= MetricsSchema.seriesMax)
    }

    @Test func ratesNeedTwoLooksAndSurviveResets() {
        var sampler = MetricsSampler()
        var look = MetricsSampler.Look()
        look.disks = [
            DiskReading(
                device: "vda",
                readBytes: 1000,
                writtenBytes: 0,
                operations: 10,
                busyMilliseconds: 100,
                operationMilliseconds: 40
            )
        ]
        look.pressures = [
            PressureReading(resource: "io", pressure: Array("some total=1000\nfull total=0\n".utf8))
        ]
        #expect(sampler.values(look, elapsed: .zero).isEmpty)
        look.disks[0].readBytes = 5000
        look.disks[0].busyMilliseconds = 1100
        look.pressures = [
            PressureReading(resource: "io", pressure: Array("some total=1001000\nfull total=0\n".utf8))
        ]
        let values = sampler.values(look, elapsed: .seconds(2))
        #expect(values[MetricKey("disk_read_bytes_per_second", "vda")] == 2000)
        #expect(values[MetricKey("disk_busy_ratio", "vda")] == 0.5)
        #expect(values[MetricKey("io_pressure_some_ratio")] == 0.5)
        look.disks[0].readBytes = 0
        #expect(
            sampler.values(look, elapsed: .seconds(1))[MetricKey("disk_read_bytes_per_second", "vda")] == nil
        )
    }
}
