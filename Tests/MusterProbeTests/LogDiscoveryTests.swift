import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Logs that nobody named.
@Suite struct LogDiscoveryTests {
    @Test("A log that a process has open for writing is found, with what was in it, and so is its service")
    func found() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("orders.log")
        let other = directory.path("input.log")
        let at = WallMoment.now - .seconds(5)
        _ = try directory.write("orders.log", "\(at) ERROR order 1 lost\n".utf8)
        _ = try directory.write("input.log", "\(at) ERROR read only\n".utf8)
        let writer = try ChildProcess(
            ["/bin/sh", "-c", "exec sleep 100 >> \(path) < \(other)"],
            in: directory
        )
        defer { writer.stop() }
        try waitUntilSleeping(writer)
        let recorder = LogRecorder(files: [], discovers: true)
        let window = TimeWindow(from: at - .seconds(60), to: at + .seconds(60))
        func lines() -> [LogLine] {
            recorder.logs(
                window: window,
                service: "sleep",
                level: nil,
                text: "o",
                budget: QuestionBudget(),
                isCancelled: { false }
            ).1.lines.filter { $0.file == path || $0.file == other }
        }
        let found = try writer.wait(for: "the log") {
            recorder.tick(now: WallMoment.now)
            let lines = lines()
            return lines.isEmpty ? nil : lines
        }
        #expect(found.map(\.text).map { $0.hasSuffix("ERROR order 1 lost") } == [true])
        #expect(found.first?.service == "sleep")
        // What only is read is no log of that process.
        #expect(found.map(\.file) == [path])
    }

    @Test("A log that a shell opened is the program's that the shell becomes, from the next round on")
    func replaced() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("orders.log")
        let pipe = directory.path("go")
        try #require(mkfifo(pipe, 0o600) == 0)
        let writer = try ChildProcess(
            ["/bin/sh", "-c", "exec >> \(path); read go < \(pipe); exec sleep 100"],
            in: directory
        )
        defer { writer.stop() }
        var discovery = LogDiscovery(files: HostFiles())
        func round(at seconds: Double) -> [String] {
            var found: [String] = []
            var steps = 0
            repeat {
                found += discovery.step(seconds: seconds + Double(steps) / 1_000).filter { $0.path == path }
                    .map(\.service)
                steps += 1
            } while steps < 1_000 && found.isEmpty
            return found
        }
        _ = try writer.wait(for: "the log") { access(path, F_OK) == 0 ? true : nil }
        #expect(round(at: 0) == ["sh"])
        _ = try directory.write("go", "go\n".utf8)
        try waitUntilSleeping(writer)
        #expect(round(at: 61) == ["sleep"])
        #expect(round(at: 122) == [])
    }

    private func waitUntilSleeping(_ child: ChildProcess) throws {
        _ = try child.wait(for: "the program") {
            (try? HostFiles().text("/proc/\(child.pid)/comm")) == "sleep" ? true : nil
        }
    }

    @Test(
        "Names tell logs from what is none",
        arguments: [
            ("/var/log/nginx/access.log", true), ("/srv/app/logs/current", true),
            ("/opt/shop/shop.log", true),
            ("/var/log/syslog", true), ("/var/log/wtmp", false), ("/var/log/journal/x/system.journal", false),
            ("/var/lib/mysql/ib_logfile0", false), ("socket:[1]", false), ("/srv/app/logs/000123", false),
            ("/var/log/app.log.2.gz", false), ("/var/lib/app/data.db", false),
        ] as [(String, Bool)]
    )
    func names(path: String, isLog: Bool) { #expect(LogDiscovery.isLog(path) == isLog) }
}
