import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Services that are restarted, replaced and lost, on a recorded host.
@Suite struct ServiceWatcherTests {
    private let directory: TemporaryDirectory
    private let now = Timestamp(seconds: 1_795_600_000)
    private let ticks = sysconf(Int32(_SC_CLK_TCK))

    init() throws { directory = try TemporaryDirectory() }

    private func process(_ pid: Int, _ name: String, parent: Int = 1, start seconds: Int) -> ProcessReading? {
        ProcessReading(
            stat: Array(
                "\(pid) (\(name)) S \(parent) 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 4 0 \(seconds * ticks) 1000 200"
                    .utf8
            )
        )
    }

    /// Gives a process a binary, and a unit when it has one.
    private func place(_ pid: Int, _ binary: String, unit: String = "") throws {
        let folder = directory.path("host/proc/\(pid)")
        for path in ["host", "host/proc", "host/proc/\(pid)"] { mkdir(directory.path(path), 0o755) }
        let path = try directory.write("binary-of-\(pid)", binary.utf8)
        #expect(symlink(path, "\(folder)/exe") == 0)
        if !unit.isEmpty {
            _ = try directory.write("host/proc/\(pid)/cgroup", "0::/system.slice/\(unit).service\n".utf8)
        }
    }

    @Test("A restart with another binary is told with both, a job and a worker are not, and what is gone is")
    func changes() throws {
        var watcher = ServiceWatcher(files: HostFiles(root: directory.path("host")))
        try place(10, "version one", unit: "shop")
        try place(20, "cron")
        let first = [
            process(10, "node", start: 100), process(20, "crond", start: 50),
            process(30, "worker", parent: 10, start: 500),
            process(40, "queue", start: 60),
        ].compactMap { $0 }
        #expect(watcher.take(first, now: now, uptime: .seconds(1_000)).isEmpty)
        // A worker is replaced, a job comes; the shop's process is another one, and the queue is gone.
        try place(11, "version number two", unit: "shop")
        let second = [
            process(11, "node", start: 1_004), process(20, "crond", start: 50),
            process(31, "worker", parent: 11, start: 1_005),
            process(50, "backup", start: 1_006),
        ].compactMap { $0 }
        let restarts = watcher.take(second, now: now + .seconds(10), uptime: .seconds(1_010))
        #expect(restarts.map(\.summary) == ["shop was restarted with a new binary"])
        let restart = restarts.first
        #expect(restart?.service == "shop" && restart?.at == now + .seconds(4))
        #expect(
            restart?.before.hasPrefix("11 bytes of ") == true
                && restart?.after.hasPrefix("18 bytes of ") == true
        )
        let third = second.filter { $0.name != "backup" }
        #expect(watcher.take(third, now: now + .seconds(20), uptime: .seconds(1_020)).isEmpty)
        let lost = watcher.take(third, now: now + .seconds(41), uptime: .seconds(1_041))
        #expect(lost.map(\.summary) == ["queue ended and is not back"])
        #expect(lost.first?.at == now + .seconds(10))
        // The same binary again.
        let fourth =
            [process(21, "crond", start: 1_045)].compactMap { $0 } + third.filter { $0.name != "crond" }
        mkdir(directory.path("host/proc/21"), 0o755)
        symlink(directory.path("binary-of-20"), directory.path("host/proc/21/exe"))
        let same = watcher.take(fourth, now: now + .seconds(50), uptime: .seconds(1_050))
        #expect(same.map(\.summary) == ["crond was restarted"])
    }
}
