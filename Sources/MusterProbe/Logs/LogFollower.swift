/// Follows log files through everything that happens to log files.
///
/// Looked at by polling: one system call per idle file and poll, no limit on watches, and it also works where
/// inotify does not (file systems over a network, some container layers). A rotated file is read to its end and for
/// some time longer, because its writer may not have noticed; the new one is read from its start, and so are those
/// that came and were rotated away between two polls. Of a file that was emptied after it was copied
/// (`copytruncate`) the rest is read from the copy. Nothing can read what was written after the copy was made and
/// before the file was emptied, or into a file that was emptied without a copy before it was looked at again;
/// ``FollowLosses/truncationsUnsaved`` counts the latter.
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

    /// Files followed under their own name at most, over all inputs.
    package static let filesMax = 512
    /// Old files that are read to their end at most, over all inputs.
    private static let drainingMax = 256
    /// Old files of one name that are kept open at most once they were read to their end.
    private static let drainingOfNameMax = 4
    /// How often patterns are looked up anew where directories changed, in seconds.
    private static let scanSeconds = 2.0
    /// How often patterns are looked up anew whatever directories say, in seconds.
    private static let fullScanSeconds = 30.0
    /// A scan may take this part of the time at most; a slow one is followed by a longer pause.
    private static let scanShare = 0.002
    /// Files that were not written to for so long may be looked at less often when there are many, in seconds.
    private static let idleSeconds = 60.0
    /// Idle files looked at in a second.
    private static let idleLooks = 64.0
    /// Whoever is followed gives way to a file that was written to later by so much, in nanoseconds.
    private static let evictionAdvantage: Int64 = 60_000_000_000
    /// Files that were closed and are known again when they grow or are met under another name.
    private static let finishedMax = 4_096

    private struct Followed {
        var file: FollowedFile
        var input: Int
        /// What the last look said.
        var size = -1
        /// There may be something to read.
        var hasMore = true
        /// When it was last seen to grow.
        var activeAt: Double
        var nextLook = 0.0
        /// When it was seen to have lost its name and, later, when it last grew; nil while it has its name.
        var drainingSince: Double?
    }

    private let files: HostFiles
    private let backfillBytes: Int
    private var patterns: FilePatterns
    /// Inputs that were looked up before: what turns up in them now is new and is read from its start.
    private var known: [Bool] = []
    /// Files left out, for each input.
    private var refused: [Int] = []
    private var followed: [Followed] = []
    private var finished: [FileIdentity: FileMark] = [:]
    private var finishedOrder: [FileIdentity] = []
    private var nextScan = -Double.infinity
    private var nextFullScan = -Double.infinity
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
        self.backfillBytes = backfillBytes
        patterns = FilePatterns(files: files)
        for input in inputs { _ = add(input) }
    }

    /// Follows one more input from the next poll on; returns its number.
    package mutating func add(_ paths: [String]) -> Int {
        known.append(false)
        refused.append(0)
        nextScan = -.infinity
        return patterns.add(paths)
    }

    /// Files that are followed under their own name now.
    package var paths: [String] { logs.map(\.path) }

    /// The same with the input that each belongs to.
    var logs: [(path: String, input: Int)] {
        followed.lazy.filter { $0.drainingSince == nil }.map { ($0.file.mark.path, $0.input) }
    }

    /// Hands over what was written since the last poll, at most about `bytesMax` bytes of it.
    ///
    /// `seconds` is any clock that only goes forward. Returns whether there may be more to read at once.
    package mutating func poll(seconds: Double, bytesMax: Int = 4 << 20, deliver: (Line) -> Void) -> Bool {
        look(seconds, deliver)
        if seconds >= nextScan { scan(seconds) }
        var left = bytesMax
        let count = followed.count
        for step in 0..<count where left > 0 {
            let index = (turn + step) % count
            guard followed[index].hasMore else { continue }
            read(index, seconds, &left, deliver)
        }
        turn = count == 0 ? 0 : (turn + 1) % count
        closeDrained(seconds, deliver)
        return left <= 0
    }

    /// Closes all files.
    package mutating func close() {
        for entry in followed { entry.file.closeFile() }
        followed.removeAll()
    }

    private mutating func read(_ index: Int, _ seconds: Double, _ left: inout Int, _ deliver: (Line) -> Void)
    {
        let before = followed[index].file.mark.offset
        let line = line(of: index)
        let progress = followed[index].file.read(left: &left, buffer: &buffer, losses: &losses) {
            bytes,
            offset in
            var line = line
            line.bytes = bytes
            line.offset = offset
            deliver(line)
        }
        switch progress {
        case .caughtUp: followed[index].hasMore = false
        case .budgetSpent: break
        case .emptied:
            // Seen to by the next look; of a rotated file there is none.
            followed[index].size = -1
            if followed[index].drainingSince != nil { followed[index].file.restart { _, _ in } }
        }
        guard followed[index].file.mark.offset != before else { return }
        followed[index].activeAt = seconds
        if followed[index].drainingSince != nil { followed[index].drainingSince = seconds }
    }

    /// A line of a file, still without its bytes.
    private func line(of index: Int) -> Line {
        let mark = followed[index].file.mark
        return Line(
            input: followed[index].input,
            path: mark.path,
            device: mark.identity.device,
            inode: mark.identity.inode,
            offset: 0,
            bytes: []
        )
    }

    // MARK: What became of the files

    /// Looks at all files before any is read, so that one poll brings the end of an old file and all of the new one.
    private mutating func look(_ seconds: Double, _ deliver: (Line) -> Void) {
        var index = 0
        while index < followed.count {
            if seconds >= followed[index].nextLook {
                if followed[index].drainingSince == nil {
                    index += look(at: index, seconds, deliver)
                } else {
                    followed[index].hasMore = true
                }
                plan(index, seconds)
            }
            index += 1
        }
    }

    /// Decides when a file is looked at again.
    private mutating func plan(_ index: Int, _ seconds: Double) {
        let idle = seconds - followed[index].activeAt
        if followed[index].drainingSince != nil {
            followed[index].nextLook = idle < Self.drainSeconds ? seconds : seconds + Self.drainSeconds / 2
        } else {
            let pause = Double(followed.count) / Self.idleLooks
            followed[index].nextLook = idle < Self.idleSeconds || pause <= 1 ? seconds : seconds + pause
        }
    }

    /// Sees whether a name still belongs to its file, and whether that grew or was emptied.
    ///
    /// Returns how many files were put before it.
    private mutating func look(at index: Int, _ seconds: Double, _ deliver: (Line) -> Void) -> Int {
        let mark = followed[index].file.mark
        guard let status = files.status(mark.path) else {
            // The old file may still be written to for a while; the name is looked up again at once.
            startDraining(index, seconds)
            nextScan = seconds
            return 0
        }
        guard status.identity == mark.identity else {
            startDraining(index, seconds)
            losses.rotations += 1
            recover(
                after: mark,
                wasEmptied: false,
                input: followed[index].input,
                at: followed.count,
                seconds
            )
            open(mark.path, input: followed[index].input, status: status, isNew: true, seconds)
            return 0
        }
        let before = followed[index].size
        // Where room was kept free for lines, size says nothing, and the time may be the same within a clock's tick.
        guard status.size != before || status.modified != mark.modified || status.size > mark.offset else {
            return 0
        }
        followed[index].size = status.size
        followed[index].file.noteModified(status.modified)
        followed[index].hasMore = true
        // A file that was empty can have been filled, copied and emptied since without a trace in itself.
        let wasEmpty = mark.offset == 0 && before == 0
        guard wasEmpty || !followed[index].file.holdsWhatWasRead(size: status.size) else { return 0 }
        let saved = recover(
            after: mark,
            wasEmptied: true,
            input: followed[index].input,
            at: index,
            seconds
        )
        let now = index + saved.files
        if wasEmpty { return saved.files }
        losses.truncations += 1
        if saved.isRest { followed[now].file.dropPartial() } else { losses.truncationsUnsaved += 1 }
        let line = line(of: now)
        followed[now].file.restart { bytes, offset in
            var line = line
            line.bytes = bytes
            line.offset = offset
            deliver(line)
        }
        return saved.files
    }

    private mutating func startDraining(_ index: Int, _ seconds: Double) {
        followed[index].drainingSince = seconds
        followed[index].activeAt = seconds
        followed[index].hasMore = true
    }

    /// Finds what was written and rotated away since a file was last looked at: the rest of it in a copy, and files
    /// that came and went.
    ///
    /// They are put at `place`, oldest first. Returns their number, and whether the rest of the old file is safe.
    @discardableResult
    private mutating func recover(
        after old: FileMark,
        wasEmptied: Bool,
        input: Int,
        at place: Int,
        _ seconds: Double,
        triesLeft: Int = 3
    ) -> (files: Int, isRest: Bool) {
        var place = place
        var found = (files: 0, isRest: false)
        var isMoving = false
        for sibling in RotatedSiblings.of(old.path, in: files) {
            let identity = sibling.status.identity
            if sibling.isGzip {
                // Compressed since the last look: what was not read of it before is not read now.
                if sibling.status.modified > old.modified { losses.siblingsUnread += 1 }
                continue
            }
            if followed.contains(where: { $0.file.mark.identity == identity }) { continue }
            if isFinished(sibling.path, sibling.status) { continue }
            guard followed.count < Self.filesMax + Self.drainingMax else {
                losses.siblingsUnread += 1
                continue
            }
            var file: FollowedFile?
            if let known = finished[identity] {
                file = FollowedFile(sibling.path, in: files, continuing: known)
            } else if !old.head.bytes.isEmpty {
                file = FollowedFile(sibling.path, in: files, continuing: old)
                if file != nil { found.isRest = true }
            }
            if file == nil {
                // What was last written before the last look is known, or none of ours.
                guard sibling.status.modified >= old.modified else { continue }
                file = FollowedFile(sibling.path, in: files, from: 0)
                if wasEmptied, !found.isRest, let copy = file, sibling.status.size < old.offset,
                    copy.match(old.head) == .same
                {
                    // The copy ends before what was read from the original: nothing in it is new.
                    found.isRest = true
                    copy.closeFile()
                    if let end = FollowedFile(sibling.path, in: files, from: sibling.status.size) {
                        remember(end.mark)
                        end.closeFile()
                    }
                    continue
                }
            }
            guard let file else {
                losses.siblingsUnread += 1
                continue
            }
            guard file.mark.identity == identity else {
                // Renamed while we looked: the next look finds it under its new name.
                file.closeFile()
                isMoving = true
                break
            }
            followed.insert(
                Followed(file: file, input: input, activeAt: seconds, drainingSince: seconds),
                at: place
            )
            place += 1
            found.files += 1
        }
        guard isMoving, triesLeft > 0 else { return found }
        let more = recover(
            after: old,
            wasEmptied: wasEmptied,
            input: input,
            at: place,
            seconds,
            triesLeft: triesLeft - 1
        )
        return (found.files + more.files, found.isRest || more.isRest)
    }

    /// How long a renamed file must stand still before it is looked at less often, in seconds.
    private static let drainSeconds = 10.0
    /// How long a renamed file that stands still is kept open, in seconds: its writer may never have noticed.
    private static let drainIdleSeconds = 3600.0
    /// The same for a removed one, whose disk space stays taken while it is open.
    private static let drainUnlinkedSeconds = 60.0

    private mutating func closeDrained(_ seconds: Double, _ deliver: (Line) -> Void) {
        guard followed.contains(where: { $0.drainingSince != nil }) else { return }
        var ofName: [String: Int] = [:]
        for index in followed.indices.reversed() {
            guard let since = followed[index].drainingSince, !followed[index].hasMore else { continue }
            let idle = seconds - since
            guard idle >= Self.drainSeconds else { continue }
            let entry = followed[index]
            ofName[entry.file.mark.path, default: 0] += 1
            let mustGo = ofName[entry.file.mark.path, default: 0] > Self.drainingOfNameMax
            let waits = entry.file.isUnlinked ? Self.drainUnlinkedSeconds : Self.drainIdleSeconds
            guard mustGo || idle >= waits else { continue }
            let line = line(of: index)
            followed[index].file.flush { bytes, offset in
                var line = line
                line.bytes = bytes
                line.offset = offset
                deliver(line)
            }
            retire(index)
        }
    }

    // MARK: Which files

    private struct Candidate {
        var path: String
        var input: Int
        var status: FileStatus
    }

    /// Opens what matches a pattern and is not followed yet.
    private mutating func scan(_ seconds: Double) {
        let began = ContinuousClock.now
        let isWhole = seconds >= nextFullScan
        if isWhole { nextFullScan = seconds + Self.fullScanSeconds }
        let names = Set(followed.lazy.filter { $0.drainingSince == nil }.map(\.file.mark.path))
        var candidates: [Candidate] = []
        for input in known.indices where isWhole || patterns.mayHaveChanged(input) {
            refused[input] = 0
            for path in patterns.matches(of: input) where !names.contains(path) && !Self.isCompressed(path) {
                guard let status = files.status(path), status.isRegular, !isFinished(path, status) else {
                    continue
                }
                candidates.append(Candidate(path: path, input: input, status: status))
            }
        }
        // Oldest first, as they were written.
        candidates.sort { ($0.status.modified, $0.path) < ($1.status.modified, $1.path) }
        let own = followed.count { $0.drainingSince == nil }
        var isFull = false
        for candidate in candidates.dropLast(max(0, Self.filesMax - own)).reversed() {
            isFull = isFull || !makeRoom(for: candidate.status)
            if isFull { refused[candidate.input] += 1 }
        }
        let opened = followed.count { $0.drainingSince == nil }
        for candidate in candidates.suffix(max(0, Self.filesMax - opened)) {
            let isNew = known[candidate.input]
            open(candidate.path, input: candidate.input, status: candidate.status, isNew: isNew, seconds)
        }
        for input in known.indices { known[input] = true }
        losses.filesRefused = refused.reduce(0, +)
        nextScan = seconds + max(Self.scanSeconds, (ContinuousClock.now - began).inSeconds / Self.scanShare)
    }

    /// Gives up the file that stood still for longest, if a candidate was written to clearly later.
    private mutating func makeRoom(for status: FileStatus) -> Bool {
        var oldest: Int?
        for index in followed.indices where followed[index].drainingSince == nil && !followed[index].hasMore {
            let modified = followed[index].file.mark.modified
            if oldest.map({ modified < followed[$0].file.mark.modified }) ?? true { oldest = index }
        }
        guard let oldest, status.modified - Self.evictionAdvantage > followed[oldest].file.mark.modified
        else {
            return false
        }
        retire(oldest)
        return true
    }

    private mutating func open(
        _ path: String,
        input: Int,
        status: FileStatus,
        isNew: Bool,
        _ seconds: Double
    ) {
        // The name was gone for a while, in which a file of that name may have come and been rotated away. Seen to
        // first: this file may be renamed meanwhile, and would else be opened under both names.
        if isNew, let old = followed.last(where: { $0.drainingSince != nil && $0.file.mark.path == path }) {
            recover(
                after: old.file.mark,
                wasEmptied: false,
                input: input,
                at: followed.count,
                seconds
            )
        }
        if let index = followed.firstIndex(where: { $0.file.mark.identity == status.identity }) {
            // The same file under another name: a link or a second pattern, or a rotated one that has a name again.
            if followed[index].drainingSince != nil {
                followed[index].file.rename(to: path)
                followed[index].drainingSince = nil
            }
            return
        }
        var file: FollowedFile?
        if let mark = finished[status.identity] {
            file = FollowedFile(path, in: files, continuing: mark)
        }
        if file == nil {
            file = FollowedFile(path, in: files, from: isNew ? 0 : nil, backfill: backfillBytes)
            if let copy = file, isCopy(copy) {
                // Being copied to be emptied: what it holds was read, or is read when the original was emptied.
                copy.closeFile()
                return
            }
            if !isNew { losses.bytesSkipped += file?.mark.offset ?? 0 }
        }
        guard let file else { return }
        guard file.mark.identity == status.identity else {
            // Renamed since it was looked up: by now the name may lead to a file that is followed already.
            file.closeFile()
            nextScan = seconds
            return
        }
        followed.append(Followed(file: file, input: input, size: file.size, activeAt: seconds))
    }

    /// Whether a file is what rotation copied from one that is followed, which may have been emptied by now, or may
    /// become such a copy: it is still too short to tell.
    private func isCopy(_ file: FollowedFile) -> Bool {
        followed.contains { entry in
            let original = entry.file.mark
            let isSibling = RotatedSiblings.isSibling(file.mark.path, of: original.path)
            if original.head.bytes.isEmpty { return isSibling && file.size == 0 }
            switch file.match(original.head) {
            case .different: return false
            case .short: return isSibling
            case .same: return file.isCopy(of: entry.file) || isSibling && (file.holds(original) ?? true)
            }
        }
    }

    // MARK: Files that were closed

    /// Whether a file was read to its end before, and nothing was added since.
    private mutating func isFinished(_ path: String, _ status: FileStatus) -> Bool {
        guard let mark = finished[status.identity], status.size == mark.offset, mark.lineStart == mark.offset
        else {
            return false
        }
        if status.modified == mark.modified { return true }
        // Touched, or another file with the same inode and length.
        guard let file = FollowedFile(path, in: files, continuing: mark) else { return false }
        file.closeFile()
        finished[status.identity]?.modified = status.modified
        return true
    }

    private mutating func retire(_ index: Int) {
        let entry = followed.remove(at: index)
        remember(entry.file.mark)
        entry.file.closeFile()
    }

    private mutating func remember(_ mark: FileMark) {
        if finished.updateValue(mark, forKey: mark.identity) == nil { finishedOrder.append(mark.identity) }
        if finishedOrder.count > Self.finishedMax {
            for identity in finishedOrder.prefix(Self.finishedMax / 8) { finished[identity] = nil }
            finishedOrder.removeFirst(Self.finishedMax / 8)
        }
    }

    private static func isCompressed(_ path: String) -> Bool {
        [".gz", ".xz", ".bz2", ".zst", ".lz4"].contains { path.hasSuffix($0) }
    }
}
