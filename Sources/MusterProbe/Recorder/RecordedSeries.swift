import MusterAnalysis
import MusterCore

/// One recorded series around a window.
struct RecordedSeries {
    var key: MetricKey
    /// As many as `values`.
    var at: [Timestamp]
    var values: [Double]
    /// Index of the first point of the window.
    var windowStart: Int

    /// Scores the window against what was before, and keeps at most `pointsMax` points of it.
    func scored(pointsMax: Int) -> MetricSeries {
        let onset = Onset(values: values, windowStart: windowStart, noise: noise)
        var series = MetricSeries(name: key.name, subject: key.subject)
        series.baselineMedian = onset.baselineMedian
        series.baselineMAD = onset.baselineMAD
        series.score = onset.score
        series.onset = onset.index.map { at[$0] }
        let count = values.count - windowStart
        // Neighbours are averaged; each mean stands at its last point, so that the end of the window stays its end.
        let step = (count + max(1, pointsMax) - 1) / max(1, pointsMax)
        var end = values.count
        while end > windowStart {
            let begin = max(windowStart, end - step)
            series.at.append(at[end - 1])
            series.values.append(values[begin..<end].reduce(0, +) / Double(end - begin))
            end = begin
        }
        series.at.reverse()
        series.values.reverse()
        return series
    }

    /// The smallest move that means anything.
    private var noise: Double {
        let quiet = windowStart > 0 ? windowStart : values.count
        return NoiseFloor(of: key.name).at(level: RobustStatistics.median(Array(values[..<quiet])) ?? 0)
    }
}
