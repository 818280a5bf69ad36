import Glibc
import MusterCore

/// The action ledger on disk: `ledger` in the state folder, append-only, synced before anything happens.
///
/// Made when the host joins. One that is missing, damaged or not what ``LedgerMark`` says takes no step any more: the agent
/// then refuses every action until root has looked at it (`muster-agent ledger accept`). One that could not be synced takes
/// none until it lies whole in a new file, see ``heal()``. Owned by the loop's thread.
final class LedgerFile {
    static let name = "ledger"
    /// Largest file that is read; past it no new action is taken.
    static let bytesMax = 64 << 20
    /// Room set aside before an action, so that what came of it can always be written.
    static let reserveBytes = 1 << 20

    private(set) var engine = LedgerEngine()
    /// Why nothing more is written; nil while all is well.
    private(set) var failure: LedgerError?
    private let disk: any LedgerDisk
    /// Of what is true.
    private var length = 0
    /// Of the chain over all records that are true.
    private var head = LedgerMark.chainStart
    /// Of the chain over all records up to the last step.
    private(set) var digest = LedgerMark.chainStart

    private var path: String { disk.path }

    /// Opens the ledger of a state folder; cuts off a record that was never finished.
    ///
    /// Throws when another agent holds it. What makes it unusable does not throw: see ``failure``.
    convenience init(folder: String) throws(AgentError) { try self.init(disk: try LedgerFolder(folder)) }

    /// The same, wherever it lies.
    init(disk: any LedgerDisk) throws(AgentError) {
        self.disk = disk
        guard let bytes = try disk.readLedger() else {
            failure = unusable("it is missing")
            return
        }
        try load(bytes)
    }

    private func load(_ bytes: [UInt8]) throws(AgentError) {
        let contents = LedgerCodec.decode(bytes)
        length = bytes.count
        failure =
            try disk.readSentence().map { unusable($0) } ?? contents.damage.map { unusable($0) }
            ?? complaint(about: contents, bytes)
        if failure != nil {
            // What is before the damage is still true, and still keeps its tickets from running again.
            for record in contents.records { try? engine.apply(record) }
            return
        }
        do throws(LedgerError) {
            for record in contents.records { try engine.apply(record) }
        } catch {
            failure = unusable(error.message)
            return
        }
        if contents.soundBytes < bytes.count {
            try disk.cut(to: contents.soundBytes)
            length = contents.soundBytes
        }
        // What is in memory only, of an agent that died, becomes true here or nowhere.
        try disk.sync()
        mark()
    }

    /// Holds the file against its mark; leaves the head of the chain.
    private func complaint(about contents: LedgerCodec.Contents, _ bytes: [UInt8]) -> LedgerError? {
        let mark: LedgerMark
        do throws(AgentError) {
            guard let found = try disk.readMark() else { return unusable("its mark is missing") }
            mark = try LedgerMark.newest(found, path: path)
        } catch {
            return unusable(error.message)
        }
        var isFound = false
        var (start, steps, ahead) = (LedgerCodec.magic.count, UInt64(0), 0)
        for (record, end) in zip(contents.records, contents.ends) {
            head = LedgerMark.chained(head, bytes[start..<end])
            start = end
            if case .step = record { (steps, digest) = (steps + 1, head) }
            if LedgerMark(steps: steps, length: end, head: head) == mark {
                (isFound, ahead) = (true, 0)
            } else if isFound, case .step = record {
                ahead += 1
            }
        }
        guard isFound else {
            return unusable("it is not the one that its mark knows: cut, changed or put back")
        }
        // A crash can come between a step and its mark, and no more than once.
        return ahead <= 1 ? nil : unusable("it holds \(ahead) steps that its mark does not know")
    }

    private func unusable(_ what: String) -> LedgerError {
        LedgerError(
            .damaged,
            """
            \(path): \(what). No action will run on this host until root has looked at what ran here, and has begun the \
            ledger anew with "muster-agent ledger accept"
            """
        )
    }

    /// Sets room aside for what follows a new action; throws when there is none.
    func reserve() throws(LedgerError) {
        if let failure { throw failure }
        guard length < Self.bytesMax else {
            throw LedgerError(
                .full,
                "\(path) has reached \(Self.bytesMax) bytes: stop the agent and begin it anew with \"ledger accept\""
            )
        }
        do throws(AgentError) { try disk.reserve(Self.reserveBytes, after: length) } catch {
            throw LedgerError(.storage, error.message)
        }
    }

    /// Writes a step, syncs it, and only then makes it true.
    @discardableResult
    func take(_ step: LedgerStep) throws(LedgerError) -> LedgerStep {
        try append(.step(step), sync: true)
        mark()
        return step
    }

    /// Notes that the coordinator has taken every report up to a step.
    ///
    /// Not synced: losing it only means that reports are sent once more.
    func acknowledge(_ step: UInt64) {
        guard step > engine.acknowledged else { return }
        try? append(.acknowledged(step), sync: false)
    }

    private func append(_ record: LedgerRecord, sync: Bool) throws(LedgerError) {
        if let failure { throw failure }
        let bytes = LedgerCodec.encode(record)
        do throws(AgentError) {
            try disk.append(bytes)
        } catch {
            // A part may have been written; what follows must not come after it.
            do throws(AgentError) { try disk.cut(to: length) } catch {
                failure = LedgerError(.storage, "\(path) could be neither written nor cut back")
            }
            throw LedgerError(.storage, error.message)
        }
        if sync {
            do throws(AgentError) { try disk.sync() } catch {
                // After a failed sync nobody knows what is on disk, and asking again does not tell.
                let failed = LedgerError(.storage, error.message)
                failure = failed
                throw failed
            }
        }
        length += bytes.count
        head = LedgerMark.chained(head, bytes)
        if case .step = record { digest = head }
        try engine.apply(record)
    }

    /// The ledger as it was told of; nil while it can't be used.
    var told: LedgerHead? {
        guard failure == nil, let begun = engine.floor else { return nil }
        return LedgerHead(begun: begun, steps: engine.steps, digest: digest)
    }

    /// Others remember the ledger as it was: one that does not go on from there was put back, with its whole folder.
    ///
    /// It is not used any more then, also after a restart. Reads the file when it has gone on since. Returns whether it was.
    func remembered(_ known: LedgerHead) -> Bool {
        guard let told, !goesOn(told, from: known) else { return false }
        let reason = "others have seen \(known.text) of it, and it has \(told.text): it was put back"
        // What can't be written down is found again with the next welcome.
        try? disk.condemn(reason)
        failure = unusable(reason)
        return true
    }

    private func goesOn(_ told: LedgerHead, from known: LedgerHead) -> Bool {
        guard known.begun == told.begun, known.steps < told.steps else { return !told.isPutBack(from: known) }
        let bytes = Array((((try? disk.readLedger()) ?? nil) ?? []).prefix(length))
        let contents = LedgerCodec.decode(bytes)
        var (head, start, steps) = (LedgerMark.chainStart, LedgerCodec.magic.count, UInt64(0))
        if known.steps == 0 { return head == known.digest }
        for (record, end) in zip(contents.records, contents.ends) {
            head = LedgerMark.chained(head, bytes[start..<end])
            start = end
            guard case .step = record else { continue }
            steps += 1
            if steps == known.steps { return head == known.digest }
        }
        return false
    }

    /// Writes how far the ledger has come.
    ///
    /// The steps so far are true whether this works or not, but without it no more may follow.
    private func mark() {
        do throws(AgentError) {
            try LedgerMark(steps: engine.steps, length: length, head: head).write {
                bytes,
                place throws(AgentError) in
                try disk.writeMark(bytes, at: place)
            }
        } catch {
            failure = LedgerError(.storage, error.message)
        }
    }

    /// Puts a ledger that could not be written on new ground; it stays as it is when it is damaged.
    ///
    /// What is true goes whole into a new file: pages of which a sync failed once may be lost without another word.
    /// Throws when that can't be done now; it may be tried again.
    func heal() throws(LedgerError) {
        guard let failure, failure.code == .storage else { return }
        do throws(AgentError) {
            let bytes = Array((try disk.readLedger() ?? []).prefix(length))
            let contents = LedgerCodec.decode(bytes)
            var (head, start) = (LedgerMark.chainStart, LedgerCodec.magic.count)
            for end in contents.ends {
                head = LedgerMark.chained(head, bytes[start..<end])
                start = end
            }
            guard bytes.count == length, contents.soundBytes == length, head == self.head else {
                throw AgentError(.system, "\(path) does not read as it was written")
            }
            try disk.replace(with: bytes)
        } catch {
            throw LedgerError(.storage, error.message)
        }
        self.failure = nil
        mark()
        if let failure = self.failure { throw failure }
    }
}

extension LedgerFile {
    /// What the file of a folder says is done and waits for a decision, as far as it can be read.
    static func undecided(folder: String) -> [(ticket: TicketID, subject: String)] {
        guard let bytes = try? SafeFile.read("\(folder)/\(name)", bytesMax: bytesMax + (4 << 20)) else {
            return []
        }
        var engine = LedgerEngine()
        for record in LedgerCodec.decode(bytes).records { try? engine.apply(record) }
        return engine.awaiting.map { ($0.ticket, engine[$0.ticket]?.subject ?? "") }
    }

    /// Begins the ledger, with what was there moved aside; returns where to.
    ///
    /// Plans from before are refused from then on: what ran of them is not known. The agent must not run. Interrupted, it
    /// leaves a ledger that can't be used, and is called again.
    static func begin(folder: String, reason: String, now: Timestamp) throws(AgentError) -> [String] {
        let path = "\(folder)/\(name)"
        let held = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        defer { if held >= 0 { close(held) } }
        guard held < 0 || LedgerFolder.lock(held) else {
            throw AgentError(.system, "\(path) is in use: stop the agent first")
        }
        var owner = stat()
        guard stat(folder, &owner) == 0 else { throw .system(folder, errno: errno) }
        var moved: [String] = []
        for file in [path, "\(folder)/\(LedgerMark.name)"] where access(file, F_OK) == 0 {
            let aside = "\(file).\(now.nanoseconds / 1_000_000_000)"
            try SafeFile.rename(file, to: aside)
            moved.append(aside)
        }
        SafeFile.remove("\(path)\(LedgerFolder.sentenceSuffix)")
        let record = LedgerCodec.encode(.accepted(at: now, reason: reason))
        let bytes = LedgerCodec.magic + record
        let head = LedgerMark.chained(LedgerMark.chainStart, record)
        try LedgerMark(steps: 0, length: bytes.count, head: head).make(folder: folder)
        try SafeFile.write(path, bytes, mode: 0o600)
        for file in [path, "\(folder)/\(LedgerMark.name)"] where geteuid() == 0 {
            guard chown(file, owner.st_uid, owner.st_gid) == 0 else { throw .system(file, errno: errno) }
        }
        return moved
    }
}
