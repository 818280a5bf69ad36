import Glibc
import MusterTesting
import Testing

@testable import MusterProbe

/// Everything that happens to log files, with real files and a writer that does not wait.
@Suite struct LogFollowerTests {
    private static let lines = 20_000

    private func expectAll(_ lines: FollowedLines, of count: Int = Self.lines, besides allowed: Set<Int> = [])
    {
        let lost = lines.lost(of: count).filter { !allowed.contains($0) }
        #expect(lost.count == 0, "\(lost.count) lost: \(lost.prefix(10))")
        let duplicated = lines.duplicated
        #expect(duplicated.count == 0, "\(duplicated.count) twice: \(duplicated.prefix(10))")
        let strange = lines.strange.prefix(3).map { String(decoding: $0.prefix(120), as: UTF8.self) }
        #expect(strange.isEmpty, "\(lines.strange.count) lines as nobody wrote them: \(strange)")
    }

    @Test(arguments: ["app.log", "app.log*"])
    func rotatingByRenamingAndCreatingLosesNothing(pattern: String) throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path(pattern)])
        let log = NumberedLog(directory.path("app.log"))
        lines.poll()
        try log.start(Self.lines) { log, number in
            if number % 1500 == 700 {
                log.shift()
                rename(log.path, log.path + ".1")
            }
            // Its writer goes on in the old file for a while.
            if number % 1500 == 720 { log.reopen() }
        }
        lines.follow(log)
        expectAll(lines)
        #expect(lines.follower.losses.rotations > 0)
    }

    @Test(arguments: [true, false], ["app.log", "app.log*"])
    func copyingAndTruncatingLosesNothing(append: Bool, pattern: String) throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path(pattern)])
        let log = NumberedLog(directory.path("app.log"), append: append)
        lines.poll()
        try log.start(Self.lines) { log, number in
            guard number % 1500 == 700 else { return }
            // Rotations within a second, between two looks, have a test of their own.
            log.waitForPoll()
            log.shift()
            log.copy(to: log.path + ".1")
            // Without `append` the writer leaves a hole of zeros as long as what it wrote before.
            truncate(log.path, 0)
        }
        lines.follow(log)
        expectAll(lines)
        #expect(lines.follower.losses.truncations > 0)
        #expect(lines.follower.losses.truncationsUnsaved == 0)
    }

    @Test func whatIsWrittenBetweenCopyAndTruncationIsLostByTheRotationAlone() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        lines.poll()
        try log.start(4000) { log, number in
            if number % 1000 == 700 {
                log.waitForPoll()
                log.shift()
                log.copy(to: log.path + ".1")
            }
            if number % 1000 == 720 { truncate(log.path, 0) }
        }
        lines.follow(log)
        // Twenty lines each time are in no file any more, unless they were read in time.
        expectAll(lines, of: 4000, besides: Set((0..<4).flatMap { $0 * 1000 + 700..<$0 * 1000 + 720 }))
    }

    @Test func aFileRenamedWithinThePatternIsFollowedOn() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("*.log")])
        let log = NumberedLog(directory.path("a.log"))
        lines.poll()
        let names = ["a.log", "b.log", "c.log"].map { directory.path($0) }
        try log.start(Self.lines) { _, number in
            if number % 2000 == 900 {
                let turn = number / 2000
                rename(names[turn % 3], names[(turn + 1) % 3])
            }
        }
        lines.follow(log)
        expectAll(lines)
    }

    @Test func truncatingInPlaceRepeatsNothingAndLosesNothingThatWasSeen() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        lines.poll()
        try log.start(3000) { log, number in
            guard number % 300 == 200 else { return }
            log.waitUntilSeen()
            truncate(log.path, 0)
        }
        lines.follow(log)
        expectAll(lines, of: 3000)
        #expect(lines.follower.losses.truncations > 0)
        #expect(lines.follower.losses.truncationsUnsaved == lines.follower.losses.truncations)
    }

    @Test func deletingAndCreatingAgainLosesNothing() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        lines.poll()
        try log.start(3000) { log, number in
            guard number % 300 == 200 else { return }
            // A file that nobody knows of can't be read: wait until it was looked at once.
            log.waitUntilSeen()
            unlink(log.path)
            log.write(NumberedLog.line(3000 + number) + "\n")
            log.reopen()
        }
        lines.follow(log)
        // What was written to the deleted file before its writer let it go is read too.
        for number in stride(from: 200, to: 3000, by: 300) { #expect(lines.counts[3000 + number] == 1) }
        #expect(lines.lost(of: 3000).count == 0)
        #expect(lines.duplicated.count == 0)
    }

    @Test func aLineWrittenInPiecesComesOnceAndWhole() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        for number in 0..<50 {
            let line = Array((NumberedLog.line(number) + "\n").utf8)
            for piece in [line[..<7], line[7..<20], line[20..<(line.count - 1)], line.suffix(1)] {
                log.write(Array(piece))
                lines.poll()
            }
            #expect(lines.counts.count == number + 1)
        }
        expectAll(lines, of: 50)
    }

    @Test func longLinesAreCutAndCountedAndTheNextLineIsWhole() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        for number in 0..<20 {
            log.write([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [0x0A])
            log.write(NumberedLog.line(number) + "\n")
            if number % 3 == 0 { lines.poll() }
        }
        lines.poll()
        #expect(lines.lost(of: 20).isEmpty)
        #expect(lines.strange.map(\.count) == [Int](repeating: FollowedFile.lineBytesMax, count: 20))
        #expect(lines.follower.losses.longLines == 20)
    }

    @Test func bytesThatAreNoTextComeAsTheyAre() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        let odd: [[UInt8]] = [
            [0xFF, 0xFE, 0xC3, 0x28], [0x61, 0x00, 0x62, 0x00], [0xF0, 0x9F], [0x0D, 0x41],
        ]
        for (number, bytes) in odd.enumerated() {
            log.write(bytes + [0x0A])
            log.write(NumberedLog.line(number) + "\r\n")
            lines.poll()
        }
        #expect(lines.strange == odd)
        #expect(lines.lost(of: odd.count).isEmpty)
    }

    @Test func zerosBeforeALineAreNoPartOfIt() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"), append: false)
        // A place kept free, longer than a line may be, and filled later.
        #expect(posix_fallocate(log.descriptor, 0, 1 << 20) == 0)
        lines.poll()
        for number in 0..<100 {
            log.write(NumberedLog.line(number) + "\n")
            lines.poll()
        }
        expectAll(lines, of: 100)
    }

    @Test func anInodeThatIsUsedAgainIsANewFile() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("*.log")])
        let path = directory.path("app.log")
        // All files begin alike, so that only what follows tells them apart.
        let heading = [UInt8](repeating: UInt8(ascii: "="), count: 100) + [0x0A]
        var inodes: [UInt64] = []
        for number in 0..<30 {
            let log = NumberedLog(path)
            log.write(heading)
            log.write(NumberedLog.line(number) + "\n")
            inodes.append(HostFiles().status(path)?.inode ?? 0)
            lines.poll(after: 3)
            unlink(path)
            // Long enough for it to be closed, so that its inode is free.
            lines.poll(after: 3)
            for _ in 0..<3 { lines.poll(after: 70) }
        }
        #expect(lines.lost(of: 30).isEmpty)
        #expect(lines.duplicated.count == 0)
        #expect(lines.strange.count == 30)
    }

    @Test func aClockThatJumpsBackHidesNothing() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log*")])
        let log = NumberedLog(directory.path("app.log"))
        var time = Int(Glibc.time(nil))
        for number in 0..<200 {
            if number % 40 == 20 {
                log.shift()
                rename(log.path, log.path + ".1")
                log.reopen()
            }
            log.write(NumberedLog.line(number) + "\n")
            // An hour back each time.
            time -= 3600
            let times = [timespec(tv_sec: time, tv_nsec: 0), timespec(tv_sec: time, tv_nsec: 0)]
            futimens(log.descriptor, times)
            if number % 3 == 0 { lines.poll() }
        }
        for _ in 0..<3 { lines.poll(after: 3) }
        expectAll(lines, of: 200)
    }

    @Test func ofTenThousandFilesTheNewestAreFollowedAndTheOthersAreTold() throws {
        let directory = try TemporaryDirectory()
        let old = Int(Glibc.time(nil)) - 86_400
        for number in 0..<10_000 {
            let path = try directory.write("app-\(number).log", Array("old \(number)\n".utf8))
            let at = timespec(tv_sec: old + number, tv_nsec: 0)
            utimensat(AT_FDCWD, path, [at, at], 0)
        }
        var lines = FollowedLines([directory.path("*.log")])
        let clock = ContinuousClock.now
        lines.poll()
        #expect(ContinuousClock.now - clock < .seconds(10))
        #expect(lines.follower.paths.count == LogFollower.filesMax)
        #expect(lines.follower.losses.filesRefused == 10_000 - LogFollower.filesMax)
        let followed = Set(lines.follower.paths)
        #expect(
            (10_000 - LogFollower.filesMax..<10_000).allSatisfy {
                followed.contains(directory.path("app-\($0).log"))
            }
        )
        #expect(lines.strange.count == LogFollower.filesMax)
        // One that was left out and is written to now takes the place of one that stands still.
        let log = NumberedLog(directory.path("app-3.log"))
        for number in 0..<10 { log.write(NumberedLog.line(number) + "\n") }
        // A slow scan is followed by a long pause.
        for _ in 0..<20 { lines.poll(after: 600) }
        #expect(lines.lost(of: 10).isEmpty)
        #expect(lines.follower.paths.count == LogFollower.filesMax)
    }

    @Test func aFileThatAppearsBetweenTwoPollsIsReadFromItsStart() throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("**/*.log")], backfillBytes: 100)
        lines.poll()
        mkdir(directory.path("new"), 0o700)
        mkdir(directory.path("new/deep"), 0o700)
        let log = NumberedLog(directory.path("new/deep/app.log"))
        for number in 0..<500 { log.write(NumberedLog.line(number) + "\n") }
        for _ in 0..<3 { lines.poll(after: 2) }
        expectAll(lines, of: 500)
    }

    @Test(arguments: [true, false])
    func severalRotationsBetweenTwoPollsLoseNothing(copies: Bool) throws {
        let directory = try TemporaryDirectory()
        var lines = FollowedLines([directory.path("app.log")])
        let log = NumberedLog(directory.path("app.log"))
        var number = 0
        for round in 0..<6 {
            for rotation in 0..<round * 2 {
                for _ in 0..<20 + rotation {
                    log.write(NumberedLog.line(number) + "\n")
                    number += 1
                }
                // Files are told apart by when they were written; a clock's tick must pass.
                usleep(10_000)
                log.shift()
                if copies {
                    log.copy(to: log.path + ".1")
                    truncate(log.path, 0)
                } else {
                    rename(log.path, log.path + ".1")
                    log.reopen()
                }
            }
            lines.poll()
        }
        for _ in 0..<3 { lines.poll(after: 3) }
        expectAll(lines, of: number)
    }

    @Test func aLinkThatIsSwitchedIsFollowedToItsNewFile() throws {
        let directory = try TemporaryDirectory()
        let link = directory.path("current.log")
        var log = NumberedLog(directory.path("app-0.out"))
        symlink(log.path, link)
        var lines = FollowedLines([link])
        lines.poll()
        var number = 0
        for round in 1..<10 {
            for _ in 0..<30 {
                log.write(NumberedLog.line(number) + "\n")
                number += 1
            }
            if round % 2 == 0 { lines.poll() }
            // The last lines go to the old file after the link was switched.
            let next = NumberedLog(directory.path("app-\(round).out"))
            unlink(link)
            symlink(next.path, link)
            log.write(NumberedLog.line(number) + "\n")
            number += 1
            lines.poll()
            log = next
        }
        for _ in 0..<3 { lines.poll(after: 3) }
        expectAll(lines, of: number)
    }
}
