import CLinux
import Glibc

/// Files that the agent keeps or trusts: read with a limit, written whole or not at all.
package enum SafeFile {
    /// The bytes of a file; nil when it is not there.
    package static func read(_ path: String, bytesMax: Int) throws(AgentError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system("\(path) can't be opened", errno: errno)
        }
        defer { close(descriptor) }
        return try read(descriptor, path, bytesMax: bytesMax)
    }

    /// The bytes of a private key; nil when it is not there.
    ///
    /// Refuses a key that others can read: it is not secret any more.
    static func readSecret(_ path: String) throws(AgentError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .system("\(path) can't be opened", errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("\(path)", errno: errno) }
        guard status.st_mode & 0o077 == 0 else {
            throw AgentError(
                .configuration,
                "\(path) can be read by others: chmod 600 it, and consider a new key"
            )
        }
        return try read(descriptor, path, bytesMax: 64 << 10)
    }

    static func read(_ descriptor: Int32, _ path: String, bytesMax: Int) throws(AgentError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .system("\(path) can't be read", errno: errno)
            }
            guard bytes.count + count <= bytesMax else {
                throw AgentError(.configuration, "\(path) is larger than \(bytesMax) bytes")
            }
            bytes += chunk[..<count]
        }
    }

    /// Writes a file in place of an older one; after a crash either the old or the new one is there.
    package static func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(AgentError) {
        let temporary = "\(path).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw .system("\(temporary) can't be made", errno: errno) }
        do throws(AgentError) {
            defer { close(descriptor) }
            try writeAll(descriptor, bytes, temporary)
            guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
                throw .system("\(temporary) can't be synced", errno: errno)
            }
        } catch {
            unlink(temporary)
            throw error
        }
        try rename(temporary, to: path)
    }

    static func writeAll(_ descriptor: Int32, _ bytes: [UInt8], _ path: String) throws(AgentError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .system("\(path) can't be written", errno: errno)
            }
            done += count
        }
    }

    /// Renames and syncs the folder.
    static func rename(_ from: String, to path: String) throws(AgentError) {
        guard Glibc.rename(from, path) == 0 else { throw .system("\(path) can't be replaced", errno: errno) }
        syncFolder(of: path)
    }

    static func remove(_ path: String) { unlink(path) }

    /// Makes a folder that only its owner can enter, with its parents.
    package static func makeFolder(_ path: String) throws(AgentError) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/\(part)"
            guard mkdir(built, 0o700) == 0 || errno == EEXIST else {
                throw .system("\(built) can't be made", errno: errno)
            }
        }
    }

    /// Syncs the folder that holds a file, so that the file's name survives a power cut.
    static func syncFolder(of path: String) {
        let descriptor = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// The folder part of a path; `.` for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
