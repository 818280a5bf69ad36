import CLinux
import Glibc
import MusterCore

/// The action ledger on disk: `ledger` in the state folder, append-only, synced before anything happens.
///
/// A file that is damaged in its middle, or that could not be synced, takes no step any more: the agent then
/// refuses every action until somebody has looked at it. Owned by the loop's thread.
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
    private var length: off_t = 0

    /// Opens or makes the ledger of a state folder; cuts off a record that was never finished.
    ///
    /// Throws when another agent holds it. A damaged file does not throw: see ``failure``.
    init(folder: String) throws(AgentError) {
        path = "\(folder)/\(Self.name)"
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system("\(path) can't be opened", errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw AgentError(
                .system,
                "\(path) is in use by another agent: stop it, or give this one its own --state"
            )
        }
        try load(try SafeFile.read(descriptor, path, bytesMax: Self.bytesMax + (4 << 20)))
    }

    // Runs when init throws too: everything that is stored has its value by then.
    deinit { if descriptor >= 0 { close(descriptor) } }

    private func load(_ bytes: [UInt8]) throws(AgentError) {
        let contents = LedgerCodec.decode(bytes)
        length = off_t(bytes.count)
        if let damage = contents.damage {
            failure = damaged(damage)
            // What is before the damage is still true, and still keeps its tickets from running again.
            for record in contents.records { try? engine.apply(record) }
            return
        }
        do throws(LedgerError) {
            for record in contents.records { try engine.apply(record) }
        } catch {
            failure = damaged(error.message)
            return
        }
        let sound = max(contents.soundBytes, 0)
        if sound < bytes.count { try cut(to: off_t(sound)) }
        if sound == 0 {
            try SafeFile.writeAll(descriptor, LedgerCodec.magic, path)
            length = off_t(LedgerCodec.magic.count)
        }
        guard fsync(descriptor) == 0 else { throw .system("\(path) can't be synced", errno: errno) }
        SafeFile.syncFolder(of: path)
    }

    private func damaged(_ what: String) -> LedgerError {
        LedgerError(
            .damaged,
            "\(path): \(what). No action will run on this host until the file was looked at and moved away"
        )
    }

    /// Sets room aside for what follows a new action; throws when there is none.
    func reserve() throws(LedgerError) {
        if let failure { throw failure }
        guard length < Self.bytesMax else {
            throw LedgerError(
                .full,
                "\(path) has reached \(Self.bytesMax) bytes: stop the agent and archive it"
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
        try engine.apply(record)
    }

    private func cut(to size: off_t) throws(AgentError) {
        guard ftruncate(descriptor, size) == 0 else {
            throw .system("\(path) ends in an unfinished record that can't be cut off", errno: errno)
        }
        length = size
    }
}
