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
