import Glibc
import MusterCore

/// Which processes use the CPU and the memory, by name: the few largest, and those that recently were.
struct MetricsProcesses {
    /// What one process used lately.
    struct Usage: Hashable {
        var startTicks: Int
        var ticks: Int
        /// Share of one CPU between the last two looks.
        var ratio: Double
    }

    private static let namesMax = 32
    private static let topMax = 8
    private static let ratioMin = 0.01

    private(set) var usages: [Int: Usage] = [:]
    /// Names that are recorded, with the number of the look at which they were last among the largest.
    private var tracked: [String: Int] = [:]
    private var looks = 0
    private let ticksPerSecond = max(1, sysconf(Int32(_SC_CLK_TCK)))
    private let pageBytes = max(1, sysconf(Int32(_SC_PAGESIZE)))

    init() {}

    /// Takes in a look at all processes; gives the series of those that count.
    ///
    /// A name that was once among the largest goes on being recorded while there is room, so that a rise can be
    /// told from what was usual.
    mutating func values(_ readings: [ProcessReading], elapsed: Duration) -> [MetricKey: Double] {
        looks += 1
        var next: [Int: Usage] = [:]
        next.reserveCapacity(readings.count)
        var sums: [String: (ratio: Double, bytes: Double)] = [:]
        let span = elapsed.inSeconds * Double(ticksPerSecond)
        for reading in readings {
            let before = usages[reading.pid]
            var ratio = 0.0
            if let before, before.startTicks == reading.startTicks, reading.ticks >= before.ticks, span > 0 {
                ratio = Double(reading.ticks - before.ticks) / span
            }
            next[reading.pid] = Usage(startTicks: reading.startTicks, ticks: reading.ticks, ratio: ratio)
            let sum = sums[reading.name] ?? (0, 0)
            sums[reading.name] = (
                sum.ratio + ratio, sum.bytes + Double(reading.residentPages) * Double(pageBytes)
            )
        }
        usages = next
        track(sums)
        var values: [MetricKey: Double] = [:]
        for name in tracked.keys {
            // A process that ended uses nothing: a fall to zero, not a gap.
            let sum = sums[name] ?? (0, 0)
            values[MetricKey("process_cpu_ratio", name)] = sum.ratio
            values[MetricKey("process_resident_bytes", name)] = sum.bytes
        }
        return values
    }

    private mutating func track(_ sums: [String: (ratio: Double, bytes: Double)]) {
        let busiest = sums.filter { $0.value.ratio >= Self.ratioMin }.sorted {
            $0.value.ratio > $1.value.ratio
        }
        let largest = sums.filter { $0.value.bytes > 0 }.sorted { $0.value.bytes > $1.value.bytes }
        for (name, _) in busiest.prefix(Self.topMax) + largest.prefix(Self.topMax) { tracked[name] = looks }
        while tracked.count > Self.namesMax, let stalest = tracked.min(by: { $0.value < $1.value }) {
            tracked[stalest.key] = nil
        }
    }
}
