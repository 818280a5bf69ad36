import MusterAnalysis
import MusterCore

/// How a series of one host moved: from which level to which, and when.
struct SeriesMove: Hashable, Sendable {
    /// Its level before, and now.
    let before: Double
    let now: Double
    let began: Timestamp?

    /// Robust z-score from which a series counts as changed.
    static let scoreMin = 6.0
    /// Latest points that make up the level of now.
    private static let recent = 5
    /// Points of the new level that a series measured every second must have.
    private static let pointsMin = 3
    private static let seldom = Duration.seconds(5)

    /// Nil when it did not move, or when nothing of it was measured.
    ///
    /// The host itself scores the series against what came before the window. One that is too young for that is judged here: there
    /// must be a moment from which on all points lie beyond all that came before.
    init?(_ series: MetricSeries, isYoung: Bool) {
        guard let now = Self.level(series) else { return nil }
        if abs(series.score) >= Self.scoreMin {
            self.now = now
            before = series.baselineMedian
            began = series.onset
            return
        }
        guard isYoung, let index = Self.step(series) else { return nil }
        before = RobustStatistics.median(Array(series.values[..<index])) ?? 0
        began = series.at[index]
        self.now = RobustStatistics.median(Array(series.values[index...].suffix(Self.recent))) ?? now
    }

    /// A series that left its level with its last point alone; nil when it did not at least double.
    ///
    /// For what is measured seldom, and where each point is a level of its own and no spike.
    init?(endOf series: MetricSeries) {
        let earlier = Array(series.values.dropLast())
        guard let last = series.values.last, earlier.count >= 2, series.at.count == series.values.count,
            let usual = RobustStatistics.median(earlier), last > 2 * usual
        else { return nil }
        (before, now, began) = (usual, last, series.at[earlier.count - 1])
    }

    /// The mean of the latest points; nil when there are none.
    static func level(_ series: MetricSeries) -> Double? {
        let recent = series.values.suffix(recent)
        return recent.isEmpty ? nil : recent.reduce(0, +) / Double(recent.count)
    }

    /// First point of the new level; nil when there is none.
    private static func step(_ series: MetricSeries) -> Int? {
        let values = series.values
        guard values.count >= 2, values.count == series.at.count else { return nil }
        let isSeldom = series.at[1] - series.at[0] >= seldom
        let least = isSeldom ? 1 : pointsMin
        var best: (index: Int, gap: Double)?
        for index in values.indices.dropFirst(least) where values.count - index >= least {
            guard let low = values[..<index].min(), let high = values[..<index].max(),
                let least = values[index...].min(), let most = values[index...].max()
            else { continue }
            let gap = max(least - high, low - most)
            if gap >= scoreMin * NoiseFloor(of: series.name).at(level: high), gap > best?.gap ?? 0 {
                best = (index, gap)
            }
        }
        return best?.index
    }
}
