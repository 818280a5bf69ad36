import ArgumentParser
import MusterAnalysis
import MusterCore
import MusterTesting

/// `muster-bench anomalies`: how often the watch raises a false alarm, what it costs, and how well it dates changes.
struct AnomaliesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anomalies",
        abstract:
            "False alarms per series and day of made series without a change, and the time a point takes."
    )

    @Option(help: "Days of each series.") var days = 14
    @Option(help: "Series of each kind.") var series = 20

    func run() throws {
        guard (1...100).contains(days), (1...1_000).contains(series) else {
            throw ValidationError("--days is from 1 to 100, --series from 1 to 1000")
        }
        var parts: [String] = []
        var spent = Duration.zero
        var all = (alarms: 0, first: 0)
        for kind in SyntheticSeries.Kind.allCases {
            var count = (alarms: 0, first: 0)
            for seed in 0..<UInt64(series) { add(kind, seed, &count, &spent) }
            all = (all.alarms + count.alarms, all.first + count.first)
            parts.append("\"\(kind.rawValue)\":\(object(count, kinds: 1))")
        }
        let kinds = SyntheticSeries.Kind.allCases.count
        let points = Double(kinds * series * days * Self.dayTicks)
        print(
            "{\"days\":\(days),\"seriesOfEachKind\":\(series),\"nanosecondsPerPoint\":\(spent.inSeconds * 1e9 / points),"
                + "\"all\":\(object(all, kinds: kinds)),\"kinds\":{\(parts.joined(separator: ","))}}"
        )
    }

    private static let dayTicks = 8640

    private func object(_ count: (alarms: Int, first: Int), kinds: Int) -> String {
        let days = Double(kinds * series * days)
        let later = max(1, Double(kinds * series * (self.days - 1)))
        let rate = Double(count.alarms) * 100 / days
        return "{\"alarmsPer100SeriesDays\":\(rate),\"onTheFirstDay\":\(count.first),"
            + "\"laterPer100SeriesDays\":\(Double(count.alarms - count.first) * 100 / later)}"
    }

    private func add(
        _ kind: SyntheticSeries.Kind,
        _ seed: UInt64,
        _ count: inout (alarms: Int, first: Int),
        _ spent: inout Duration
    ) {
        let start: UInt32 = 178_000_000 + UInt32(seed) * 1_237
        var made = SyntheticSeries(kind, seed: seed)
        var watch = AnomalyWatch()
        for day in 0..<days {
            let first = start + UInt32(day * Self.dayTicks)
            let ticks = first..<first + UInt32(Self.dayTicks)
            let values = ticks.map { made.next($0) }
            let began = ContinuousClock.now
            for (tick, value) in zip(ticks, values) {
                watch.add(value, name: kind.name, subject: "", tick: tick)
            }
            spent += ContinuousClock.now - began
            // What began on this day; the watch tells of a day.
            let window = TimeWindow(
                from: Timestamp(seconds: Double(first) * 10),
                to: Timestamp(nanoseconds: .max)
            )
            let found = watch.anomalies(window: window, prefix: "").anomalies.count {
                $0.noticed >= window.from
            }
            count.alarms += found
            if day == 0 { count.first += found }
        }
    }
}
