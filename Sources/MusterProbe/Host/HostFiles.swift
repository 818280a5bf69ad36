import CLinux
import Glibc

/// The files of a host below a root directory, so that a recorded host can be read like the real one.
package struct HostFiles: Hashable, Sendable {
    /// `/` for the host itself.
    package let root: String

    package init(root: String = "/") {
        self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// The real path of an absolute path of the host.
    package func path(_ path: String) -> String { root + path }

    /// Up to `bytesMax` first bytes of a file.
    package func read(_ path: String, bytesMax: Int = 1 << 20) throws(ProbeError) -> [UInt8] {
        let real = self.path(path)
        let descriptor = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw ProbeError(opening: path, errno: errno) }
        defer { close(descriptor) }
        // Files of /proc say that they are empty, so grow while there is more.
        var bytes: [UInt8] = []
        var step = min(bytesMax, 4096)
        while bytes.count < bytesMax {
            let chunk = [UInt8](unsafeUninitializedCapacity: min(step, bytesMax - bytes.count)) {
                buffer,
                count in
                var got: Int
                repeat {
                    got = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                } while got < 0 && errno == EINTR
                count = max(0, got)
                if got < 0 { step = -1 }
            }
            if step < 0 { throw ProbeError(.unreadable, "cannot read \(path): \(systemError(errno))") }
            if chunk.isEmpty { break }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
            step = min(step * 4, 1 << 18)
        }
        return bytes
    }

    /// Up to `bytesMax` bytes of a file from a place on; fewer at its end.
    package func read(_ path: String, from offset: Int, bytesMax: Int) throws(ProbeError) -> [UInt8] {
        let descriptor = open(self.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw ProbeError(opening: path, errno: errno) }
        defer { close(descriptor) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
            while count < bytesMax, let base = buffer.baseAddress {
                let got = pread(descriptor, base + count, bytesMax - count, off_t(offset + count))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        guard failure == 0 else {
            throw ProbeError(.unreadable, "cannot read \(path): \(systemError(failure))")
        }
        return bytes
    }

    /// Text of a small file without its last line break.
    package func text(_ path: String) throws(ProbeError) -> String {
        var bytes = try read(path, bytesMax: 64 << 10)
        while let last = bytes.last, last == 0x0A || last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Names in a directory, sorted, without `.` and `..`; at most `namesMax`.
    package func list(_ path: String, namesMax: Int = 100_000) throws(ProbeError) -> [String] {
        guard let directory = opendir(self.path(path)) else {
            throw ProbeError(opening: path, errno: errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while names.count < namesMax, let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Where a symbolic link points; nil when it can't be read.
    package func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(self.path(path), &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What `stat` says of a file, links followed; nil when it is not there.
    package func status(_ path: String) -> FileStatus? {
        var status = stat()
        guard stat(self.path(path), &status) == 0 else { return nil }
        return FileStatus(status)
    }

    /// Files that a pattern such as `/var/log/*.log` matches, sorted; a path without wildcard is itself.
    package func matches(_ pattern: String) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(path(pattern), GLOB_NOSORT, nil, &result) == 0, let paths = result.gl_pathv else {
            return []
        }
        var found: [String] = []
        for index in 0..<Int(result.gl_pathc) {
            guard let pointer = paths[index] else { continue }
            found.append(String(String(cString: pointer).dropFirst(root.count)))
        }
        return found.sorted()
    }
}

/// What tells one file from another and one state of it from the next.
package struct FileStatus: Hashable, Sendable {
    package var device: UInt64
    package var inode: UInt64
    package var size: Int
    package var modified: Int64
    package var isRegular: Bool

    var identity: FileIdentity { FileIdentity(device: device, inode: inode) }

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }
}

extension ProbeError {
    init(opening path: String, errno code: Int32) {
        switch code {
        case ENOENT, ENOTDIR: self.init(.missing, "\(path) is not there")
        case EACCES, EPERM: self.init(.denied, "not allowed to read \(path)")
        default: self.init(.unreadable, "cannot open \(path): \(systemError(code))")
        }
    }
}

/// The system's words for an error number.
func systemError(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.isEmpty ? "error \(code)" : text
}
