import MusterCore

/// A closed file of blocks: what it is called, how large it is, and from when to when its points are.
struct Segment: Hashable, Sendable {
    var resolution: MetricsResolution
    /// Counts up over all segments of a folder.
    var number: Int
    var bytes: Int
    var first: Int64
    var last: Int64

    /// `metrics-1s-00000042.seg`.
    var name: String {
        let digits = "\(number)"
        let zeros = String(repeating: "0", count: max(0, 8 - digits.utf8.count))
        return "metrics-\(resolution.word)-\(zeros)\(digits).seg"
    }

    /// Resolution and number of a name; nil for anything else.
    static func parse(_ name: String) -> (resolution: MetricsResolution, number: Int)? {
        for resolution in MetricsResolution.allCases {
            let prefix = "metrics-\(resolution.word)-"
            guard name.hasPrefix(prefix), name.hasSuffix(".seg") else { continue }
            let digits = name.dropFirst(prefix.count).dropLast(4)
            guard digits.utf8.count >= 8, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return Int(digits).map { (resolution, $0) }
        }
        return nil
    }

    func overlaps(_ window: TimeWindow) -> Bool {
        first < window.to.nanoseconds && last >= window.from.nanoseconds
    }
}

extension MetricsResolution {
    /// The word for it in the names of files.
    var word: String { self == .second ? "1s" : "10s" }
}

/// The closed segments of a folder, and which of them goes first when room is needed.
struct SegmentList {
    /// Oldest first.
    private(set) var segments: [Segment] = []
    private var bytes: [MetricsResolution: Int] = [:]
    /// Windows around incidents, which are kept longer; newest first.
    var frozen: [TimeWindow] = []
    /// The most bytes that are kept for them.
    var frozenBytesMax = 0

    /// Bytes of all segments.
    var bytesUsed: Int { bytes.values.reduce(0, +) }

    mutating func add(_ segment: Segment) {
        segments.append(segment)
        bytes[segment.resolution, default: 0] += segment.bytes
    }

    mutating func remove(_ segment: Segment) {
        guard let index = segments.firstIndex(of: segment) else { return }
        segments.remove(at: index)
        bytes[segment.resolution, default: 0] -= segment.bytes
    }

    /// The segment that is missed least: the oldest of the resolution that takes more room than the other.
    ///
    /// Nil when all that there are, but the newest of each resolution, are frozen.
    var leastMissed: Segment? {
        let kept = frozenNumbers
        var oldest: [MetricsResolution: Segment] = [:]
        var newest: [MetricsResolution: Int] = [:]
        for segment in segments {
            newest[segment.resolution] = segment.number
            guard oldest[segment.resolution] == nil, !kept.contains(segment.number) else { continue }
            oldest[segment.resolution] = segment
        }
        let candidates = oldest.values.filter { newest[$0.resolution] != $0.number }
        return candidates.max { (bytes[$0.resolution] ?? 0) < (bytes[$1.resolution] ?? 0) }
    }

    /// Segments that a frozen window keeps; the windows frozen last are served first.
    private var frozenNumbers: Set<Int> {
        var numbers: Set<Int> = []
        var left = frozenBytesMax
        for window in frozen {
            for segment in segments where segment.overlaps(window) && !numbers.contains(segment.number) {
                guard segment.bytes <= left else { continue }
                left -= segment.bytes
                numbers.insert(segment.number)
            }
        }
        return numbers
    }
}
