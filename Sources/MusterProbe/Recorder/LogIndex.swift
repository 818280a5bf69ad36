import MusterCore

/// Where in the log files which times and levels stand: the files are indexed, not copied.
///
/// Not thread-safe; owned by ``LogRecorder``. A file is cut into stretches, of which each knows the earliest and the
/// latest time and the levels of its lines; so lines that are out of order, and clocks that jump back, hide nothing.
struct LogIndex {
    /// A part of one file that may hold lines of a window.
    struct Stretch: Sendable {
        var path: String
        var device: UInt64
        var inode: UInt64
        var input: Int
        /// Where a line begins.
        var from: Int
        /// Where a later line begins; nil for the end of the file.
        var to: Int?
        /// No line before `to` is earlier, or later, than these.
        var earliest = Timestamp(nanoseconds: .min)
        var latest = Timestamp(nanoseconds: .max)
        /// Whether it is no file but the journal's entries of the window.
        var isJournal = false
    }

    private struct Mark {
        var offset: Int
        var earliest: Timestamp
        var latest: Timestamp
        /// A bit for each level that one of its lines has.
        var levels: UInt8
    }

    private struct File {
        var path: String
        var device: UInt64
        var inode: UInt64
        var input: Int
        var marks: [Mark] = []
        /// Where the last line that was noted begins.
        var lastOffset = -1
        /// Lines without a time of their own have that of the line before.
        var lastAt: Timestamp
        /// Bytes that a stretch has at least; grows as the file does.
        var stretchBytesMin = LogIndex.stretchBytesMin
    }

    private static let filesMax = 1_024
    /// Of one file, and of all together: half a megabyte.
    private static let fileMarksMax = 4_096
    private static let marksMax = 16_384
    /// A stretch ends with the first of: so many bytes, or so long and at least a few bytes.
    private static let stretchBytesMax = 256 << 10
    private static let stretchBytesMin = 512
    private static let stretchSpan = Duration.seconds(1)
    /// Stretches that follow one another are read as one up to this.
    private static let readBytesMax = 8 << 20

    private var files: [File] = []
    /// Marks of all files together.
    private(set) var marksCount = 0
    /// The file of the last line: the next one mostly has the same.
    private var recent = 0

    /// Notes a line that was read.
    ///
    /// - Parameters:
    ///   - line: Where it stands.
    ///   - own: The time that it names; nil for none.
    ///   - level: The level that it has.
    ///   - now: Stands for the time of a line that has none and follows none.
    ///   - isSampled: Whether lines before it may have been left out; their levels and times are then unknown.
    mutating func note(
        _ line: LogFollower.Line,
        at own: Timestamp?,
        level: LogLevel?,
        now: Timestamp,
        isSampled: Bool = false
    ) {
        let index = fileIndex(line, own ?? now)
        let at = own ?? files[index].lastAt
        files[index].lastAt = at
        files[index].lastOffset = line.offset
        let bit: UInt8 = isSampled ? .max : level.map { 1 << UInt8($0.gravity) } ?? 0
        let latest = isSampled ? max(at, now) : at
        let last = files[index].marks.count - 1
        if last >= 0 {
            let mark = files[index].marks[last]
            let bytes = line.offset - mark.offset
            // The largest stretches of a file that grew long are as long as merging made them.
            let isOver = bytes >= max(Self.stretchBytesMax, files[index].stretchBytesMin)
            let isLong = at - mark.earliest >= Self.stretchSpan || at < mark.earliest
            if !isOver, !(isLong && bytes >= files[index].stretchBytesMin) {
                files[index].marks[last].earliest = min(mark.earliest, at)
                files[index].marks[last].latest = max(mark.latest, latest)
                files[index].marks[last].levels |= bit
                return
            }
        }
        files[index].marks.append(Mark(offset: line.offset, earliest: at, latest: latest, levels: bit))
        marksCount += 1
        if files[index].marks.count > Self.fileMarksMax { merge(index) }
        while marksCount > Self.marksMax,
            let largest = files.indices.max(by: { files[$0].marks.count < files[$1].marks.count }),
            files[largest].marks.count > 1
        {
            merge(largest)
        }
    }

    /// Parts of files that hold all lines of a window that have at least a level, in the files' order.
    ///
    /// What was written since the last line that was noted, and what stood in a file before it was followed, is
    /// among them.
    func stretches(_ window: TimeWindow, level: LogLevel?, inputs: Set<Int>) -> [Stretch] {
        files.filter { inputs.contains($0.input) }.flatMap { stretches(of: $0, window, level) }
    }

    /// The files that it knows.
    var identities: Set<FileIdentity> {
        Set(files.lazy.map { FileIdentity(device: $0.device, inode: $0.inode) })
    }

    /// Whether the newest file of that name was read from its start, and what stands there is not younger than a
    /// moment: then no file that was rotated before it is needed for what came after.
    func reaches(_ moment: Timestamp, in path: String) -> Bool {
        guard let first = files.last(where: { $0.path == path })?.marks.first else { return false }
        return first.offset == 0 && first.earliest <= moment
    }

    private func stretches(of file: File, _ window: TimeWindow, _ level: LogLevel?) -> [Stretch] {
        guard let first = file.marks.first else { return [] }
        let wanted: UInt8 = level.map { ~((1 << UInt8($0.gravity)) - 1) } ?? 0
        var found: [Stretch] = []
        func add(_ from: Int, _ to: Int?, _ earliest: Timestamp, _ latest: Timestamp) {
            if let last = found.last, last.to == from, (to ?? from) - last.from <= Self.readBytesMax {
                found[found.count - 1].to = to
                found[found.count - 1].earliest = min(last.earliest, earliest)
                found[found.count - 1].latest = max(last.latest, latest)
                return
            }
            found.append(
                Stretch(
                    path: file.path,
                    device: file.device,
                    inode: file.inode,
                    input: file.input,
                    from: from,
                    to: to,
                    earliest: earliest,
                    latest: latest
                )
            )
        }
        // What stood there before the file was followed; logs grow, so it is older.
        if first.offset > 0, window.from <= first.latest {
            for from in stride(from: 0, to: first.offset, by: Self.readBytesMax) {
                // Read newest first, and seldom to its start; where lines begin is looked up then.
                found.append(
                    Stretch(
                        path: file.path,
                        device: file.device,
                        inode: file.inode,
                        input: file.input,
                        from: from,
                        to: min(first.offset, from + Self.readBytesMax),
                        latest: first.latest
                    )
                )
            }
        }
        for (index, mark) in file.marks.enumerated() {
            // The last line that was noted, and what came after it, is read in any case.
            let to = index + 1 < file.marks.count ? file.marks[index + 1].offset : file.lastOffset
            guard mark.offset < to, mark.latest >= window.from, mark.earliest < window.to,
                level == nil || mark.levels & wanted != 0
            else { continue }
            add(mark.offset, to, mark.earliest, mark.latest)
        }
        add(file.lastOffset, nil, Timestamp(nanoseconds: .min), Timestamp(nanoseconds: .max))
        return found
    }

    /// The file of a line: known, new, or emptied and begun anew.
    private mutating func fileIndex(_ line: LogFollower.Line, _ at: Timestamp) -> Int {
        func isSame(_ file: File) -> Bool { file.inode == line.inode && file.device == line.device }
        if let known = recent < files.count && isSame(files[recent]) ? recent : files.lastIndex(where: isSame)
        {
            recent = known
            if line.offset > files[known].lastOffset {
                if files[known].path != line.path { files[known].path = line.path }
                return known
            }
            remove(known)
        }
        if files.count >= Self.filesMax { remove(0) }
        files.append(
            File(path: line.path, device: line.device, inode: line.inode, input: line.input, lastAt: at)
        )
        return files.count - 1
    }

    private mutating func remove(_ index: Int) {
        marksCount -= files[index].marks.count
        files.remove(at: index)
    }

    /// Makes one stretch of every two.
    private mutating func merge(_ index: Int) {
        let old = files[index].marks
        files[index].marks = stride(from: 0, to: old.count, by: 2).map { place in
            var mark = old[place]
            if place + 1 < old.count {
                mark.earliest = min(mark.earliest, old[place + 1].earliest)
                mark.latest = max(mark.latest, old[place + 1].latest)
                mark.levels |= old[place + 1].levels
            }
            return mark
        }
        files[index].stretchBytesMin *= 2
        marksCount -= old.count - files[index].marks.count
    }
}
