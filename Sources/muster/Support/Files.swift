import FoundationEssentials
import Glibc

/// The small files that the command line reads and writes: configuration, token, keys, runbooks.
enum Files {
    /// The whole file, at most `max` bytes.
    static func read(_ path: String, max: Int = 1 << 20) throws(CLIError) -> [UInt8] {
        try read(try Pieces(path), path, max: max)
    }

    private static func read(_ pieces: Pieces, _ path: String, max: Int) throws(CLIError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try pieces.next() {
            bytes += piece
            guard bytes.count <= max else { throw CLIError(.failed, "\(path) has more than \(max) bytes") }
        }
        return bytes
    }

    /// A file of any length, piece by piece.
    static func readPieces(_ path: String, _ take: (ArraySlice<UInt8>) throws -> Void) throws {
        let pieces = try Pieces(path)
        while let piece = try pieces.next() { try take(piece) }
    }

    /// An open file that is read from its beginning to its end.
    private final class Pieces {
        private let path: String
        private let descriptor: Int32
        private var buffer = [UInt8](repeating: 0, count: 65_536)

        init(_ path: String) throws(CLIError) {
            self.path = path
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw failure("can't read \(path)") }
        }

        deinit { close(descriptor) }

        /// Throws when somebody but its owner may have read or written it.
        func requirePrivate() throws(CLIError) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw failure("can't read \(path)") }
            guard status.st_mode & 0o077 == 0 else {
                throw CLIError(
                    .failed,
                    "\(path) can be read or written by others: run \"chmod 600 \(path)\", and think about a new one if others were on this machine"
                )
            }
        }

        /// Nil at the end.
        func next() throws(CLIError) -> ArraySlice<UInt8>? {
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count >= 0 { return count == 0 ? nil : buffer[..<count] }
                guard errno == EINTR else { throw failure("can't read \(path)") }
            }
        }
    }

    /// A file that holds a secret; says so on standard error when others may read it.
    static func readSecret(_ path: String) throws(CLIError) -> [UInt8] {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
            Terminal.error("muster: warning: \(path) can be read by others; run \"chmod 600 \(path)\"")
        }
        return try read(path, max: 64 << 10)
    }

    /// A file that nobody but its owner may have read: a private key or a passphrase.
    ///
    /// A pipe, as of `<(pass show muster)`, is its owner's too.
    static func readPrivate(_ path: String, max: Int) throws(CLIError) -> [UInt8] {
        let pieces = try Pieces(path)
        try pieces.requirePrivate()
        return try read(pieces, path, max: max)
    }

    /// Names of the folders in a folder, in order.
    static func folders(in path: String) throws(CLIError) -> [String] {
        guard let folder = opendir(path) else { throw failure("can't read \(path)") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard !name.hasPrefix("."), stat("\(path)/\(name)", &status) == 0,
                status.st_mode & S_IFMT == S_IFDIR
            else { continue }
            names.append(name)
        }
        return names.sorted()
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Replaces a file as a whole: readers see the old one or the new one.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(CLIError) {
        let temporary = "\(path).new"
        _ = unlink(temporary)
        try create(bytes, at: temporary, mode: mode)
        guard rename(temporary, path) == 0 else { throw failure("can't write \(path)") }
    }

    /// Makes a file that must not be there yet.
    static func create(_ bytes: [UInt8], at path: String, mode: mode_t) throws(CLIError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("can't make \(path)") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("can't write \(path)")
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw failure("can't write \(path)") }
    }

    /// Makes a folder that only its owner may enter; nothing happens when it is there.
    static func makeFolder(_ path: String) throws(CLIError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch { throw CLIError(.failed, "can't make the folder \(path)", cause: error) }
    }

    /// The path from the root, for files that are named in the configuration.
    static func absolute(_ path: String, in folder: String? = nil) -> String {
        if path.hasPrefix("/") { return path }
        if path.hasPrefix("~/"), let home = environment("HOME") { return "\(home)/\(path.dropFirst(2))" }
        return "\(folder ?? FileManager.default.currentDirectoryPath)/\(path)"
    }

    /// A variable of the environment; nil when it is not set or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    private static func failure(_ what: String) -> CLIError {
        CLIError(.failed, "\(what): \(String(cString: strerror(errno)))")
    }
}
