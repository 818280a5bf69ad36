import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Questions about a time whose lines stand in files that were rotated and compressed since.
@Suite struct RotatedLogTests {
    private let directory: TemporaryDirectory
    private let log: String
    private let start = Timestamp(
        nanoseconds: (WallMoment.now - .seconds(7_200)).wholeSeconds * 1_000_000_000
    )

    init() throws {
        directory = try TemporaryDirectory()
        log = directory.path("app.log")
    }

    /// Appends lines, one a second.
    private func write(_ numbers: Range<Int>, to path: String? = nil) {
        let text = numbers.map { "\(start + .seconds($0)) ERROR order \($0) was refused\n" }.joined()
        let path = path ?? log
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let bytes = Array(text.utf8)
        #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        // Of the time at which the last line was written, as a file of that age would be.
        let last = time_t((start + .seconds(numbers.upperBound)).wholeSeconds)
        let times = [timespec(tv_sec: last, tv_nsec: 0), timespec(tv_sec: last, tv_nsec: 0)]
        futimens(descriptor, times)
        close(descriptor)
    }

    private func gzip(_ path: String) throws {
        let program = try ChildProcess(["/usr/bin/gzip", path], in: directory)
        #expect(try program.waitForExit() == 0)
    }

    private func ask(
        _ recorder: LogRecorder,
        seconds: Range<Int>,
        contextLines: Int = 0
    ) -> (Outcome, LogsAnswer) {
        recorder.logs(
            window: TimeWindow(
                from: start + .seconds(seconds.lowerBound),
                to: start + .seconds(seconds.upperBound)
            ),
            service: "",
            level: .error,
            text: "refused",
            refinement: LogRefinement(contextLines: contextLines),
            budget: QuestionBudget(),
            isCancelled: { false }
        )
    }

    @Test("Lines of rotated and of compressed files are found once each, though nobody followed them")
    func compressed() throws {
        write(0..<1_000)
        rename(log, log + ".2")
        try gzip(log + ".2")
        write(1_000..<2_000)
        rename(log, log + ".1")
        write(2_000..<3_000)
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "shop")])
        recorder.tick(now: WallMoment.now)
        let (all, answer) = ask(recorder, seconds: 0..<3_000)
        #expect(all.kind == .ok, "\(all.reason)")
        #expect(answer.matched == 3_000)
        #expect(answer.summary.first == start && answer.summary.last == start + .seconds(2_999))
        #expect(answer.lines.first?.file == log + ".2.gz")
        #expect(answer.lines.allSatisfy { $0.service == "shop" })
        let (few, part) = ask(recorder, seconds: 500..<503, contextLines: 2)
        #expect(few.kind == .ok, "\(few.reason)")
        #expect(part.lines.map(\.text.last) == part.lines.map { _ in "d" })
        #expect(part.matched == 3 && part.lines.count == 3)
        #expect(part.lines.first?.before?.count == 2)
        #expect(part.lines.first?.before?.last?.hasSuffix("ERROR order 499 was refused") == true)
        #expect(part.lines.last?.after?.first?.hasSuffix("ERROR order 503 was refused") == true)
    }

    @Test("Rotated files of another time are not opened")
    func otherTimes() throws {
        write(0..<1_000)
        rename(log, log + ".1")
        // Reading it would be told: it is no gzip file's content.
        Array("\u{1F}\u{8B}\u{8}broken".utf8).withUnsafeBytes { bytes in
            let descriptor = open(log + ".2.gz", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            let old = [timespec](
                repeating: timespec(tv_sec: time_t(start.wholeSeconds - 86_400), tv_nsec: 0),
                count: 2
            )
            futimens(descriptor, old)
            close(descriptor)
        }
        write(1_000..<4_000)
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "")])
        recorder.tick(now: WallMoment.now)
        let (outcome, answer) = ask(recorder, seconds: 2_000..<2_100)
        #expect(outcome.kind == .ok, "\(outcome.reason)")
        #expect(answer.matched == 100)
        #expect(answer.scanned < 3_000)
    }

    @Test("A file that was read and then rotated and compressed at once answers from its compressed form")
    func followedThenCompressed() throws {
        write(0..<1_000)
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "")])
        recorder.tick(now: WallMoment.now)
        rename(log, log + ".1")
        try gzip(log + ".1")
        write(1_000..<2_000)
        recorder.tick(now: WallMoment.now)
        let (outcome, answer) = ask(recorder, seconds: 0..<2_000)
        #expect(outcome.kind == .ok, "\(outcome.reason)")
        #expect(answer.matched == 2_000)
    }

    @Test("Of a file that is being compressed the plain form is read")
    func beingCompressed() throws {
        write(0..<1_000)
        rename(log, log + ".1")
        let copy = try ChildProcess(["/usr/bin/gzip", "-k", log + ".1"], in: directory)
        #expect(try copy.waitForExit() == 0)
        write(1_000..<2_000)
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "")])
        recorder.tick(now: WallMoment.now)
        #expect(ask(recorder, seconds: 0..<2_000).1.matched == 2_000)
    }

    @Test("What stands before the damage in a compressed file is found, and the damage is told")
    func damaged() throws {
        write(0..<7_000, to: log + ".1")
        try gzip(log + ".1")
        let size = HostFiles().status(log + ".1.gz")?.size ?? 0
        #expect(size > 1_000)
        truncate(log + ".1.gz", off_t(size / 2))
        var last = [timespec](repeating: timespec(), count: 2)
        last[0].tv_sec = time_t(WallMoment.now.wholeSeconds)
        last[1] = last[0]
        utimensat(AT_FDCWD, log + ".1.gz", last, 0)
        write(7_000..<7_001)
        let recorder = LogRecorder(files: [LogFileSettings(path: log, service: "")])
        recorder.tick(now: WallMoment.now)
        let (outcome, answer) = ask(recorder, seconds: 0..<7_000)
        #expect(answer.matched > 1_000 && answer.matched < 7_000)
        #expect(outcome.kind == .partial && outcome.reason.contains(".1.gz is damaged"), "\(outcome.reason)")
    }
}
