import ArgumentParser
import Glibc
import MusterCore
import MusterProbe

/// Fills a recorder's folder with a day that ends now, as the agent would have written it.
struct RecorderDay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recorder-day",
        abstract: "Records a day of a made host with a stepped clock, and prints what it takes on disk."
    )

    @Argument(help: "The recorder's folder; made if it is not there.")
    var folder: String

    @Option(help: "Processes of the host.")
    var processes = 300

    @Option(help: "Hours that end now.")
    var hours = 24

    func validate() throws {
        guard (1...10_000).contains(processes), (1...240).contains(hours) else {
            throw ValidationError("--processes is from 1 to 10000, --hours from 1 to 240")
        }
    }

    func run() throws {
        var configuration = RecorderConfiguration()
        configuration.folder = folder
        let recorder = MetricsRecorder(reader: HostReader(), configuration: configuration)
        var host = MadeHost(processes: processes)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seconds = hours * 3_600
        let start = Timestamp(seconds: Double(Int(now.tv_sec) - seconds))
        var written = 0
        for second in 0..<seconds {
            recorder.record(host.values(second), at: start + .seconds(second))
            // The disk keeps up with a real clock; here it has to be waited for.
            if second % 60 == 59 { recorder.finishWriting() }
            written += 1
        }
        recorder.finishWriting()
        print(
            #"{"hours":\#(hours),"processes":\#(processes),"points":\#(written),"series":\#(host.seriesCount),"#
                + #""bytes":\#(recorder.bytesStored),"memory_bytes":\#(recorder.memoryBytes)}"#
        )
    }
}

/// Values that move as those of a busy host do: daily load, noise, bursts, counters that rise.
private struct MadeHost {
    private let names: [String]
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    private(set) var seriesCount = 0

    init(processes: Int) {
        // Several processes of a service have one name.
        names = (0..<max(1, processes / 6)).map { "service-\($0)" }
    }

    /// xorshift64; uniform in 0..<1.
    private mutating func noise() -> Double {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Double(state >> 11) / Double(1 << 53)
    }

    mutating func values(_ second: Int) -> [MetricKey: Double] {
        var values: [MetricKey: Double] = [:]
        let hour = Double(second % 86_400) / 3_600
        let load = 0.3 + 0.2 * (1 - abs(hour - 14) / 14) + 0.1 * noise()
        for (name, share) in [
            ("busy", 1.0), ("user", 0.7), ("system", 0.25), ("wait", 0.04), ("steal", 0.01),
        ] {
            values[MetricKey("cpu_\(name)_ratio")] = load * share * (0.9 + 0.2 * noise())
        }
        values[MetricKey("load_one")] = (load * 400 * (0.95 + 0.1 * noise())).rounded() / 100
        values[MetricKey("processes_runnable")] = (load * 6 * noise()).rounded()
        values[MetricKey("processes_total")] = (300 + 8 * noise()).rounded()
        values[MetricKey("memory_available_bytes")] = (8e9 - 2e9 * load + 1e7 * noise()).rounded()
        values[MetricKey("memory_used_ratio")] = 0.4 + load * 0.2
        values[MetricKey("memory_cached_bytes")] = (3e9 + 1e7 * noise()).rounded()
        values[MetricKey("files_open")] = (4_000 + 100 * noise()).rounded()
        values[MetricKey("files_open_ratio")] = 0.004
        for name in ["retransmits", "sent_segments", "resets"] {
            values[MetricKey("tcp_\(name)_per_second")] = name == "sent_segments" ? load * 900 * noise() : 0
        }
        for disk in ["nvme0n1", "nvme1n1"] {
            let isBusy = noise() < 0.3
            values[MetricKey("disk_busy_ratio", disk)] = isBusy ? 0.2 * noise() : 0
            for name in ["read_bytes", "written_bytes", "operations"] {
                values[MetricKey("disk_\(name)_per_second", disk)] =
                    isBusy ? (noise() * 200).rounded() * 4_096 : 0
            }
            if isBusy { values[MetricKey("disk_latency_milliseconds", disk)] = 0.2 + noise() }
        }
        for interface in ["eth0", "eth1"] {
            for name in ["received_bytes", "sent_bytes"] {
                values[MetricKey("network_\(name)_per_second", interface)] = (load * 2e6 * noise()).rounded()
            }
            values[MetricKey("network_faults_per_second", interface)] = 0
        }
        for name in ["cpu_pressure_some", "memory_pressure_some", "memory_pressure_full", "io_pressure_some"]
        {
            values[MetricKey("\(name)_ratio")] = noise() < 0.2 ? 0.01 * noise() : 0
        }
        if second % 10 == 0 { addSlow(second, load, to: &values) }
        seriesCount = max(seriesCount, values.count)
        return values
    }

    private mutating func addSlow(_ second: Int, _ load: Double, to values: inout [MetricKey: Double]) {
        for mount in ["/", "/var", "/srv"] {
            values[MetricKey("filesystem_used_ratio", mount)] = 0.5 + Double(second) / 4e6
            values[MetricKey("filesystem_available_bytes", mount)] = 4e10 - Double(second) * 4_096
            values[MetricKey("filesystem_inodes_used_ratio", mount)] = 0.11
        }
        for name in names.prefix(48) {
            values[MetricKey("process_cpu_ratio", name)] = noise() < 0.5 ? load * 0.2 * noise() : 0
            values[MetricKey("process_resident_bytes", name)] = (5e7 + 2e6 * noise()).rounded()
            values[MetricKey("process_threads", name)] = (20 + 2 * noise()).rounded()
            values[MetricKey("process_open_files", name)] = (60 + 8 * noise()).rounded()
            values[MetricKey("process_count", name)] = 6
            values[MetricKey("process_starts", name)] = 0
            values[MetricKey("process_age_seconds", name)] = Double(second)
        }
    }
}
