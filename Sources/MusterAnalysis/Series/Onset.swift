import Glibc

/// Whether a series changed inside a window, by how much, and when.
package struct Onset: Hashable, Sendable {
    /// What was usual before: median and median absolute deviation.
    package var baselineMedian: Double
    package var baselineMAD: Double
    /// How far the series moved, in robust standard deviations of the baseline; within ±``scoreMax``.
    package var score: Double
    /// Index of the first point of the new level; nil when nothing changed.
    package var index: Int?

    /// A score beyond this says nothing more.
    package static let scoreMax = 1000.0
    /// Deviations that a single point counts at most: one spike is no change of level.
    private static let clip = 6.0
    /// Points that a baseline needs to be one.
    private static let baselineMin = 5
    /// Standardised size from which a split counts as a change; pure noise of an hour stays below 4.
    private static let threshold = 6.0

    /// Looks for the one change of level that explains the window best.
    ///
    /// - Parameters:
    ///   - values: Oldest first; what is not finite is skipped.
    ///   - windowStart: Index of the first point of the window; what is before it is the baseline.
    ///   - noise: The smallest deviation that means anything, so that a series that stood still before is not
    ///     called changed for a trifle.
    package init(values: [Double], windowStart: Int, noise: Double) {
        let finite = values.indices.filter { values[$0].isFinite }
        let window = finite.filter { $0 >= windowStart }
        let before = finite.filter { $0 < windowStart }
        let hasBaseline = before.count >= Self.baselineMin
        let reference = (hasBaseline ? before : window).map { values[$0] }
        let center = RobustStatistics.median(reference) ?? 0
        let deviation = RobustStatistics.medianAbsoluteDeviation(reference, around: center) ?? 0
        baselineMedian = center
        baselineMAD = deviation
        score = 0
        index = nil
        guard window.count >= 2 else { return }

        let scale = max(deviation * RobustStatistics.normalScale, noise)
        let scores = window.map { min(max((values[$0] - center) / scale, -Self.clip), Self.clip) }
        guard let split = Self.bestSplit(scores, zeroBefore: hasBaseline) else { return }
        let after = window[split...].map { values[$0] }
        if !hasBaseline {
            let quiet = window[..<split].map { values[$0] }
            baselineMedian = RobustStatistics.median(quiet) ?? center
            baselineMAD =
                RobustStatistics.medianAbsoluteDeviation(quiet, around: baselineMedian) ?? deviation
        }
        let level = RobustStatistics.median(after) ?? center
        let unit = max(baselineMAD * RobustStatistics.normalScale, noise)
        let moved = (level - baselineMedian) / unit
        guard abs(moved) >= 3 else { return }
        score = min(max(moved, -Self.scoreMax), Self.scoreMax)
        index = window[split]
    }

    /// The split after which the mean differs most from before, standardised; nil when none is large enough.
    ///
    /// With a baseline the level before is 0 by construction, so the window may begin after the change.
    private static func bestSplit(_ scores: [Double], zeroBefore: Bool) -> Int? {
        let total = scores.reduce(0, +)
        let n = Double(scores.count)
        var best = (index: -1, size: threshold)
        var left = 0.0
        for index in scores.indices {
            let k = Double(index)
            let rightMean = (total - left) / (n - k)
            // Gain in likelihood of "a new mean from here on" over "no change".
            let shift = zeroBefore ? abs(rightMean) : index == 0 ? 0 : abs(rightMean - left / k)
            let weight = zeroBefore ? n - k : k * (n - k) / n
            let size = shift * weight.squareRoot()
            if size > best.size, shift >= 1.5 { best = (index, size) }
            left += scores[index]
        }
        return best.index >= 0 ? best.index : nil
    }
}
