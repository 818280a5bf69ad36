import FoundationEssentials
import Glibc

/// Why a file could not be read or written.
package struct StateFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String

    package init(message: String) { self.message = message }

    package var description: String { message }
}

/// Small files: configuration, runbooks, keys.
package enum StateFile {
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Reads a whole file.
    ///
    /// - Throws: ``StateFileError`` when it can't be read or is larger than `bytesMax`.
    package static func read(_ path: String, bytesMax: Int) throws(StateFileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= bytesMax else {
                throw StateFileError(message: "\(path) is larger than \(bytesMax) bytes")
            }
        }
    }

    /// Reads a private key; refuses one that others can read, because it is not secret any more.
    package static func readSecret(_ path: String, bytesMax: Int) throws(StateFileError) -> [UInt8] {
        var status = Glibc.stat()
        guard stat(path, &status) == 0 else { throw failure("read", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw StateFileError(
                message: "\(path) can be read by others: chmod 600 it, and consider replacing the key"
            )
        }
        return try read(path, bytesMax: bytesMax)
    }

    /// Puts a file in the place of another, at once.
    package static func rename(_ path: String, to other: String) throws(StateFileError) {
        guard Glibc.rename(path, other) == 0 else { throw failure("rename", path) }
        try syncFolder(of: other)
    }

    package static func remove(_ path: String) { unlink(path) }

    /// What changes when the file changes; empty when it is not there.
    package static func stamp(_ path: String) -> String {
        var status = Glibc.stat()
        guard stat(path, &status) == 0 else { return "" }
        return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    /// Makes a file that was not there, synced, readable by its owner only unless `mode` says otherwise.
    ///
    /// It is there whole or not at all, also after a crash or on a full disk.
    ///
    /// - Throws: ``StateFileError``, also when the file is there already.
    package static func create(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(StateFileError)
    {
        let unfinished = "\(path).new"
        unlink(unfinished)
        let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("make", path) }
        defer {
            close(descriptor)
            unlink(unfinished)
        }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
        // Unlike a rename this never takes the place of a file that is there.
        guard link(unfinished, path) == 0 else { throw failure("make", path) }
        try syncFolder(of: path)
    }

    /// Names that changed in a folder outlive a power cut only then.
    private static func syncFolder(of path: String) throws(StateFileError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("sync", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", folder) }
    }

    /// Makes a directory and those above it, for its owner only.
    package static func makeDirectory(_ path: String) throws(StateFileError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StateFileError(message: "the directory \(path) can't be made: \(error)")
        }
    }

    private static func failure(_ what: String, _ path: String) -> StateFileError {
        StateFileError(message: "can't \(what) \(path): \(String(cString: strerror(errno)))")
    }
}
