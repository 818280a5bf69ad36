import MusterCore
import Synchronization

/// Counts events of each of many sources: so many at once, then so many a second.
final class RateLimiter: Sendable {
    private struct Bucket {
        var left: Double
        var at: Timestamp
    }

    /// Sources remembered; beyond it full buckets are forgotten, and then all.
    private static let sourcesMax = 4_096

    private let burst: Double
    private let perSecond: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    init(burst: Double, perSecond: Double) {
        self.burst = burst
        self.perSecond = perSecond
    }

    /// Notes one event; false when there were too many.
    func note(_ source: String, at now: Timestamp) -> Bool {
        buckets.withLock { buckets in
            if buckets[source] == nil, buckets.count >= Self.sourcesMax {
                buckets = buckets.filter { refilled($0.value, at: now) < burst }
                if buckets.count >= Self.sourcesMax { buckets = [:] }
            }
            let left = buckets[source].map { refilled($0, at: now) } ?? burst
            buckets[source] = Bucket(left: left >= 1 ? left - 1 : left, at: now)
            return left >= 1
        }
    }

    private func refilled(_ bucket: Bucket, at now: Timestamp) -> Double {
        min(burst, bucket.left + max(0, (now - bucket.at).inSeconds) * perSecond)
    }
}
