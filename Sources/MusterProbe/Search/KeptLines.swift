import MusterCore

/// Keeps the newest, the oldest or a spread of the lines that it is given, in bounded memory.
struct KeptLines {
    struct Line {
        var at: Timestamp
        var file: Int
        /// Byte offset of its start in the file.
        var offset: Int
        var level: LogLevel?
        /// Number of the service, as the caller counts them.
        var service: Int
        /// Where in ``bytes`` it is.
        fileprivate var start: Int
        fileprivate var count: Int
    }

    private let order: LogOrder
    private let linesMax: Int
    private let bytesMax: Int
    private(set) var lines: [Line] = []
    private var bytes: [UInt8] = []
    /// How many lines were offered.
    private(set) var offered = 0
    /// What an older, or newer, line need not be kept for: enough better ones are there.
    private var bound: Timestamp?
    /// Of a spread only every so manyth line is kept, a power of two, and whatever is older or newer than all.
    private var stride: UInt64 = 1
    private var oldest = Timestamp(nanoseconds: .max)
    private var newest = Timestamp(nanoseconds: .min)

    init(_ order: LogOrder, linesMax: Int, bytesMax: Int) {
        self.order = order
        self.linesMax = max(0, linesMax)
        self.bytesMax = max(0, bytesMax)
    }

    mutating func offer(
        _ line: ArraySlice<UInt8>,
        at: Timestamp,
        file: Int,
        offset: Int,
        level: LogLevel?,
        service: Int
    ) {
        offered += 1
        guard linesMax > 0, isWanted(at, offset) else { return }
        oldest = min(oldest, at)
        newest = max(newest, at)
        let start = bytes.count
        bytes += line
        lines.append(
            Line(
                at: at,
                file: file,
                offset: offset,
                level: level,
                service: service,
                start: start,
                count: line.count
            )
        )
        // Now and then, so that memory stays bounded.
        if lines.count >= 2 * linesMax + 1024 || bytes.count > 2 * bytesMax + (1 << 20) {
            thin(isLast: false)
        }
    }

    /// Leaves what may be told, oldest first.
    mutating func finish() { thin(isLast: true) }

    /// The bytes of a line.
    func text(_ line: Line) -> ArraySlice<UInt8> { bytes[line.start..<(line.start + line.count)] }

    private func isWanted(_ at: Timestamp, _ offset: Int) -> Bool {
        switch order {
        case .newest: bound.map { at >= $0 } ?? true
        case .oldest: bound.map { at <= $0 } ?? true
        case .spread:
            at < oldest || at > newest
                || (UInt64(truncatingIfNeeded: offset) &* 0x9E37_79B9_7F4A_7C15) >> 40 & (stride - 1) == 0
        }
    }

    private mutating func thin(isLast: Bool) {
        lines.sort { ($0.at, $0.file, $0.offset) < ($1.at, $1.file, $1.offset) }
        switch order {
        case .newest:
            let keep = fitting(lines.reversed())
            if keep < lines.count, keep > 0 { bound = lines[lines.count - keep].at }
            lines.removeFirst(lines.count - keep)
        case .oldest:
            let keep = fitting(lines)
            if keep < lines.count, keep > 0 { bound = lines[keep - 1].at }
            lines.removeLast(lines.count - keep)
        case .spread where isLast:
            lines = lines.chosen(.spread, linesMax)
            while fitting(lines) < lines.count { lines = lines.chosen(.spread, lines.count / 2) }
        case .spread:
            stride = min(stride * 2, 1 << 20)
            lines = lines.chosen(.spread, lines.count / 2)
        }
        pack()
    }

    /// How many lines fit, counted in their order.
    private func fitting(_ lines: some Sequence<Line>) -> Int {
        var (count, sum) = (0, 0)
        for line in lines {
            guard count < linesMax, sum + line.count <= bytesMax else { break }
            (count, sum) = (count + 1, sum + line.count)
        }
        return count
    }

    /// Leaves the bytes of the lines that are kept.
    private mutating func pack() {
        var packed: [UInt8] = []
        packed.reserveCapacity(lines.reduce(0) { $0 + $1.count })
        for index in lines.indices {
            let start = packed.count
            packed += text(lines[index])
            lines[index].start = start
        }
        bytes = packed
    }
}
