import MusterAnalysis
import MusterCore
import MusterTesting
import Testing

/// Log templates that are new, gone, or come more often.
@Suite struct TemplateRatesTests {
    private static let start: UInt32 = 178_000_002
    private static let hour: UInt32 = 360

    /// Ten templates of different rates for some hours; `more` adds lines in a tick of a template.
    private func watch(
        hours: UInt32,
        seed: UInt64 = 1,
        more: (UInt32) -> [(id: UInt64, level: LogLevel?, count: Int)] = { _ in [] },
        without: (UInt32) -> UInt64? = { _ in nil }
    ) -> AnomalyWatch {
        var watch = AnomalyWatch()
        var random = SplitMix64(seed: seed)
        for tick in 0..<hours * Self.hour {
            for id in 0..<10 as Range<UInt64> {
                let count = Int(random.poisson(0.05 * Double(1 << id)))
                guard without(tick) != id else { continue }
                watch.add(lines: count, of: id, level: .info)
            }
            // A job that logs a hundred lines every half hour.
            if tick % 180 < 2 { watch.add(lines: 50, of: 10, level: .info) }
            for extra in more(tick) { watch.add(lines: extra.count, of: extra.id, level: extra.level) }
            watch.endTick(Self.start + tick + 1) { "template \($0)" }
        }
        return watch
    }

    private func all(_ watch: AnomalyWatch) -> [SeriesAnomaly] {
        watch.anomalies(
            window: TimeWindow(from: .zero, to: Timestamp(nanoseconds: .max)),
            prefix: AnomalyWatch.templateName
        ).anomalies
    }

    @Test("Steady templates, rare ones and bursts raise no alarm", arguments: UInt64(0)..<3)
    func quiet(seed: UInt64) {
        #expect(all(watch(hours: 24, seed: seed)).isEmpty)
    }

    @Test(
        "A new template is told by its level and count",
        arguments: [
            (LogLevel.fatal, 1, true), (.error, 1, false), (.error, 3, true), (.info, 2, false),
            (.info, 20, true),
        ]
    )
    func new(_ level: LogLevel, _ count: Int, _ isTold: Bool) throws {
        let lines: [(id: UInt64, level: LogLevel?, count: Int)] = [(99, level, count)]
        let watch = watch(hours: 3, more: { $0 == 2 * Self.hour + 100 ? lines : [] })
        let found = all(watch)
        #expect(found.count == (isTold ? 1 : 0))
        guard let first = found.first else { return }
        #expect(first.subject == "template 99" && first.direction == .up && first.usual == 0)
        let onset = Timestamp(seconds: Double(Self.start + 2 * Self.hour + 100) * 10)
        #expect(abs((first.onset - onset).inSeconds) <= 60)
        #expect(first.state == .recovered)
    }

    @Test("What is there from the start is not new")
    func start() {
        #expect(all(watch(hours: 2, more: { $0 == 100 ? [(99, .fatal, 50)] : [] })).isEmpty)
    }

    @Test("Many more lines than usual are told, with their onset, until they are fewer again")
    func more() throws {
        let from = 5 * Self.hour
        let watch = watch(hours: 7, more: { from..<from + 60 ~= $0 ? [(3, .info, 20)] : [] })
        let found = try #require(all(watch).first)
        #expect(all(watch).count == 1)
        #expect(found.subject == "template 3" && found.direction == .up && found.state == .recovered)
        let onset = Timestamp(seconds: Double(Self.start + from) * 10)
        #expect(abs((found.onset - onset).inSeconds) <= 60)
        #expect(found.worst > 100 && abs(found.usual - 2.4) < 1)
        let ended = try #require(found.ended)
        #expect(abs((ended - onset).inSeconds - 600) <= 120)
    }

    @Test("A template that came regularly and is silent is gone, since its last line")
    func gone() throws {
        let from = 5 * Self.hour
        let watch = watch(hours: 6, without: { $0 >= from ? 6 : nil })
        let found = try #require(all(watch).first)
        #expect(all(watch).count == 1)
        #expect(found.subject == "template 6" && found.direction == .down && found.state == .open)
        let onset = Timestamp(seconds: Double(Self.start + from) * 10)
        #expect(abs((found.onset - onset).inSeconds) <= 60)
    }

    @Test("Templates without end are bounded and counted")
    func bounded() {
        var watch = AnomalyWatch()
        for id in 0..<5_000 as Range<UInt64> { watch.add(lines: 1, of: id, level: nil) }
        watch.endTick(Self.start) { "\($0)" }
        #expect(watch.digest.refused == 5_000 - 4_096)
    }
}
