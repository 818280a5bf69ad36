import MusterCore

/// Counts moments per bucket of time, in bounded memory.
///
/// When there are too many buckets their width is doubled, and again.
struct TimeCounts {
    /// Buckets that are kept at most.
    static let bucketsMax = 1_500

    /// Nanoseconds; 0 when nothing is counted.
    private var width: Int64
    private var counts: [Int64: Int] = [:]
    /// The bucket of the last moment: the next one mostly has the same.
    private var current: Int64 = .min
    private var currentCount = 0

    /// Counts by buckets of so many seconds; 0 for none.
    init(seconds: Int) { width = Int64(clamping: max(0, min(seconds, 1 << 30))) * 1_000_000_000 }

    /// Width of the buckets as it is now.
    var seconds: Int { Int(width / 1_000_000_000) }

    mutating func count(_ at: Timestamp) {
        guard width > 0 else { return }
        let bucket = at.nanoseconds.flooredQuotient(width)
        if bucket != current {
            flush()
            current = bucket
        }
        currentCount += 1
    }

    /// The counts, oldest first; buckets without any are left out.
    mutating func finish() -> [LogBucket] {
        flush()
        return counts.sorted { $0.key < $1.key }.map { key, count in
            LogBucket(
                from: Timestamp(nanoseconds: key.multipliedReportingOverflow(by: width).partialValue),
                count: count
            )
        }
    }

    private mutating func flush() {
        guard currentCount > 0 else { return }
        counts[current, default: 0] += currentCount
        currentCount = 0
        current = .min
        guard counts.count > Self.bucketsMax, width < 1 << 60 else { return }
        width *= 2
        var coarse: [Int64: Int] = [:]
        for (key, count) in counts { coarse[key >> 1, default: 0] += count }
        counts = coarse
    }
}
