import MusterCore

/// What really happened: every request that the drill sent, as its sender saw it end.
struct TrafficRecord: Sendable {
    struct Entry: Sendable {
        var at: Timestamp
        var endpoint: Shoppers.Endpoint
        var host: UInt8
        var user: UInt16
        var failed: Bool
        var took: Duration = .zero
    }

    /// From here on an answer is late.
    static let slowFrom = Duration.milliseconds(200)

    /// Counts over a stretch of time.
    struct Count: Hashable, Sendable {
        var requests = 0
        var failed = 0
        var usersFailed = 0
        /// Answered late, well or not.
        var slow = 0

        var ratio: Double { requests == 0 ? 0 : Double(failed) / Double(requests) }
        var slowRatio: Double { requests == 0 ? 0 : Double(slow) / Double(requests) }
    }

    private(set) var entries: [Entry] = []
    /// Not recorded because there were too many; above zero the truth is not known.
    private(set) var dropped = 0
    /// About two hours of traffic.
    private static let entriesMax = 1_000_000

    mutating func add(_ entry: Entry) {
        guard entries.count < Self.entriesMax else {
            dropped += 1
            return
        }
        entries.append(entry)
    }

    /// The truth about a window; nil for an endpoint means all of them.
    func count(in window: TimeWindow, endpoint: Shoppers.Endpoint? = nil) -> Count {
        var count = Count()
        var users: Set<UInt16> = []
        for entry in entries where window.contains(entry.at) {
            if let endpoint, entry.endpoint != endpoint { continue }
            count.requests += 1
            if entry.took > Self.slowFrom { count.slow += 1 }
            if entry.failed {
                count.failed += 1
                users.insert(entry.user)
            }
        }
        count.usersFailed = users.count
        return count
    }
}
