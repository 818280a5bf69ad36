import Glibc

/// Statistics that a few wild values can't bend.
package enum RobustStatistics {
    /// Makes the median absolute deviation of normal noise equal to its standard deviation.
    package static let normalScale = 1.4826

    /// The middle value; nil when there is none.
    ///
    /// Values that are not finite don't count.
    package static func median(_ values: [Double]) -> Double? {
        let sorted = values.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? sorted[middle - 1] / 2 + sorted[middle] / 2 : sorted[middle]
    }

    /// The median distance from a centre; nil when there are no values.
    package static func medianAbsoluteDeviation(_ values: [Double], around center: Double) -> Double? {
        median(values.filter(\.isFinite).map { abs($0 - center) })
    }
}

/// Bounds of a share that was counted on a sample.
package struct WilsonInterval: Hashable, Sendable {
    package var low: Double
    package var high: Double

    /// Wilson's score interval (1927); `z` is 1.96 for 95%.
    ///
    /// With no trials nothing is known: 0 to 1.
    package init(successes: Int, trials: Int, z: Double = 1.96) {
        guard trials > 0 else {
            self.low = 0
            self.high = 1
            return
        }
        let n = Double(trials)
        let p = Double(min(max(successes, 0), trials)) / n
        let center = p + z * z / (2 * n)
        let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        self.low = max(0, (center - spread) / scale)
        self.high = min(1, (center + spread) / scale)
    }
}
