import CLinux
import Glibc

/// One open log file and how far it was read.
///
/// Not thread-safe; owned by one ``LogFollower``.
struct FollowedFile {
    /// Bytes of a line that are kept; the rest of a longer one is skipped and counted.
    static let lineBytesMax = 8192

    /// How reading went on.
    enum Progress {
        /// Everything that was there was read.
        case caughtUp
        /// The budget was used up first.
        case budgetSpent
        /// What stood before the place of reading is no longer there: the file was emptied.
        case emptied
    }

    private(set) var mark: FileMark
    private let descriptor: Int32
    /// Start of a line whose end has not been written yet.
    private var partial: [UInt8] = []
    /// The line is longer than is kept; skip to its end.
    private var skipping = false
    /// The first bytes belong to a line that began before the place where reading began.
    private var skipsFirst: Bool

    /// Opens a file; nil when it is not there, not readable or no regular file.
    ///
    /// Without `from` reading starts `backfill` bytes before the end.
    init?(_ path: String, in files: HostFiles, from start: Int?, backfill: Int = 0) {
        guard let (descriptor, status) = Self.open(path, in: files) else { return nil }
        let offset = min(start ?? max(0, status.size - backfill), status.size)
        self.init(path, descriptor, status, offset: offset, skipsFirst: start == nil && offset > 0)
    }

    /// Opens a file that is `old` grown, or a copy of it, and goes on where reading ended there.
    ///
    /// Nil when it is neither.
    init?(_ path: String, in files: HostFiles, continuing old: FileMark) {
        guard let (descriptor, status) = Self.open(path, in: files) else { return nil }
        guard old.isHeld(by: descriptor, size: status.size) else {
            close(descriptor)
            return nil
        }
        self.init(path, descriptor, status, offset: old.lineStart, skipsFirst: false)
    }

    private init(_ path: String, _ descriptor: Int32, _ status: FileStatus, offset: Int, skipsFirst: Bool) {
        self.descriptor = descriptor
        self.skipsFirst = skipsFirst
        let tail = min(offset, Fingerprint.bytesMax)
        mark = FileMark(
            path: path,
            identity: status.identity,
            offset: offset,
            lineStart: offset,
            head: offset > 0 ? FileHead(of: descriptor) : FileHead(),
            tail: Fingerprint(descriptor: descriptor, at: offset - tail, count: tail),
            modified: status.modified
        )
    }

    private static func open(_ path: String, in files: HostFiles) -> (Int32, FileStatus)? {
        let descriptor = Glibc.open(files.path(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        return (descriptor, FileStatus(status))
    }

    /// Whether no name leads to the file any more; its disk space is held by whoever has it open.
    var isUnlinked: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0
    }

    /// Whether what was read so far still stands there, in a file that has `size` bytes now.
    func holdsWhatWasRead(size: Int) -> Bool { mark.isHeld(by: descriptor, size: size) }

    /// Whether this file holds the same as another up to where the shorter one ends, as far as a look at its start
    /// and at that end can tell: it is a copy, perhaps one that is being made.
    func isCopy(of other: FollowedFile) -> Bool {
        let end = min(size, other.mark.offset)
        let count = min(end, Fingerprint.bytesMax)
        return Fingerprint(descriptor: descriptor, at: end - count, count: count)
            == Fingerprint(descriptor: other.descriptor, at: end - count, count: count)
    }

    /// Whether this file begins as another did.
    func match(_ head: FileHead) -> FileHead.Match { head.match(descriptor) }

    /// Whether this file holds what was read of another; nil when it is too short to tell.
    func holds(_ other: FileMark) -> Bool? {
        size < other.offset ? nil : other.isHeld(by: descriptor, size: size)
    }

    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The file was renamed.
    mutating func rename(to path: String) { mark.path = path }

    /// Notes when the file was last written to.
    mutating func noteModified(_ modified: Int64) { mark.modified = modified }

    func closeFile() { close(descriptor) }

    /// Begins anew with a file that was emptied, after handing over the start of a line that was read before.
    mutating func restart(deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void) {
        flush(deliver: deliver)
        mark.offset = 0
        mark.lineStart = 0
        mark.tail = Fingerprint()
        mark.head = FileHead()
        skipsFirst = false
    }

    /// Forgets the start of a line, because it is read again from a copy of the file.
    mutating func dropPartial() { partial.removeAll(keepingCapacity: true) }

    /// Reads up to about `budget` new bytes and hands over each line that is complete.
    ///
    /// `left` is what remains of the budget. The bytes before the place of reading are read once more with those
    /// after it, so that a file that was emptied and filled again in the meantime is not mistaken for one that grew.
    mutating func read(
        left: inout Int,
        buffer: inout [UInt8],
        losses: inout FollowLosses,
        deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void
    ) -> Progress {
        while left > 0 {
            let before = mark.tail.count
            let start = mark.offset - before
            let wanted = min(buffer.count, left + before)
            let got = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, wanted, off_t(start))
            }
            guard got >= before,
                buffer.withUnsafeBytes({ Fingerprint(.init(rebasing: $0[..<before])) }) == mark.tail
            else { return got < 0 ? .caughtUp : .emptied }
            guard got > before else { return .caughtUp }
            let used = take(buffer, from: before, to: got, losses: &losses, deliver: deliver)
            mark.head.extend(buffer[before..<used], at: mark.offset)
            left -= got - before
            if used < got {
                guard skipZeros(from: start + used) else {
                    return .caughtUp
                }
                continue
            }
            mark.offset = start + used
            let tail = max(0, used - Fingerprint.bytesMax)
            mark.tail = buffer.withUnsafeBytes { Fingerprint(.init(rebasing: $0[tail..<used])) }
            if partial.isEmpty, !skipping { mark.lineStart = mark.offset }
            if got < wanted { return .caughtUp }
        }
        return .budgetSpent
    }

    /// Hands over a last line without a line break; for a file that nobody will write to again.
    mutating func flush(deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void) {
        if !partial.isEmpty, !skipsFirst { deliver(partial[...], mark.lineStart) }
        partial.removeAll()
        skipping = false
        mark.lineStart = mark.offset
    }

    /// Passes over zeros that stand where a line should begin: the hole that a writer leaves which kept its place
    /// while its file was emptied.
    ///
    /// False when nothing follows them: a place kept free for what will be written is read again then.
    private mutating func skipZeros(from zeros: Int) -> Bool {
        mark.offset = firstByte(from: zeros) ?? zeros
        mark.lineStart = mark.offset
        let tail = min(mark.offset, Fingerprint.bytesMax)
        mark.tail = Fingerprint(descriptor: descriptor, at: mark.offset - tail, count: tail)
        return mark.offset > zeros
    }

    /// Zeros that are read at most to find what follows them; holes cost nothing.
    private static let zerosMax = 64 << 20

    /// The first place from `zeros` on where a byte is none; nil when there is none.
    private func firstByte(from zeros: Int) -> Int? {
        var place = zeros
        var left = Self.zerosMax
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while left > 0 {
            let data = Int(lseek(descriptor, off_t(place), SEEK_DATA))
            // Some file systems know no holes.
            if data < 0, errno == ENXIO { return nil }
            place = max(place, data)
            let got = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, off_t(place))
            }
            guard got > 0 else { return nil }
            if let found = buffer[..<got].firstIndex(where: { $0 != 0 }) { return place + found }
            place += got
            left -= got
        }
        return nil
    }

    /// Cuts bytes of the buffer into lines; returns the end of what was used, which is less than `end` only when
    /// zeros are left that no line follows.
    private mutating func take(
        _ buffer: [UInt8],
        from first: Int,
        to end: Int,
        losses: inout FollowLosses,
        deliver: (_ line: ArraySlice<UInt8>, _ offset: Int) -> Void
    ) -> Int {
        // Of the buffer's first byte.
        let base = mark.offset - first
        var start = first
        while start < end {
            if partial.isEmpty, !skipping {
                let zeros = start
                while start < end, buffer[start] == 0 { start += 1 }
                if start == end { return zeros }
                mark.lineStart = base + start
            }
            guard let stop = Self.lineBreak(buffer, from: start, to: end) else {
                let room = Self.lineBytesMax - partial.count
                if end - start > room { skipping = true }
                partial.append(contentsOf: buffer[start..<end].prefix(room))
                break
            }
            finishLine(buffer[start..<stop], losses: &losses, deliver: deliver)
            start = stop + 1
        }
        return end
    }

    private mutating func finishLine(
        _ end: ArraySlice<UInt8>,
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
        if partial.isEmpty {
            if end.count > Self.lineBytesMax { skipping = true }
            line = end.prefix(Self.lineBytesMax)
        } else {
            let room = Self.lineBytesMax - partial.count
            if end.count > room { skipping = true }
            line = (partial + end.prefix(room))[...]
        }
        if skipping { losses.longLines += 1 } else if line.last == 0x0D { line.removeLast() }
        if !line.isEmpty { deliver(line, mark.lineStart) }
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
