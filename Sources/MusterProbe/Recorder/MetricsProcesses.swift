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

    private static let namesMax = 48
    /// Processes whose open files are counted at one look.
    private static let filesLooksMax = 96
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
    ///
    /// - Parameters:
    ///   - readings: All processes.
    ///   - elapsed: Time since the last look.
    ///   - uptimeSeconds: Of the host, for the age of processes.
    ///   - openFiles: Tells how many files a process holds open, if it may be known.
    ///   - openFilesMax: Tells how many it may hold open.
    /// - Returns: their values; the age is that of a name's youngest process, so that a restart shows.
    mutating func values(
        _ readings: [ProcessReading],
        elapsed: Duration,
        uptimeSeconds: Double = 0,
        openFiles: (Int) -> Int? = { _ in nil },
        openFilesMax: (Int) -> Int? = { _ in nil }
    ) -> [MetricKey: Double] {
        looks += 1
        var next: [Int: Usage] = [:]
        next.reserveCapacity(readings.count)
        var sums: [String: Sum] = [:]
        let span = elapsed.inSeconds * Double(ticksPerSecond)
        for reading in readings {
            let before = usages[reading.pid]
            var ratio = 0.0
            if let before, before.startTicks == reading.startTicks, reading.ticks >= before.ticks, span > 0 {
                ratio = Double(reading.ticks - before.ticks) / span
            } else if before?.startTicks != reading.startTicks, looks > 1, span > 0 {
                // It came since the last look: all that it used, it used since then.
                ratio = Double(reading.ticks) / span
            }
            next[reading.pid] = Usage(startTicks: reading.startTicks, ticks: reading.ticks, ratio: ratio)
            var sum = sums[reading.name] ?? Sum()
            sum.ratio += ratio
            sum.bytes += Double(reading.residentPages) * Double(pageBytes)
            sum.threads += Double(reading.threads)
            sum.count += 1
            sum.youngest = max(sum.youngest, reading.startTicks)
            // One that was not there at the last look; at the first there was none.
            if before?.startTicks != reading.startTicks, looks > 1 { sum.started += 1 }
            sums[reading.name] = sum
        }
        usages = next
        track(sums)
        var values: [MetricKey: Double] = [:]
        for name in tracked.keys {
            // A process that ended uses nothing: a fall to zero, not a gap.
            let sum = sums[name] ?? Sum()
            values[MetricKey("process_cpu_ratio", name)] = sum.ratio
            values[MetricKey("process_resident_bytes", name)] = sum.bytes
            values[MetricKey("process_threads", name)] = sum.threads
            values[MetricKey("process_count", name)] = sum.count
            values[MetricKey("process_starts", name)] = sum.started
            guard sum.count > 0, uptimeSeconds > 0 else { continue }
            let age = uptimeSeconds - Double(sum.youngest) / Double(ticksPerSecond)
            values[MetricKey("process_age_seconds", name)] = max(0, age.rounded())
        }
        addFiles(readings, openFiles, openFilesMax, to: &values)
        return values
    }

    /// What the processes of one name use together.
    private struct Sum {
        var ratio = 0.0
        var bytes = 0.0
        var threads = 0.0
        var count = 0.0
        /// Processes that were not there at the look before.
        var started = 0.0
        /// Start of the youngest, in ticks after boot.
        var youngest = 0
    }

    private func addFiles(
        _ readings: [ProcessReading],
        _ openFiles: (Int) -> Int?,
        _ openFilesMax: (Int) -> Int?,
        to values: inout [MetricKey: Double]
    ) {
        var looks = 0
        for reading in readings where tracked[reading.name] != nil && reading.residentPages > 0 {
            guard looks < Self.filesLooksMax else { return }
            looks += 1
            guard let count = openFiles(reading.pid) else { continue }
            values[MetricKey("process_open_files", reading.name), default: 0] += Double(count)
            guard let max = openFilesMax(reading.pid) else { continue }
            // Of the process that is nearest to its own limit.
            let key = MetricKey("process_open_files_ratio", reading.name)
            values[key] = Swift.max(values[key] ?? 0, Double(count) / Double(max))
        }
    }

    private mutating func track(_ sums: [String: Sum]) {
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
