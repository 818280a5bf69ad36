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
        let ledger = try LedgerFile(folder: directory.root)
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
            guard length % 37 == 0 || length > whole.count - 40 else { continue }
            try write(Array(whole[..<length]))
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
        let first = try LedgerFile(folder: directory.root)
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
        let ledger = try LedgerFile(folder: mount)
        #expect(throws: LedgerError.self) { try ledger.reserve() }
    }
}
