import FoundationEssentials
import Glibc

/// Small files of a drill: configuration, manifests, keys, notes.
enum Files {
    /// The whole file, at most `limit` bytes.
    static func read(_ path: String, limit: Int = 1 << 20) throws(DrillError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("can't read \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure("can't read \(path)")
            }
            guard bytes.count + count <= limit else {
                throw DrillError(.file, "\(path) is larger than \(limit) bytes")
            }
            bytes += buffer[..<count]
        }
    }

    /// The whole file as text.
    static func text(_ path: String, limit: Int = 1 << 20) throws(DrillError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Replaces a file as a whole: readers see the old one or the new one, never half of it.
    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws(DrillError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("can't write \(path)") }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let error = failure("can't write \(path)")
                close(descriptor)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        fchmod(descriptor, mode)
        close(descriptor)
        guard rename(temporary, path) == 0 else { throw failure("can't write \(path)") }
    }

    /// Writes into a file of the kernel, which takes it as one value.
    static func put(_ value: String, in path: String) throws(DrillError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("can't write \(path)") }
        defer { close(descriptor) }
        let bytes = Array(value.utf8)
        guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count
        else {
            throw failure("can't write \"\(value)\" to \(path)")
        }
    }

    /// Makes a folder with its parents; nothing happens when it is there.
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(DrillError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch { throw DrillError(.file, "can't make the folder \(path)", cause: error) }
        guard chmod(path, mode) == 0 else { throw failure("can't set the mode of \(path)") }
    }

    /// Where relative paths begin.
    static var currentFolder: String { FileManager.default.currentDirectoryPath }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// Names inside a folder, sorted; empty when it is not there.
    static func names(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// Removes a file or a folder with everything in it; nothing happens when it is not there.
    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    /// What a symbolic link says; nil when there is none.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return -1 }
            return readlink(path, base.assumingMemoryBound(to: CChar.self), raw.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// A new folder of our own under the system's folder for temporary files; others may pass through it.
    static func makeTemporaryFolder() throws(DrillError) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/muster-drill-XXXXXX".utf8CString)
        let path: String? = template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = mkdtemp(base) else { return nil }
            return String(cString: made)
        }
        guard let path else { throw failure("can't make a temporary folder in \(parent)") }
        return path
    }

    private static func failure(_ what: String) -> DrillError {
        DrillError(.file, "\(what): \(String(cString: strerror(errno)))")
    }
}
