import MusterCore
import MusterTesting
import Testing

@testable import MusterProbe

/// Which parts of files may hold the lines of a window.
struct LogIndexTests {
    private struct Noted {
        var file: Int
        var offset: Int
        var at: Timestamp
        var level: LogLevel?
    }

    private static let start = Timestamp(seconds: 1_795_600_000)

    private static func line(_ noted: Noted) -> LogFollower.Line {
        LogFollower.Line(
            input: 0,
            path: "/var/log/\(noted.file).log",
            device: 1,
            inode: UInt64(noted.file),
            offset: noted.offset,
            bytes: []
        )
    }

    /// Lines of several files whose clocks now and then jump, also far back.
    private static func lines(_ count: Int, seed: UInt64) -> [Noted] {
        var random = SplitMix64(seed: seed)
        var clocks = [start, start, start]
        var offsets = [0, 0, 0]
        return (0..<count).map { _ in
            let file = Int.random(in: 0..<3, using: &random)
            clocks[file] = clocks[file] + .milliseconds(Int.random(in: 0...800, using: &random))
            if Int.random(in: 0..<500, using: &random) == 0 {
                clocks[file] = clocks[file] + .seconds(Int.random(in: -5_000...500, using: &random))
            }
            defer { offsets[file] += Int.random(in: 20...400, using: &random) }
            // A single line may be out of order.
            let late = Int.random(in: 0..<50, using: &random) == 0 ? -90 : 0
            return Noted(
                file: file,
                offset: offsets[file],
                at: clocks[file] + .seconds(late),
                level: Int.random(in: 0..<200, using: &random) == 0
                    ? LogLevel.allCases.randomElement(using: &random) : nil
            )
        }
    }

    private static func index(_ lines: [Noted]) -> LogIndex {
        var index = LogIndex()
        for noted in lines { index.note(line(noted), at: noted.at, level: noted.level, now: noted.at) }
        return index
    }

    private static func isIn(_ stretches: [LogIndex.Stretch], _ noted: Noted) -> Bool {
        stretches.contains {
            $0.inode == UInt64(noted.file) && $0.from <= noted.offset && noted.offset < $0.to ?? .max
        }
    }

    @Test(arguments: [(UInt64(1), 3_000), (2, 3_000), (3, 15_000)])
    func noLineOfAWindowIsOutsideItsStretchesWhateverTheClocksDo(seed: UInt64, count: Int) {
        let lines = Self.lines(count, seed: seed)
        let index = Self.index(lines)
        var random = SplitMix64(seed: seed + 100)
        for _ in 0..<10 {
            let from = Self.start + .seconds(Int.random(in: -6_000...9_000, using: &random))
            let window = TimeWindow(from: from, to: from + .seconds(Int.random(in: 1...600, using: &random)))
            for level in [nil, .warning, .fatal] as [LogLevel?] {
                let stretches = index.stretches(window, level: level, inputs: [0])
                for noted in lines where window.contains(noted.at) {
                    if let level, noted.level.map({ $0 < level }) ?? true { continue }
                    let found = Self.isIn(stretches, noted)
                    #expect(found, "\(noted) in \(window)")
                    if !found { return }
                }
                // None is read twice.
                for (left, right) in zip(stretches, stretches.dropFirst()) where left.inode == right.inode {
                    #expect(left.to.map { $0 <= right.from } ?? false)
                }
            }
        }
    }

    @Test func aShortWindowReadsLittleOfALongLog() {
        let lines = (0..<100_000).map {
            Noted(
                file: 1,
                offset: $0 * 100,
                at: Self.start + .milliseconds($0 * 100),
                level: $0 % 10_000 == 0 ? .error : .info
            )
        }
        let index = Self.index(lines)
        func bytes(_ window: TimeWindow, _ level: LogLevel? = nil) -> Int {
            // The end of the file is always read; nothing stands there.
            index.stretches(window, level: level, inputs: [0]).reduce(0) {
                $0 + (($1.to ?? 10_000_000) - $1.from)
            }
        }
        let from = Self.start + .seconds(5_000)
        #expect(bytes(TimeWindow(from: from, to: from + .seconds(10))) < 20_000)
        #expect(bytes(TimeWindow(from: Self.start, to: from)) < 5_100_000)
        // Ten lines of that level, each in a stretch of some seconds.
        let all = TimeWindow(from: Self.start, to: Self.start + .seconds(10_000))
        #expect(bytes(all, .error) < 100_000)
        #expect(bytes(all) == 10_000_000)
        #expect(index.stretches(all, level: nil, inputs: [1]).isEmpty)
    }

    @Test func manyFilesAndLongOnesStayInBoundedMemory() {
        var index = LogIndex()
        for second in 0..<60_000 {
            let file = second % 8
            let noted = Noted(file: file, offset: second * 600, at: Self.start + .seconds(second), level: nil)
            index.note(Self.line(noted), at: noted.at, level: nil, now: noted.at)
        }
        #expect(index.marksCount <= 16_384)
        let window = TimeWindow(from: Self.start + .seconds(100), to: Self.start + .seconds(200))
        let stretches = index.stretches(window, level: nil, inputs: [0])
        for second in 100..<200 {
            #expect(
                Self.isIn(
                    stretches,
                    Noted(file: second % 8, offset: second * 600, at: Self.start, level: nil)
                )
            )
        }
    }

    @Test func aFileThatWasEmptiedBeginsAnew() {
        var index = LogIndex()
        for second in 0..<100 {
            let noted = Noted(
                file: 1,
                offset: second % 50 * 600,
                at: Self.start + .seconds(second),
                level: nil
            )
            index.note(Self.line(noted), at: noted.at, level: nil, now: noted.at)
        }
        let old = TimeWindow(from: Self.start, to: Self.start + .seconds(40))
        #expect(
            index.stretches(old, level: nil, inputs: [0]).allSatisfy { $0.from == 49 * 600 && $0.to == nil }
        )
    }

    @Test func whatStoodInAFileBeforeItWasFollowedIsReadToo() {
        var index = LogIndex()
        let noted = Noted(file: 1, offset: 20 << 20, at: Self.start, level: nil)
        index.note(Self.line(noted), at: noted.at, level: nil, now: noted.at)
        let before = TimeWindow(from: Self.start - .seconds(100), to: Self.start)
        let stretches = index.stretches(before, level: .error, inputs: [0])
        #expect(stretches.first?.from == 0 && stretches.last?.to == nil)
        #expect(zip(stretches, stretches.dropFirst()).allSatisfy { $0.to == $1.from })
        let after = TimeWindow(from: Self.start + .seconds(1), to: Self.start + .seconds(2))
        #expect(index.stretches(after, level: nil, inputs: [0]).count == 1)
    }
}
