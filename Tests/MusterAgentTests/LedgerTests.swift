import Glibc
import MusterCore
import MusterTesting
import Testing

@testable import MusterAgent

@Suite struct LedgerTests {
    private let directory: TemporaryDirectory
    private let tickets: TestTickets
    private static let now = TestTickets.now

    init() throws {
        directory = try TemporaryDirectory()
        tickets = try TestTickets()
    }

    /// A ledger with one ticket that was committed, one that runs, and one that waits for its commit.
    private func fill() throws -> [Ticket] {
        let ledger = try opened()
        let three = try (0..<3).map { _ in try tickets.ticket(tickets.plan()) }
        for (index, ticket) in three.enumerated() {
            try ledger.take(
                try ledger.engine.prepare(ticket, subject: "command:x", isPreApproved: false, at: Self.now)
            )
            try ledger.take(try ledger.engine.advance(ticket.id, to: .running, at: Self.now))
            guard index != 1 else { continue }
            try ledger.take(
                try ledger.engine.advance(
                    ticket.id,
                    to: .done,
                    commitDeadline: Self.now + .seconds(60),
                    result: ActionResult(reason: "", output: "fine", count: 3),
                    at: Self.now
                )
            )
            guard index == 0 else { continue }
            try ledger.take(try ledger.engine.advance(ticket.id, to: .committed, at: Self.now))
        }
        ledger.acknowledge(2)
        return three
    }

    /// The ledger of the test's folder, made when it is not there.
    private func opened() throws -> LedgerFile {
        try LedgerFile.beginForTest(folder: directory.root)
        return try LedgerFile(folder: directory.root)
    }

    /// Leaves the mark that an agent would have left when these were the bytes of its ledger.
    private func mark(_ bytes: [UInt8], withoutLast: Bool = false) throws {
        let contents = LedgerCodec.decode(bytes)
        var mark = LedgerMark(steps: 0, length: LedgerCodec.magic.count, head: LedgerMark.chainStart)
        var earlier = mark
        var start = LedgerCodec.magic.count
        for (record, end) in zip(contents.records, contents.ends) {
            if case .step = record {
                earlier = mark
                mark.steps += 1
            }
            mark.head = LedgerMark.chained(mark.head, bytes[start..<end])
            mark.length = end
            start = end
        }
        try (withoutLast && mark.steps > 0 ? earlier : mark).make(folder: directory.root)
    }

    private func bytes() throws -> [UInt8] {
        try #require(try SafeFile.read(directory.path("ledger"), bytesMax: 1 << 20))
    }

    private func write(_ bytes: [UInt8]) throws { try directory.write("ledger", bytes) }

    @Test func whatWasTakenIsThereAfterwards() throws {
        let three = try fill()
        let ledger = try LedgerFile(folder: directory.root)
        #expect(ledger.failure == nil)
        #expect(three.map { ledger.engine[$0.id]?.state } == [.committed, .running, .done])
        #expect(ledger.engine[three[0].id]?.report.state == .committed)
        #expect(ledger.engine[three[2].id]?.planBytes == three[2].plan.bytes)
        #expect(ledger.engine[three[0].id]?.planBytes == [])
        #expect(ledger.engine.acknowledged == 2)
        #expect(ledger.engine.reportsPending.first?.number == 3)
        #expect(ledger.engine.runs(of: "command:x", before: Self.now + .seconds(60)) == 3)
        #expect(ledger.engine.runs(of: "command:x", before: Self.now + .seconds(3601)) == 0)
    }

    @Test func cutAtAnyByteItOpensAndNothingRunsTwice() throws {
        let three = try fill()
        let whole = try bytes()
        let states = LedgerCodec.decode(whole).records
        for length in 0...whole.count {
            let contents = LedgerCodec.decode(Array(whole[..<length]))
            #expect(contents.damage == nil, "cut at \(length)")
            #expect(contents.records == Array(states[..<contents.records.count]))
            guard length % 97 == 0 || length > whole.count - 20 else { continue }
            // What a crash leaves: a record that was not finished, and the mark of the one before, or of that before it.
            guard length >= LedgerCodec.decode(whole).ends[0] else { continue }
            try write(Array(whole[..<length]))
            try mark(Array(whole[..<length]), withoutLast: length % 2 == 0)
            let ledger = try LedgerFile(folder: directory.root)
            #expect(ledger.failure == nil, "cut at \(length)")
            while let step = ledger.engine.recover(at: Self.now) {
                #expect(step.report.state == .indeterminate || step.report.state == .failed)
                try ledger.take(step)
            }
            for ticket in three {
                guard let entry = ledger.engine[ticket.id] else { continue }
                #expect(entry.state != .running && entry.state != .prepared)
                #expect(throws: LedgerError.self) {
                    try ledger.engine.prepare(ticket, subject: "", isPreApproved: false, at: Self.now)
                }
                #expect(throws: LedgerError.self) {
                    try ledger.engine.advance(ticket.id, to: .running, at: Self.now)
                }
            }
        }
    }

    @Test func anyFlippedByteBeforeTheEndIsDamageOrALostTailAndNeverAnotherStory() throws {
        _ = try fill()
        let whole = try bytes()
        let records = LedgerCodec.decode(whole).records
        let last = whole.count - LedgerCodec.encode(try #require(records.last)).count
        for index in whole.indices {
            var bytes = whole
            bytes[index] ^= 0x40
            let contents = LedgerCodec.decode(bytes)
            #expect(contents.records == Array(records[..<contents.records.count]))
            #expect(contents.records.count < records.count)
            if index < last { #expect(contents.damage != nil, "byte \(index)") }
        }
    }

    @Test func aDamagedLedgerKeepsItsTicketsButTakesNoStep() throws {
        let three = try fill()
        var bytes = try bytes()
        bytes[bytes.count / 2] ^= 1
        try write(bytes)
        let ledger = try LedgerFile(folder: directory.root)
        #expect(ledger.failure?.code == .damaged)
        #expect(ledger.engine[three[0].id] != nil)
        #expect(throws: LedgerError.self) { try ledger.reserve() }
        let step = try ledger.engine.prepare(
            try tickets.ticket(tickets.plan()),
            subject: "",
            isPreApproved: false,
            at: Self.now
        )
        #expect(throws: LedgerError.self) { try ledger.take(step) }
        #expect(try self.bytes() == bytes)
    }

    @Test func zerosAfterTheEndAreAnUnfinishedWrite() throws {
        _ = try fill()
        let whole = try bytes()
        try write(whole + [UInt8](repeating: 0, count: 100))
        let ledger = try LedgerFile(folder: directory.root)
        #expect(ledger.failure == nil)
        #expect(try bytes() == whole)
    }

    @Test func twoAgentsCanNotShareALedger() throws {
        let first = try opened()
        #expect(throws: AgentError.self) { try LedgerFile(folder: directory.root) }
        #expect(first.failure == nil)
    }

    @Test func aFullDiskRefusesBeforeAnythingHappens() throws {
        guard access("/dev/full", W_OK) == 0, geteuid() == 0 else { return }
        let mount = directory.path("small")
        mkdir(mount, 0o700)
        // 64 KiB of memory: less than what is set aside for an action.
        guard Glibc.mount("tmpfs", mount, "tmpfs", 0, "size=64k") == 0 else { return }
        defer { umount(mount) }
        try LedgerFile.beginForTest(folder: mount)
        let ledger = try LedgerFile(folder: mount)
        #expect(throws: LedgerError.self) { try ledger.reserve() }
    }

    /// A state folder whose disk can't be synced for a while.
    private final class SickFolder: LedgerDisk {
        let folder: LedgerFolder
        var isSick = false

        init(_ folder: String) throws { self.folder = try LedgerFolder(folder) }

        var path: String { folder.path }
        func readLedger() throws(AgentError) -> [UInt8]? { try folder.readLedger() }
        func readMark() throws(AgentError) -> [UInt8]? { try folder.readMark() }
        func append(_ bytes: [UInt8]) throws(AgentError) { try folder.append(bytes) }
        func cut(to length: Int) throws(AgentError) { try folder.cut(to: length) }
        func sync() throws(AgentError) {
            if isSick { throw AgentError(.system, "input/output error") }
            try folder.sync()
        }
        func reserve(_ bytes: Int, after length: Int) throws(AgentError) {
            try folder.reserve(bytes, after: length)
        }
        func writeMark(_ bytes: [UInt8], at place: Int) throws(AgentError) {
            try folder.writeMark(bytes, at: place)
        }
        func readSentence() throws(AgentError) -> String? { try folder.readSentence() }
        func condemn(_ reason: String) throws(AgentError) { try folder.condemn(reason) }
        func replace(with bytes: [UInt8]) throws(AgentError) {
            if isSick { throw AgentError(.system, "input/output error") }
            try folder.replace(with: bytes)
        }
    }

    @Test("After a failed sync nothing is believed until all of it lies in a new file")
    func failedSync() throws {
        try LedgerFile.beginForTest(folder: directory.root)
        let disk = try SickFolder(directory.root)
        let ledger = try LedgerFile(disk: disk)
        let tickets = try TestTickets()
        let ticket = try tickets.ticket(tickets.plan())
        func prepared() throws -> LedgerStep {
            try ledger.engine.prepare(ticket, subject: "command:x", isPreApproved: false, at: Self.now)
        }
        disk.isSick = true
        #expect(throws: LedgerError.self) { try ledger.take(try prepared()) }
        #expect(ledger.engine[ticket.id] == nil && ledger.failure?.code == .storage)
        disk.isSick = false
        // Not even when syncing works again: what failed once may be gone.
        #expect(throws: LedgerError.self) { try ledger.take(try prepared()) }
        disk.isSick = true
        #expect(throws: LedgerError.self) { try ledger.heal() }
        disk.isSick = false
        try ledger.heal()
        try ledger.take(try prepared())
        #expect(throws: AgentError.self, "the new file is locked") { try LedgerFile(folder: directory.root) }
        disk.isSick = true
        #expect(throws: LedgerError.self) {
            try ledger.take(try ledger.engine.advance(ticket.id, to: .running, at: Self.now))
        }
        disk.isSick = false
        try ledger.heal()
        #expect(ledger.engine[ticket.id]?.state == .prepared)
        let seen = LedgerCodec.decode(try bytes())
        #expect(seen.damage == nil && seen.records.count == 2)
    }

    /// Expects that nothing can be done any more, and why.
    private func expectUnusable(_ reason: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let ledger = try LedgerFile(folder: directory.root)
        let message = ledger.failure?.message ?? "usable"
        #expect(message.contains(reason), "\(message)", sourceLocation: sourceLocation)
        #expect(message.contains("muster-agent ledger accept"), sourceLocation: sourceLocation)
        #expect(throws: LedgerError.self, sourceLocation: sourceLocation) { try ledger.reserve() }
    }

    @Test func cutAnywhereBehindItsMarkItIsNotUsed() throws {
        _ = try fill()
        let whole = try bytes()
        // The last record is an acknowledgement, which is not synced and may be lost.
        let ends = LedgerCodec.decode(whole).ends
        // Every end of a record and the bytes beside it, and some between: each opens a file and syncs it.
        let lengths =
            ends.dropLast(2).flatMap { [$0 - 1, $0, $0 + 1] } + stride(from: 8, to: whole.count, by: 97)
        for length in lengths where length < ends[ends.count - 2] {
            try write(Array(whole[..<length]))
            let ledger = try LedgerFile(folder: directory.root)
            #expect(ledger.failure != nil, "cut at \(length)")
        }
        try write(Array(whole[..<ends[ends.count - 2]]))
        #expect(try LedgerFile(folder: directory.root).failure == nil)
    }

    @Test func anOlderLedgerPutBackIsNotUsed() throws {
        _ = try fill()
        let older = try bytes()
        let ticket = try tickets.ticket(tickets.plan())
        do {
            let ledger = try LedgerFile(folder: directory.root)
            try ledger.take(
                try ledger.engine.prepare(ticket, subject: "command:x", isPreApproved: false, at: Self.now)
            )
        }
        #expect(try LedgerFile(folder: directory.root).failure == nil)
        try write(older)
        try expectUnusable("put back")
    }

    @Test func aLedgerWithAnotherStoryIsNotUsedHoweverSoundItsChecksums() throws {
        _ = try fill()
        var records = LedgerCodec.decode(try bytes()).records
        let last = try #require(records.lastIndex { if case .step = $0 { true } else { false } })
        guard case .step(var step) = records[last] else { return }
        step.report.reason = "never ran"
        records[last] = .step(step)
        let forged = LedgerCodec.magic + records.flatMap { LedgerCodec.encode($0) }
        #expect(LedgerCodec.decode(forged).damage == nil)
        try write(forged)
        try expectUnusable("changed")
    }

    @Test func stepsThatItsMarkDoesNotKnowAreNotBelieved() throws {
        _ = try fill()
        let whole = try bytes()
        let ends = LedgerCodec.decode(whole).ends
        try mark(Array(whole[..<ends[2]]))
        try expectUnusable("steps that its mark does not know")
    }

    @Test(arguments: [["ledger"], ["ledger.mark"], ["ledger", "ledger.mark"]])
    func aLedgerOrMarkThatIsMissingIsNotMadeAgain(_ files: [String]) throws {
        _ = try fill()
        for file in files { SafeFile.remove(directory.path(file)) }
        try expectUnusable("missing")
    }

    @Test func aTornMarkLeavesTheOneBefore() throws {
        _ = try fill()
        let path = directory.path("ledger.mark")
        let whole = try #require(try SafeFile.read(path, bytesMax: 4096))
        let newest = try #require(try LedgerMark.read(folder: directory.root))
        let place = Int(newest.steps % 2) * 64
        for index in place..<place + 64 {
            var torn = whole
            torn[index] ^= 0x55
            try directory.write("ledger.mark", torn)
            #expect(try LedgerMark.read(folder: directory.root)?.steps == newest.steps - 1)
            #expect(try LedgerFile(folder: directory.root).failure == nil)
            try directory.write("ledger.mark", whole)
        }
        try directory.write("ledger.mark", [UInt8](repeating: 0x5A, count: 128))
        try expectUnusable("damaged")
    }

    @Test func begunAnewByRootItTakesNothingFromBefore() throws {
        let three = try fill()
        SafeFile.remove(directory.path("ledger"))
        let anew = Self.now + .seconds(60)
        let moved = try LedgerFile.begin(folder: directory.root, reason: "disk replaced", now: anew)
        #expect(moved == [directory.path("ledger.mark") + ".\(anew.nanoseconds / 1_000_000_000)"])
        let ledger = try LedgerFile(folder: directory.root)
        #expect(ledger.failure == nil)
        #expect(ledger.engine.floor == anew)
        #expect(ledger.engine[three[0].id] == nil)
        try ledger.reserve()
        try ledger.take(
            try ledger.engine.prepare(three[0], subject: "command:x", isPreApproved: false, at: Self.now)
        )
    }

    @Test func aLedgerInUseIsNotBegunAnew() throws {
        let ledger = try opened()
        #expect(throws: AgentError.self) {
            try LedgerFile.begin(folder: directory.root, reason: "x", now: Self.now)
        }
        #expect(ledger.failure == nil)
    }
}
