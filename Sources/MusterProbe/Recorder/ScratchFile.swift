import CLinux
import Glibc
import MusterCore

/// A file without a name, in which something that can be read only from its start is written out, so that it can be
/// read at any place.
///
/// It takes disk space in a scratch folder, or in `/tmp` where that folder takes no such files, until it is closed,
/// which is the owner's to do.
struct ScratchFile {
    /// Bytes that are written at most; also never more than half of what is free on the disk.
    private static let bytesMax = 512 << 20
    private static let chunkBytes = 128 << 10

    let descriptor: Int32
    /// Why it is not all of it; nil when it is.
    private(set) var flaw: String?
    private var left: Int
    private var isEmpty = true

    init(in folder: String) throws(ProbeError) {
        for place in [folder, "/tmp"] {
            let opened = Glibc.open(place, muster_o_tmpfile | O_RDWR | O_CLOEXEC, 0o600)
            guard opened >= 0 else { continue }
            descriptor = opened
            left = Self.room(opened)
            return
        }
        throw ProbeError(.refused, "no room to write in \(folder) or /tmp: \(systemError(errno))")
    }

    /// Writes the content of an open gzip file (RFC 1952), which stays open.
    ///
    /// Throws when nothing of it can be read. Costs about 4 ms of CPU per MiB. Stops, with what it has, when
    /// `mustStop` says so.
    mutating func inflate(_ source: Int32, path: String, mustStop: () -> Bool) throws(ProbeError) {
        let library = try ZLibrary.shared()
        let copy = fcntl(source, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let reader = library.open(copy, "rb") else {
            if copy >= 0 { close(copy) }
            throw ProbeError(.unreadable, "cannot inflate \(path): \(systemError(errno))")
        }
        withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 16) { chunk in
            while flaw == nil, let base = chunk.baseAddress {
                let got = Int(library.read(reader, base, UInt32(chunk.count)))
                guard got != 0 else { return }
                if got < 0 {
                    flaw = "is damaged"
                } else {
                    write(UnsafeRawBufferPointer(rebasing: chunk[..<got]), mustStop)
                }
            }
        }
        // An end that is missing is told at the very end only.
        if library.close(reader) != 0, flaw == nil { flaw = "is damaged" }
        if isEmpty, let flaw { throw ProbeError(.unreadable, "\(path) \(flaw)") }
    }

    /// Writes the entries of a window of a journal, each as a line of ``JournalLine``.
    ///
    /// Costs about 3 µs of CPU for each. Stops, with what it has, when `mustStop` says so.
    mutating func write(
        journal place: JournalPlace,
        in files: HostFiles,
        from: Timestamp,
        to end: Timestamp,
        mustStop: () -> Bool
    ) throws(ProbeError) {
        let reader = try JournalReader(place, in: files)
        reader.seek(to: from)
        var lines: [UInt8] = []
        while flaw == nil, try reader.next(), reader.at < end {
            reader.appendLine(to: &lines)
            guard lines.count >= Self.chunkBytes else { continue }
            lines.withUnsafeBytes { write($0, mustStop) }
            lines.removeAll(keepingCapacity: true)
        }
        if flaw == nil { lines.withUnsafeBytes { write($0) { false } } }
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer, _ mustStop: () -> Bool) {
        guard bytes.count <= left else { return flaw = "holds more than there is room for" }
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let got = Glibc.write(descriptor, base + written, bytes.count - written)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return flaw = "could not be written out: \(systemError(errno))" }
            written += got
        }
        left -= written
        isEmpty = isEmpty && written == 0
        if mustStop() { flaw = "was not read whole for want of time" }
    }

    private static func room(_ descriptor: Int32) -> Int {
        var room = statvfs()
        guard fstatvfs(descriptor, &room) == 0 else { return bytesMax }
        let free = UInt64(room.f_bavail).multipliedReportingOverflow(by: UInt64(room.f_frsize))
        return min(bytesMax, free.overflow ? bytesMax : Int(clamping: free.partialValue / 2))
    }
}
