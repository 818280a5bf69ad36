import CLinux
import Glibc

/// One open log file and how far it was read.
///
/// Not thread-safe; owned by one ``LogFollower``.
struct FollowedFile {
    /// Bytes of a line that are kept; the rest of a longer one is skipped and counted.
    static let lineBytesMax = 8192
    /// First bytes of a file, by which a file that was emptied and filled again is told from one that grew.
    private static let headBytesMax = 64

    let path: String
    let device: UInt64
    let inode: UInt64
    /// Where the next byte is read.
    private(set) var offset: Int
    private(set) var head: [UInt8] = []
    private var descriptor: Int32
    /// Start of a line whose end has not been written yet.
    private var partial: [UInt8] = []
    private var partialStart: Int
    /// The line is longer than is kept; skip to its end.
    private var skipping = false
    /// The first bytes belong to a line that began before the place where reading began.
    private var skipsFirst: Bool

    /// Opens a file; nil when it is not there, not readable or no regular file.
    ///
    /// Without `from` reading starts `backfill` bytes before the end.
    init?(_ path: String, in files: HostFiles, from start: Int?, backfill: Int = 0) {
        let opened = open(files.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard opened >= 0 else { return nil }
        var status = stat()
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            return nil
        }
        self.path = path
        self.descriptor = opened
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
        let size = Int(status.st_size)
        self.offset = min(start ?? max(0, size - backfill), size)
        self.partialStart = offset
        self.skipsFirst = start == nil && offset > 0
        self.head = readHead()
    }

    /// Whether reading began after the start of the file.
    var startedLate: Bool { skipsFirst }

    func closeFile() { close(descriptor) }

    /// Reads up to `budget` new bytes and hands over each line that is complete.
    ///
    /// Returns the bytes read; 0 means that there is nothing new.
    mutating func read(
        budget: Int,
        buffer: inout [UInt8],
        losses: inout FollowLosses,
        deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void
    ) -> Int {
        noticeTruncation(&losses)
        var total = 0
        while total < budget {
            let got = buffer.withUnsafeMutableBytes { bytes in
                pread(descriptor, bytes.baseAddress, min(bytes.count, budget - total), offset)
            }
            guard got > 0 else { break }
            if head.count < Self.headBytesMax { head = readHead() }
            cut(buffer, count: got, losses: &losses, deliver: deliver)
            offset += got
            total += got
        }
        return total
    }

    /// Hands over a last line without a line break; for a file that nobody will write to again.
    mutating func flush(deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void) {
        if !partial.isEmpty, !skipsFirst { deliver(partial[...], partialStart) }
        partial.removeAll()
        skipping = false
    }

    /// A file that shrank, or whose first bytes are others than before, was emptied and begins anew.
    private mutating func noticeTruncation(_ losses: inout FollowLosses) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        let size = Int(status.st_size)
        let grew = size > offset
        guard size < offset || grew && !head.isEmpty && readHead(count: head.count) != head else { return }
        offset = 0
        head = readHead()
        partial.removeAll(keepingCapacity: true)
        partialStart = 0
        skipping = false
        skipsFirst = false
        losses.truncations += 1
    }

    private func readHead(count: Int = FollowedFile.headBytesMax) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { bytes, used in
            used = max(0, pread(descriptor, bytes.baseAddress, count, 0))
        }
    }

    private mutating func cut(
        _ buffer: [UInt8],
        count: Int,
        losses: inout FollowLosses,
        deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void
    ) {
        var start = 0
        while start < count {
            guard let end = Self.lineBreak(buffer, from: start, to: count) else { break }
            finishLine(buffer[start..<end], at: offset + start, losses: &losses, deliver: deliver)
            start = end + 1
            partialStart = offset + start
        }
        let rest = buffer[start..<count]
        let room = Self.lineBytesMax - partial.count
        if rest.count > room { skipping = true }
        partial.append(contentsOf: rest.prefix(room))
    }

    private mutating func finishLine(
        _ end: ArraySlice<UInt8>,
        at start: Int,
        losses: inout FollowLosses,
        deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void
    ) {
        defer {
            partial.removeAll(keepingCapacity: true)
            skipping = false
            skipsFirst = false
        }
        if skipsFirst { return }
        var line = end
        var lineStart = start
        if !partial.isEmpty {
            lineStart = partialStart
            let room = Self.lineBytesMax - partial.count
            if end.count > room { skipping = true }
            line = (partial + end.prefix(room))[...]
        } else if end.count > Self.lineBytesMax {
            skipping = true
            line = end.prefix(Self.lineBytesMax)
        }
        if skipping { losses.longLines += 1 }
        // A writer that kept its place while the file was emptied leaves a hole of zeros.
        line = line.drop { $0 == 0 }
        if line.last == 0x0D { line.removeLast() }
        if !line.isEmpty { deliver(line, lineStart) }
    }

    private static func lineBreak(_ buffer: [UInt8], from start: Int, to end: Int) -> Int? {
        buffer.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, end - start) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }
}

/// What a follower could not hand over as it was written.
package struct FollowLosses: Hashable, Sendable {
    /// Lines cut at 8 KiB.
    package var longLines = 0
    /// Files that were emptied while they were followed.
    package var truncations = 0
    /// Files replaced by a new one of the same name.
    package var rotations = 0
    /// Files left out because there were too many.
    package var filesRefused = 0
    /// Bytes at the start of large files that were not read when following began.
    package var bytesSkipped = 0
}
