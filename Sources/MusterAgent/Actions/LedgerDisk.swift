import CLinux
import Glibc
import MusterCore

/// Where a ledger and its mark lie: the state folder, or what a simulation makes of one.
///
/// Each call is done when it returns. Lengths and places are in bytes.
protocol LedgerDisk: AnyObject {
    /// The ledger's file, for people.
    var path: String { get }
    /// The ledger's bytes; nil when there is none.
    func readLedger() throws(AgentError) -> [UInt8]?
    /// The mark's bytes; nil when there is none.
    func readMark() throws(AgentError) -> [UInt8]?
    /// Writes at the ledger's end; when that fails, a part of it may be there.
    func append(_ bytes: [UInt8]) throws(AgentError)
    func cut(to length: Int) throws(AgentError)
    /// Brings what was appended to where a power cut leaves it.
    func sync() throws(AgentError)
    /// Sets room aside behind the end; throws when there is none.
    func reserve(_ bytes: Int, after length: Int) throws(AgentError)
    /// Writes a part of the mark and syncs it.
    func writeMark(_ bytes: [UInt8], at place: Int) throws(AgentError)
    /// Puts a new file of these bytes in the ledger's place, synced: after a crash either the old or the new one is there.
    func replace(with bytes: [UInt8]) throws(AgentError)
    /// Why the ledger must not be used, as ``condemn(_:)`` was told; nil when it may.
    func readSentence() throws(AgentError) -> String?
    /// Keeps the ledger from being used, until it is begun anew.
    func condemn(_ reason: String) throws(AgentError)
}

/// `ledger` and `ledger.mark` in a state folder, held by one agent at a time.
final class LedgerFolder: LedgerDisk {
    /// Of the file that says why the ledger must not be used.
    static let sentenceSuffix = ".condemned"

    let path: String
    private let markPath: String
    private var descriptor: Int32
    private let markDescriptor: Int32

    /// Throws when another agent holds it, or when it is there and can't be opened.
    init(_ folder: String) throws(AgentError) {
        path = "\(folder)/\(LedgerFile.name)"
        markPath = "\(folder)/\(LedgerMark.name)"
        descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        let reason = errno
        markDescriptor = open(markPath, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            guard reason == ENOENT else { throw .system("\(path) can't be opened", errno: reason) }
            return
        }
        guard Self.lock(descriptor) else {
            throw AgentError(
                .system,
                "\(path) is in use by another agent: stop it, or give this one its own --state"
            )
        }
    }

    // Runs when init throws too: everything that is stored has its value by then.
    deinit { for file in [descriptor, markDescriptor] where file >= 0 { close(file) } }

    /// Takes the lock; a process that was just ended, or a child that has not begun its own program yet, may hold it for a
    /// moment longer.
    static func lock(_ descriptor: Int32) -> Bool {
        for _ in 0..<20 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            usleep(25_000)
        }
        return false
    }

    func readLedger() throws(AgentError) -> [UInt8]? {
        guard descriptor >= 0 else { return nil }
        lseek(descriptor, 0, SEEK_SET)
        return try SafeFile.read(descriptor, path, bytesMax: LedgerFile.bytesMax + (4 << 20))
    }

    func readMark() throws(AgentError) -> [UInt8]? { try SafeFile.read(markPath, bytesMax: 4096) }

    func readSentence() throws(AgentError) -> String? {
        try SafeFile.read("\(path)\(Self.sentenceSuffix)", bytesMax: 4096)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    func condemn(_ reason: String) throws(AgentError) {
        try SafeFile.write("\(path)\(Self.sentenceSuffix)", Array(reason.utf8.prefix(4096)), mode: 0o600)
    }

    func append(_ bytes: [UInt8]) throws(AgentError) { try SafeFile.writeAll(descriptor, bytes, path) }

    func cut(to length: Int) throws(AgentError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw .system("\(path) can't be cut back to \(length) bytes", errno: errno)
        }
    }

    func sync() throws(AgentError) {
        guard fdatasync(descriptor) == 0 else { throw .system("\(path) could not be synced", errno: errno) }
    }

    func reserve(_ bytes: Int, after length: Int) throws(AgentError) {
        // Keeps the size: the file ends where its last record ends.
        guard fallocate(descriptor, FALLOC_FL_KEEP_SIZE, off_t(length), off_t(bytes)) == 0 else {
            if errno == EOPNOTSUPP || errno == ENOSYS { return }
            throw .system("no room for \(path)", errno: errno)
        }
    }

    func writeMark(_ bytes: [UInt8], at place: Int) throws(AgentError) {
        let count = bytes.withUnsafeBytes {
            pwrite(markDescriptor, $0.baseAddress, $0.count, off_t(place))
        }
        guard count == bytes.count, fdatasync(markDescriptor) == 0 else {
            throw .system("\(markPath) can't be written", errno: errno)
        }
    }

    func replace(with bytes: [UInt8]) throws(AgentError) {
        let temporary = "\(path).new"
        unlink(temporary)
        let new = open(temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard new >= 0 else { throw .system("\(temporary) can't be made", errno: errno) }
        do throws(AgentError) {
            try SafeFile.writeAll(new, bytes, temporary)
            // Locked before it has the name, so that no other agent gets in between.
            guard flock(new, LOCK_EX | LOCK_NB) == 0, fsync(new) == 0 else {
                throw .system("\(temporary) can't be synced", errno: errno)
            }
            try SafeFile.rename(temporary, to: path)
        } catch {
            unlink(temporary)
            close(new)
            throw error
        }
        close(descriptor)
        descriptor = new
    }
}
