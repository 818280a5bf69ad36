import MusterCore

/// Where in the log files which time stands: the files are indexed, not copied.
///
/// Not thread-safe; owned by ``LogRecorder``. A mark says that everything before its offset was written by its time.
struct LogIndex {
    /// A stretch of one file that may hold lines of a window.
    struct Stretch: Sendable {
        var path: String
        var device: UInt64
        var inode: UInt64
        var input: Int
        var from: Int
        /// The time at `from`.
        var starts: Timestamp
        /// Nil for the end of the file.
        var to: Int?
    }

    private struct Mark {
        var at: Timestamp
        var offset: Int
    }

    private struct File {
        var path: String
        var device: UInt64
        var inode: UInt64
        var input: Int
        var marks: [Mark]
        /// The newest time among its lines.
        var newest: Timestamp
    }

    /// A mark at most every second, at most a day of them.
    private static let marksMax = 8_640
    private static let filesMax = 1_024
    private static let interval = Duration.seconds(1)
    /// What lines of one file may be out of order by.
    private static let disorder = Duration.seconds(5)

    private var files: [File] = []

    /// Notes a line; `at` is its own time, and `now` when it has none or claims to be of the future.
    mutating func note(_ line: LogFollower.Line, at: Timestamp) {
        let index: Int
        if let known = files.lastIndex(where: { $0.inode == line.inode && $0.device == line.device }),
            line.offset > files[known].marks.last?.offset ?? -1
        {
            index = known
            files[known].path = line.path
        } else {
            // A new file, or one that was emptied and begins anew.
            files.removeAll { $0.inode == line.inode && $0.device == line.device }
            if files.count >= Self.filesMax { files.removeFirst() }
            files.append(
                File(
                    path: line.path,
                    device: line.device,
                    inode: line.inode,
                    input: line.input,
                    marks: [],
                    newest: at
                )
            )
            index = files.count - 1
        }
        files[index].newest = max(files[index].newest, at)
        if let last = files[index].marks.last, files[index].newest < last.at + Self.interval { return }
        if files[index].marks.count >= Self.marksMax { files[index].marks.removeFirst(Self.marksMax / 2) }
        files[index].marks.append(Mark(at: files[index].newest, offset: line.offset))
    }

    /// Stretches that hold all lines of a window, oldest file first.
    func stretches(_ window: TimeWindow, inputs: Set<Int>) -> [Stretch] {
        files.compactMap { file in
            guard inputs.contains(file.input), let first = file.marks.first,
                file.newest >= window.from - Self.disorder, first.at <= window.to + Self.disorder
            else { return nil }
            let start = file.marks.last { $0.at < window.from - Self.disorder } ?? first
            let end = file.marks.first { $0.at > window.to + Self.disorder }
            return Stretch(
                path: file.path,
                device: file.device,
                inode: file.inode,
                input: file.input,
                from: start.offset,
                starts: start.at,
                to: end?.offset
            )
        }
    }
}
