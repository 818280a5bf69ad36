import CLinux
import Glibc

/// libz, loaded on first use: a host without compressed logs maps nothing of it.
///
/// `@unchecked Sendable`: the functions are looked up once and only called after.
private struct ZLibrary: @unchecked Sendable {
    typealias Open = @convention(c) (Int32, UnsafePointer<CChar>) -> OpaquePointer?
    typealias Read = @convention(c) (OpaquePointer, UnsafeMutableRawPointer, UInt32) -> Int32
    typealias Close = @convention(c) (OpaquePointer) -> Int32

    let open: Open
    let read: Read
    let close: Close

    private static let loaded = Result { () throws(ProbeError) in try load() }

    static func shared() throws(ProbeError) -> ZLibrary { try loaded.get() }

    private static func load() throws(ProbeError) -> ZLibrary {
        guard let handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL) else {
            throw ProbeError(
                .refused,
                "compressed logs need libz.so.1, which this host does not have; Debian's package is zlib1g"
            )
        }
        guard let open = dlsym(handle, "gzdopen"), let read = dlsym(handle, "gzread"),
            let close = dlsym(handle, "gzclose")
        else { throw ProbeError(.refused, "libz.so.1 can't read files") }
        return ZLibrary(
            open: unsafeBitCast(open, to: Open.self),
            read: unsafeBitCast(read, to: Read.self),
            close: unsafeBitCast(close, to: Close.self)
        )
    }
}

/// What a gzip file (RFC 1952) holds, as a file without a name that can be read at any place.
///
/// It takes disk space in a scratch folder, or in `/tmp` where that folder takes no such files, until it is closed.
struct GzipContent {
    /// Bytes that are written out at most; also never more than half of what is free on the disk.
    static let bytesMax = 512 << 20
    private static let chunkBytes = 128 << 10

    /// The caller closes it.
    let descriptor: Int32
    /// Why it is not all of the content; nil when it is.
    let flaw: String?

    /// Writes out the content of an open file, which stays open; throws when nothing of it can be read.
    ///
    /// Costs about 4 ms of CPU per MiB. Stops, with what it has, when `mustStop` says so.
    init(of source: Int32, path: String, scratch: String, mustStop: () -> Bool) throws(ProbeError) {
        let library = try ZLibrary.shared()
        let copy = fcntl(source, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let reader = library.open(copy, "rb") else {
            if copy >= 0 { close(copy) }
            throw ProbeError(.unreadable, "cannot inflate \(path): \(systemError(errno))")
        }
        let target: Int32
        do throws(ProbeError) { target = try Self.scratchFile(in: scratch) } catch {
            _ = library.close(reader)
            throw error
        }
        var (left, flaw): (Int, String?) = (Self.room(target), nil)
        var isEmpty = true
        withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 16) { chunk in
            guard let base = chunk.baseAddress else { return }
            while flaw == nil {
                let got = Int(library.read(reader, base, UInt32(chunk.count)))
                guard got != 0 else { return }
                if got < 0 {
                    flaw = "is damaged"
                } else if got > left {
                    flaw = "holds more than there is room to inflate"
                } else if !Self.write(base, got, to: target) {
                    flaw = "could not be inflated: \(systemError(errno))"
                } else {
                    left -= got
                    isEmpty = false
                    if mustStop() { flaw = "was not inflated whole for want of time" }
                }
            }
        }
        // An end that is missing is told at the very end only.
        if library.close(reader) != 0, flaw == nil { flaw = "is damaged" }
        if isEmpty, let flaw {
            close(target)
            throw ProbeError(.unreadable, "\(path) \(flaw)")
        }
        self.flaw = flaw
        descriptor = target
    }

    private static func room(_ descriptor: Int32) -> Int {
        var room = statvfs()
        guard fstatvfs(descriptor, &room) == 0 else { return bytesMax }
        return min(bytesMax, Int(clamping: UInt64(room.f_bavail)) / 2 * Int(clamping: UInt64(room.f_frsize)))
    }

    private static func write(_ bytes: UnsafeMutableRawPointer, _ count: Int, to target: Int32) -> Bool {
        var written = 0
        while written < count {
            let got = Glibc.write(target, bytes + written, count - written)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return false }
            written += got
        }
        return true
    }

    /// A file that is gone when it is closed, whatever becomes of this process.
    private static func scratchFile(in folder: String) throws(ProbeError) -> Int32 {
        for place in [folder, "/tmp"] {
            let descriptor = Glibc.open(place, muster_o_tmpfile | O_RDWR | O_CLOEXEC, 0o600)
            if descriptor >= 0 { return descriptor }
        }
        throw ProbeError(.refused, "no room to inflate logs in \(folder) or /tmp: \(systemError(errno))")
    }
}
