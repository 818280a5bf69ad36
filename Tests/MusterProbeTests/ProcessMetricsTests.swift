import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

@Suite struct ProcessMetricsTests {
    private let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))

    /// A process as `/proc/PID/stat` tells of it, which has used the CPU for so many seconds.
    private func process(
        _ pid: Int,
        _ name: String,
        used seconds: Double,
        start: Int = 100
    ) throws -> ProcessReading {
        let line =
            "\(pid) (\(name)) R 1 1 1 0 -1 0 0 0 0 0 \(Int(seconds * ticks)) 0 0 0 20 0 1 0 \(start) 0 5000 0\n"
        return try #require(ProcessReading(stat: Array(line.utf8)))
    }

    @Test("What a program that came since the last look has used, it used since then")
    func newcomer() throws {
        var processes = MetricsProcesses()
        let shop = try process(7, "shop", used: 1)
        #expect(processes.values([shop], elapsed: .zero)[MetricKey("process_cpu_ratio", "shop")] == 0)
        let values = processes.values(
            [try process(7, "shop", used: 2), try process(8, "report", used: 9, start: 900)],
            elapsed: .seconds(10)
        )
        #expect(abs(try #require(values[MetricKey("process_cpu_ratio", "shop")]) - 0.1) < 0.001)
        #expect(abs(try #require(values[MetricKey("process_cpu_ratio", "report")]) - 0.9) < 0.001)
    }

    @Test("The share of open files is that of the process nearest to its own limit")
    func openFiles() throws {
        var processes = MetricsProcesses()
        let readings = [try process(7, "shop", used: 1), try process(8, "shop", used: 1)]
        let values = processes.values(
            readings,
            elapsed: .zero,
            openFiles: { $0 == 7 ? 250 : 10 },
            openFilesMax: { $0 == 7 ? 256 : 1_024 }
        )
        #expect(values[MetricKey("process_open_files", "shop")] == 260)
        #expect(values[MetricKey("process_open_files_ratio", "shop")] == 250.0 / 256)
        let unlimited = processes.values(readings, elapsed: .seconds(10), openFiles: { _ in 10 })
        #expect(unlimited[MetricKey("process_open_files_ratio", "shop")] == nil)
    }

    @Test("The kernel tells how many files this process may open, and nothing of one that is not there")
    func limit() throws {
        let reader = HostReader()
        var own = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &own) == 0)
        #expect(reader.openFilesMax(of: Int(getpid())) == Int(own.rlim_cur))
        #expect(reader.openFilesMax(of: 0x7FFF_FFF0) == nil)
        #expect(HostReader(files: HostFiles(root: "/nowhere")).openFilesMax(of: Int(getpid())) == nil)
    }

    @Test("A host tells how many lines a second are written to its logs")
    func lines() throws {
        let folder = try TemporaryDirectory()
        let log = folder.path("shop.log")
        try folder.write("shop.log", [])
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "shop")])
        let rate = LineRate()
        recorder.tick(now: WallMoment.now)
        #expect(rate.rate(of: recorder) == nil)
        try folder.write(
            "shop.log",
            Array(String(repeating: "2026-11-28T04:00:00Z INFO checkout\n", count: 50).utf8)
        )
        usleep(60_000)
        recorder.tick(now: WallMoment.now)
        let found = try #require(rate.rate(of: recorder))
        #expect(found > 0 && found < 50 / 0.06)
        #expect(LineRate().rate(of: LogRecorder(files: [])) == nil)
    }
}
