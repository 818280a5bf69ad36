import MusterAnalysis

#if canImport(Glibc)
import Glibc
#endif

/// How far values lie above what is usual, in units of their usual noise.
///
/// Median against median: one outlier on either side changes nothing. The noise is the largest of the median absolute
/// deviation, the width of the usual values' middle nine tenths, and floors that say which difference nobody would
/// call one, so that a series that never moved does not make a catastrophe of the last digit.
package struct LevelShift: Hashable, Sendable {
    /// What is looked at of the values now.
    package enum Part: Sendable {
        /// All of them: single requests, of which some are always slow.
        case all
        /// Their upper half: means of intervals, of which the fault may fill only some.
        case upperHalf
    }

    package var usual: Double
    package var now: Double
    /// Above zero when larger than usual.
    package var score: Double

    package var rise: Double { now - usual }

    /// Usual values below which nothing can be said.
    package static let usualMin = 5
    /// Values now from which the score counts whole; with fewer it shrinks.
    ///
    /// A mean of an interval stands for many.
    private static let nowFull = 4
    private static let nowFullOfSingles = 8

    /// Nil when there is too little to compare.
    ///
    /// Values that are not finite don't count.
    package init?(
        usual: [Double],
        now: [Double],
        part: Part = .upperHalf,
        nowMin: Int = 1,
        relativeFloor: Double = 0.05,
        absoluteFloor: Double = 1e-9
    ) {
        let past = usual.filter(\.isFinite).sorted()
        var recent = now.filter(\.isFinite).sorted(by: >)
        guard past.count >= Self.usualMin, recent.count >= max(1, nowMin) else { return nil }
        let count = recent.count
        if part == .upperHalf { recent = Array(recent.prefix((count + 1) / 2)) }
        guard let center = RobustStatistics.median(past), let level = RobustStatistics.median(recent),
            let deviation = RobustStatistics.medianAbsoluteDeviation(past, around: center)
        else { return nil }
        let width = Self.quantile(0.95, of: past) - Self.quantile(0.05, of: past)
        let noise = max(
            deviation * RobustStatistics.normalScale,
            // The middle nine tenths of normal noise are 3.29 standard deviations wide.
            part == .all ? 0 : width / 3.29,
            // Single requests are skewed: their 90% lies 1.28 standard deviations above the middle.
            part == .all ? (Self.quantile(0.9, of: past) - center) / 1.28 : 0,
            abs(center) * relativeFloor,
            absoluteFloor
        )
        self.usual = center
        self.now = level
        let full = Double(part == .all ? Self.nowFullOfSingles : Self.nowFull)
        score = (level - center) / noise * min(1, Double(count) / full).squareRoot()
    }

    /// Of sorted values, between the two nearest; there must be one.
    static func quantile(_ share: Double, of sorted: [Double]) -> Double {
        let place = share * Double(sorted.count - 1)
        let low = Int(place)
        let high = min(low + 1, sorted.count - 1)
        return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
    }
}

/// Turns scores without an upper end into effects from 0 to 1.
package enum EffectScale {
    /// 0 up to `from`, 1 from `full` on, logarithmic between: twice as large says the same again.
    package static func effect(_ score: Double, from: Double, full: Double) -> Double {
        guard score > from, from > 0, full > from else { return 0 }
        return min(1, log(score / from) / log(full / from))
    }
}
