import Glibc
import MusterTesting
import Synchronization

@testable import MusterProbe

/// Writes numbered lines as fast as it may, on a thread of its own.
///
/// Unchecked: the descriptor is touched by the writing thread alone once it runs.
final class NumberedLog: @unchecked Sendable {
    let path: String
    private(set) var descriptor: Int32
    private let flags: Int32
    /// Lines written so far.
    let written = Atomic<Int>(0)
    /// Lines that the reader has, as it says.
    let seen = Atomic<Int>(0)
    /// Polls that the reader has finished.
    let polls = Atomic<Int>(0)
    private let isDone = Atomic<Bool>(false)

    var isFinished: Bool { isDone.load(ordering: .acquiring) }

    /// Without `append` the writer keeps its own place, as a shell's `>` does.
    init(_ path: String, append: Bool = true) {
        self.path = path
        flags = O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : 0)
        descriptor = open(path, flags, 0o600)
    }

    deinit { close(descriptor) }

    /// Writes `count` lines; `before` is called before each with its number, on the writing thread.
    func start(_ count: Int, before: @escaping @Sendable (NumberedLog, Int) -> Void) throws {
        let started = DetachedThread.start { [self] in
            for number in 0..<count {
                before(self, number)
                write(Self.line(number) + "\n")
                written.store(number + 1, ordering: .releasing)
                if number % 64 == 63 { usleep(300) }
            }
            isDone.store(true, ordering: .releasing)
        }
        guard started else { throw SetupFailure("no thread") }
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func reopen() {
        close(descriptor)
        descriptor = open(path, flags, 0o600)
    }

    /// Waits until the reader has every line that was written.
    func waitUntilSeen() {
        while seen.load(ordering: .acquiring) < written.load(ordering: .acquiring) { usleep(200) }
    }

    /// `app.log` becomes `app.log.1`, `app.log.1` becomes `app.log.2`, as logrotate does it.
    func shift(keeping kept: Int = 40) {
        for number in stride(from: kept, to: 0, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
    }

    /// What `copytruncate` does first.
    func copy(to target: String) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        let copy = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(source, &buffer, buffer.count)
            guard count > 0 else { break }
            _ = Glibc.write(copy, buffer, count)
        }
        close(source)
        close(copy)
    }

    /// Waits until the reader has looked at all files once from start to end.
    func waitForPoll() {
        let last = polls.load(ordering: .acquiring)
        var left = 100_000
        while polls.load(ordering: .acquiring) < last + 2, left > 0 {
            usleep(200)
            left -= 1
        }
    }

    static func line(_ number: Int) -> String {
        "2026-11-23T09:29:04Z INFO line \(number) of many, with \(number &* 2_654_435_761 % 1_000_003)"
    }

    static func number(_ line: ArraySlice<UInt8>) -> Int? {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard words.count > 3, words[2] == "line", let number = Int(words[3]) else { return nil }
        return String(decoding: line, as: UTF8.self) == Self.line(number) ? number : nil
    }
}

/// Polls a follower and counts what it brings.
struct FollowedLines {
    var follower: LogFollower
    /// How often each line came, by its number.
    private(set) var counts: [Int: Int] = [:]
    /// Lines that were never written in that form.
    private(set) var strange: [[UInt8]] = []
    private(set) var seconds = 0.0

    init(_ paths: [String], backfillBytes: Int = 8 << 20) {
        follower = LogFollower(files: HostFiles(), inputs: [paths], backfillBytes: backfillBytes)
    }

    mutating func poll(after elapsed: Double = 1) {
        seconds += elapsed
        var (counts, strange) = (counts, strange)
        var more = true
        while more {
            more = follower.poll(seconds: seconds, bytesMax: 256 << 10) { line in
                if let number = NumberedLog.number(line.bytes) {
                    counts[number, default: 0] += 1
                } else {
                    strange.append(Array(line.bytes))
                }
            }
        }
        (self.counts, self.strange) = (counts, strange)
    }

    /// Polls until a writer is done and everything had its chance to come.
    mutating func follow(_ log: NumberedLog) {
        while !log.isFinished {
            poll()
            log.seen.store(counts.count, ordering: .releasing)
            log.polls.add(1, ordering: .releasing)
            usleep(2000)
        }
        for _ in 0..<5 { poll(after: 3) }
    }

    func lost(of count: Int) -> [Int] { (0..<count).filter { counts[$0] == nil } }

    var duplicated: [Int] { counts.filter { $0.value > 1 }.keys.sorted() }
}
