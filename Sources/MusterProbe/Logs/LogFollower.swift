/// Follows log files through everything that happens to log files.
///
/// Looked at by polling: two system calls per file and poll, no limit on watches, and it also works where inotify
/// does not (file systems over a network, some container layers). A rotated file is read to its end and for some
/// seconds longer, because its writer may not have noticed; the new one is read from its start. Rotation by
/// renaming, truncation and copytruncate, and re-creation lose nothing; a file that is emptied and rewritten
/// between two polls loses what was written and emptied in between.
package struct LogFollower {
    /// One line, complete.
    package struct Line {
        /// Which of the follower's inputs it came from.
        package var input: Int
        package var path: String
        /// The file itself, whatever it is called.
        package var device: UInt64
        package var inode: UInt64
        /// Byte offset of its start in the file.
        package var offset: Int
        /// Without line break, at most 8 KiB, any bytes; valid during the call only.
        package var bytes: ArraySlice<UInt8>
    }

    /// Files followed at most, over all inputs.
    private static let filesMax = 512
    /// Old files of one name that are read to their end at most.
    private static let drainingMax = 4
    /// How long a renamed or removed file must stand still before it is closed, in seconds.
    private static let drainSeconds = 10.0
    /// How often patterns are looked up anew, in seconds.
    private static let scanSeconds = 2.0
    /// Files whose end was reached and that were closed; remembered so that the same file under its new name is
    /// not read twice.
    private static let finishedMax = 1024

    private struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private struct Followed {
        var file: FollowedFile
        var input: Int
        /// When it was seen to have lost its name and, later, when it last grew; nil while it has its name.
        var drainingSince: Double?
    }

    private let files: HostFiles
    private let patterns: [[String]]
    private let backfillBytes: Int
    private var followed: [Followed] = []
    private var finished: [Identity: (offset: Int, head: [UInt8])] = [:]
    private var nextScan = -Double.infinity
    private var isFirstScan = true
    private var buffer = [UInt8](repeating: 0, count: 128 << 10)
    /// Where the next poll begins, so that one busy file can't starve the others.
    private var turn = 0
    package private(set) var losses = FollowLosses()

    /// - Parameters:
    ///   - files: The host's files.
    ///   - inputs: Paths and patterns of each input; lines name their input by its index.
    ///   - backfillBytes: How much of the end of each file is read that is there at the first poll.
    package init(files: HostFiles, inputs: [[String]], backfillBytes: Int = 8 << 20) {
        self.files = files
        self.patterns = inputs
        self.backfillBytes = backfillBytes
    }

    /// Files that are followed under their own name now.
    package var paths: [String] { followed.filter { $0.drainingSince == nil }.map(\.file.path) }

    /// Hands over what was written since the last poll, at most about `bytesMax` bytes of it.
    ///
    /// `seconds` is any clock that only goes forward. Returns whether there may be more to read at once.
    package mutating func poll(seconds: Double, bytesMax: Int = 4 << 20, deliver: (Line) -> Void) -> Bool {
        if seconds >= nextScan {
            nextScan = seconds + Self.scanSeconds
            scan()
        }
        // Before anything is read, so that one poll brings the end of the old file and all of the new one.
        for index in followed.indices where followed[index].drainingSince == nil {
            noticeRotation(index, seconds)
        }
        var left = bytesMax
        let count = followed.count
        for step in 0..<count where left > 0 {
            let index = (turn + step) % count
            let (input, path) = (followed[index].input, followed[index].file.path)
            let (device, inode) = (followed[index].file.device, followed[index].file.inode)
            let got = followed[index].file.read(budget: left, buffer: &buffer, losses: &losses) {
                bytes,
                offset in
                deliver(
                    Line(input: input, path: path, device: device, inode: inode, offset: offset, bytes: bytes)
                )
            }
            left -= got
            if got > 0, followed[index].drainingSince != nil { followed[index].drainingSince = seconds }
        }
        turn = count == 0 ? 0 : (turn + 1) % count
        closeDrained(seconds, deliver: deliver)
        return left <= 0
    }

    /// Closes all files.
    package mutating func close() {
        for entry in followed { entry.file.closeFile() }
        followed.removeAll()
    }

    /// Opens what matches a pattern and is not followed yet.
    private mutating func scan() {
        for (input, patterns) in patterns.enumerated() {
            for path in patterns.flatMap(files.matches) where !Self.isCompressed(path) {
                if followed.contains(where: { $0.file.path == path && $0.drainingSince == nil }) { continue }
                open(path, input: input, isNew: !isFirstScan)
            }
        }
        isFirstScan = false
    }

    private mutating func open(_ path: String, input: Int, isNew: Bool) {
        guard let status = files.status(path), status.isRegular else { return }
        let identity = Identity(device: status.device, inode: status.inode)
        // The same file under another name: a rotated one, a second pattern, a link.
        if followed.contains(where: { $0.file.device == identity.device && $0.file.inode == identity.inode })
        {
            return
        }
        guard followed.count < Self.filesMax else {
            losses.filesRefused += 1
            return
        }
        var start = isNew ? 0 : nil
        if let old = finished[identity], status.size >= old.offset,
            let now = try? files.read(path, bytesMax: old.head.count), now == old.head
        {
            if status.size == old.offset { return }
            start = old.offset
        }
        guard let file = FollowedFile(path, in: files, from: start, backfill: backfillBytes) else { return }
        if start == nil { losses.bytesSkipped += file.offset }
        followed.append(Followed(file: file, input: input, drainingSince: nil))
    }

    /// Sees whether the name now belongs to another file, and opens that one too, or to none.
    private mutating func noticeRotation(_ index: Int, _ seconds: Double) {
        let file = followed[index].file
        guard let status = files.status(file.path) else {
            // The old file may still be written to for a while; the name is looked up again with the others.
            followed[index].drainingSince = seconds
            return
        }
        guard status.inode != file.inode || status.device != file.device else { return }
        followed[index].drainingSince = seconds
        losses.rotations += 1
        open(file.path, input: followed[index].input, isNew: true)
    }

    private mutating func closeDrained(_ seconds: Double, deliver: (Line) -> Void) {
        var draining: [String: Int] = [:]
        for index in followed.indices.reversed() {
            guard let since = followed[index].drainingSince else { continue }
            draining[followed[index].file.path, default: 0] += 1
            let crowded = draining[followed[index].file.path, default: 0] > Self.drainingMax
            guard crowded || seconds - since >= Self.drainSeconds else { continue }
            var entry = followed.remove(at: index)
            let (input, path) = (entry.input, entry.file.path)
            let identity = Identity(device: entry.file.device, inode: entry.file.inode)
            entry.file.flush { bytes, offset in
                deliver(
                    Line(
                        input: input,
                        path: path,
                        device: identity.device,
                        inode: identity.inode,
                        offset: offset,
                        bytes: bytes
                    )
                )
            }
            if finished.count >= Self.finishedMax { finished.removeAll() }
            finished[identity] = (entry.file.offset, entry.file.head)
            entry.file.closeFile()
        }
    }

    private static func isCompressed(_ path: String) -> Bool {
        [".gz", ".xz", ".bz2", ".zst", ".lz4"].contains { path.hasSuffix($0) }
    }
}
