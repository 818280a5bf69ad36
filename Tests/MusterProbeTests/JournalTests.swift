import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

private let journalRemote = "/lib/systemd/systemd-journal-remote"

/// Journal files as `systemd-journal-remote` writes them, which is what journald's are.
@Suite(
    .enabled(
        if: access(journalRemote, X_OK) == 0,
        "systemd-journal-remote is not installed"
    )
) struct JournalTests {
    private let directory: TemporaryDirectory
    private let folder: String
    private let start = Timestamp(nanoseconds: (WallMoment.now - .seconds(600)).wholeSeconds * 1_000_000_000)

    init() throws {
        directory = try TemporaryDirectory()
        folder = directory.path("journal")
        mkdir(folder, 0o700)
    }

    /// Fills a journal file from entries in the export format.
    private func write(_ name: String, _ entries: [String]) throws {
        let source = try directory.write("\(name).export", Array(entries.joined().utf8))
        let remote = try ChildProcess(
            [journalRemote, "-o", "\(folder)/\(name).journal", source],
            in: directory
        )
        #expect(try remote.waitForExit() == 0, "\(remote.output)")
    }

    private func entry(_ second: Int, _ fields: [String]) -> String {
        let at = (start + .seconds(second)).nanoseconds / 1_000
        return """
            __REALTIME_TIMESTAMP=\(at)
            __MONOTONIC_TIMESTAMP=\(1_000_000 + second)
            _BOOT_ID=0123456789abcdef0123456789abcdef
            _HOSTNAME=web-1
            \(fields.joined(separator: "\n"))


            """
    }

    private func ask(
        _ recorder: LogRecorder,
        service: String,
        level: LogLevel?,
        seconds: Range<Int>
    ) -> (
        Outcome, LogsAnswer
    ) {
        recorder.logs(
            window: TimeWindow(
                from: start + .seconds(seconds.lowerBound),
                to: start + .seconds(seconds.upperBound)
            ),
            service: service,
            level: level,
            text: "",
            budget: QuestionBudget(),
            isCancelled: { false }
        )
    }

    @Test("Entries are found by time, unit and priority, and those of a file that came later too")
    func entries() throws {
        try write(
            "one",
            (0..<100).map { second in
                let isBad = second % 10 == 0
                return entry(
                    second,
                    [
                        "MESSAGE=\(isBad ? "upstream timed out" : "served") \(second)",
                        "PRIORITY=\(isBad ? 3 : 6)",
                        "_SYSTEMD_UNIT=\(second < 50 ? "nginx" : "shop").service", "SYSLOG_IDENTIFIER=x",
                        "_PID=4711",
                    ]
                )
            }
        )
        let recorder = LogRecorder(files: [], journal: .folder(folder))
        recorder.tick(now: WallMoment.now)
        #expect(recorder.linesRead == 100)
        let (outcome, all) = ask(recorder, service: "", level: nil, seconds: 0..<600)
        #expect(outcome.kind == .ok, "\(outcome.reason)")
        #expect(all.matched == 100)
        let (_, some) = ask(recorder, service: "nginx", level: .error, seconds: 10..<100)
        #expect(some.matched == 4)
        #expect(some.lines.map(\.at) == [10, 20, 30, 40].map { start + .seconds($0) })
        #expect(some.lines.allSatisfy { $0.service == "nginx" && $0.level == .error && $0.file == "journal" })
        #expect(some.lines.first?.text.hasSuffix("Z web-1 nginx 4711 - - upstream timed out 10") == true)
        try write(
            "two",
            [entry(200, ["MESSAGE=two\nlines", "SYSLOG_IDENTIFIER=cron job", "PRIORITY=2"].map(binary))]
        )
        let (_, late) = ask(recorder, service: "", level: .fatal, seconds: 0..<600)
        #expect(late.matched == 1)
        #expect(late.lines.first?.text.hasSuffix(#"web-1 cron_job - - - two\nlines"#) == true)
    }

    /// A field in the export format's form for values with line breaks.
    private func binary(_ field: String) -> String {
        guard let equals = field.firstIndex(of: "="), field.contains("\n") else { return field }
        let value = field[field.index(after: equals)...]
        let count = UInt64(value.utf8.count).littleEndian
        let size = withUnsafeBytes(of: count) { String(decoding: $0, as: UTF8.self) }
        return "\(field[..<equals])\n\(size)\(value)"
    }

    @Test("Requests that a server logs to the journal are counted by service")
    func requests() throws {
        try write(
            "requests",
            (0..<60).map { second in
                entry(
                    second,
                    [
                        #"MESSAGE={"method":"GET","path":"/api/cart","status":\#(second % 6 == 0 ? 500 : 200),"user":"u\#(second)"}"#,
                        "_SYSTEMD_UNIT=shop.service",
                    ]
                )
            }
        )
        let recorder = LogRecorder(files: [], journal: .folder(folder))
        recorder.tick(now: WallMoment.now)
        let (outcome, answer) = recorder.requests(
            window: TimeWindow(from: start, to: start + .seconds(600)),
            service: "shop",
            salt: Array(0..<16),
            bucketSeconds: 0,
            budget: QuestionBudget(),
            isCancelled: { false }
        )
        #expect(outcome.kind == .ok, "\(outcome.reason)")
        #expect(answer.endpoints.map(\.count).reduce(0, +) == 60)
        #expect(answer.endpoints.map(\.errors).reduce(0, +) == 10)
        #expect(answer.usersCovered == 1)
    }

    @Test("A journal that is not there is told, and found when it comes")
    func missing() throws {
        let recorder = LogRecorder(files: [], journal: .folder(directory.path("none")))
        recorder.tick(now: WallMoment.now)
        let (outcome, answer) = ask(recorder, service: "", level: nil, seconds: 0..<600)
        #expect(outcome.kind == .partial && answer.matched == 0)
        #expect(outcome.reason.contains("cannot open the journal in"), "\(outcome.reason)")
    }
}
