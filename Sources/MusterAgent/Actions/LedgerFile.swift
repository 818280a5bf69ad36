import CLinux
import Glibc
import MusterCore

/// The action ledger on disk: `ledger` in the state folder, append-only, synced before anything happens.
///
/// Made when the host joins. One that is missing, damaged, could not be synced or is not what ``LedgerMark`` says takes no
/// step any more: the agent then refuses every action until root has looked at it (`muster-agent ledger accept`).
/// Owned by the loop's thread.
final class LedgerFile {
    static let name = "ledger"
    /// Largest file that is read; past it no new action is taken.
    static let bytesMax = 64 << 20
    /// Room set aside before an action, so that what came of it can always be written.
    static let reserveBytes: off_t = 1 << 20

    private(set) var engine = LedgerEngine()
    /// Why nothing more is written; nil while all is well.
    private(set) var failure: LedgerError?
    private let path: String
    private let descriptor: Int32
    private let markDescriptor: Int32
    private var length: off_t = 0
    /// Of the chain over all records.
    private var head = LedgerMark.chainStart

    /// Opens the ledger of a state folder; cuts off a record that was never finished.
    ///
    /// Throws when another agent holds it. What makes it unusable does not throw: see ``failure``.
    init(folder: String) throws(AgentError) {
        path = "\(folder)/\(Self.name)"
        descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        markDescriptor = open("\(folder)/\(LedgerMark.name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw .system("\(path) can't be opened", errno: errno) }
            failure = unusable("it is missing")
            return
        }
        guard Self.lock(descriptor) else {
            throw AgentError(
                .system,
                "\(path) is in use by another agent: stop it, or give this one its own --state"
            )
        }
        try load(try SafeFile.read(descriptor, path, bytesMax: Self.bytesMax + (4 << 20)), folder)
    }

    /// Takes the lock; a process that was just ended, or a child that has not begun its own program yet, may hold it for a
    /// moment longer.
    private static func lock(_ descriptor: Int32) -> Bool {
        for _ in 0..<20 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            usleep(25_000)
        }
        return false
    }

    // Runs when init throws too: everything that is stored has its value by then.
    deinit { for file in [descriptor, markDescriptor] where file >= 0 { close(file) } }

    private func load(_ bytes: [UInt8], _ folder: String) throws(AgentError) {
        let contents = LedgerCodec.decode(bytes)
        length = off_t(bytes.count)
        failure = contents.damage.map { unusable($0) } ?? complaint(about: contents, bytes, folder)
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
        if contents.soundBytes < bytes.count { try cut(to: off_t(contents.soundBytes)) }
        guard fsync(descriptor) == 0 else { throw .system("\(path) can't be synced", errno: errno) }
        mark()
    }

    /// Holds the file against its mark; leaves the head of the chain.
    private func complaint(
        about contents: LedgerCodec.Contents,
        _ bytes: [UInt8],
        _ folder: String
    ) -> LedgerError? {
        let mark: LedgerMark
        do throws(AgentError) {
            guard let found = try LedgerMark.read(folder: folder) else {
                return unusable("its mark is missing")
            }
            mark = found
        } catch {
            return unusable(error.message)
        }
        var isFound = false
        var (start, steps, ahead) = (LedgerCodec.magic.count, UInt64(0), 0)
        for (record, end) in zip(contents.records, contents.ends) {
            head = LedgerMark.chained(head, bytes[start..<end])
            start = end
            if case .step = record { steps += 1 }
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
        // Keeps the size: the file ends where its last record ends.
        guard fallocate(descriptor, FALLOC_FL_KEEP_SIZE, length, Self.reserveBytes) == 0 else {
            if errno == EOPNOTSUPP || errno == ENOSYS { return }
            throw LedgerError(.storage, "no room for \(path): \(SystemText.error(errno))")
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
            try SafeFile.writeAll(descriptor, bytes, path)
        } catch {
            // A part may have been written; what follows must not come after it.
            if ftruncate(descriptor, length) != 0 {
                failure = LedgerError(.storage, "\(path) could be neither written nor cut back")
            }
            throw LedgerError(.storage, error.message)
        }
        if sync, fdatasync(descriptor) != 0 {
            // After a failed sync nobody knows what is on disk, and asking again does not tell.
            let error = LedgerError(.storage, "\(path) could not be synced: \(SystemText.error(errno))")
            failure = error
            throw error
        }
        length += off_t(bytes.count)
        head = LedgerMark.chained(head, bytes)
        try engine.apply(record)
    }

    /// Writes how far the ledger has come.
    ///
    /// The steps so far are true whether this works or not, but without it no more may follow.
    private func mark() {
        do throws(AgentError) {
            try LedgerMark(steps: engine.steps, length: Int(length), head: head).write(to: markDescriptor)
        } catch {
            failure = LedgerError(.storage, error.message)
        }
    }

    private func cut(to size: off_t) throws(AgentError) {
        guard ftruncate(descriptor, size) == 0 else {
            throw .system("\(path) ends in an unfinished record that can't be cut off", errno: errno)
        }
        length = size
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
        guard held < 0 || lock(held) else {
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
