import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// The moment at which a share (failed requests among all) changed, found in counts per bucket.
///
/// Compares, for each place to cut the series, how likely the counts are under two shares instead of one, and
/// takes the best place (a likelihood-ratio test of binomial counts).
package struct ProportionShift: Hashable, Sendable {
    /// First bucket with the new share.
    package var index: Int
    package var before: Double
    package var after: Double
    /// Twice the logarithm of the likelihood ratio.
    package var score: Double

    /// Least score that counts as a change: chance in less than one of a thousand series.
    ///
    /// The best of many cuts is larger than any one of them: without a change, 15 is passed by 1 to 5 in a thousand
    /// series of 30 to 600 buckets, and 19 by 0.7 at most.
    package static let scoreMin = 19.0

    /// The rise that stands out most; nil when there is none.
    package static func rise(in buckets: [RequestBucket]) -> ProportionShift? {
        let total = buckets.reduce((count: 0, errors: 0)) {
            ($0.count.saturatingAdd($1.count), $0.errors.saturatingAdd($1.errors))
        }
        guard total.count > 0, total.errors > 0 else { return nil }
        let whole = likelihood(total.errors, total.count)
        var best: ProportionShift?
        var count = 0
        var errors = 0
        for index in buckets.indices.dropLast() {
            count = count.saturatingAdd(buckets[index].count)
            errors = errors.saturatingAdd(buckets[index].errors)
            // A rise begins with an error; any earlier cut only adds healthy buckets to the sick part.
            guard count > 0, count < total.count, buckets[index + 1].errors > 0 else { continue }
            let before = Double(errors) / Double(count)
            let after = Double(total.errors - errors) / Double(total.count - count)
            guard after > before else { continue }
            let parted =
                likelihood(errors, count) + likelihood(total.errors - errors, total.count - count)
            let score = 2 * (parted - whole)
            if score > best?.score ?? scoreMin {
                best = ProportionShift(index: index + 1, before: before, after: after, score: score)
            }
        }
        return best
    }

    /// Logarithm of the likelihood of the counts under their own share.
    private static func likelihood(_ errors: Int, _ count: Int) -> Double {
        let share = Double(errors) / Double(max(1, count))
        guard share > 0, share < 1 else { return 0 }
        return Double(errors) * log(share) + Double(count - errors) * log(1 - share)
    }
}
