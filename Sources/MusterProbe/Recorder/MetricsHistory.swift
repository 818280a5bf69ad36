import MusterAnalysis
import MusterCore

/// What was measured on the host: every second for an hour, and means of ten seconds for a day.
struct MetricsHistory {
    private var seconds = MetricsTable(capacity: 3600)
    private var tens = MetricsTable(capacity: 8640)
    /// What has been seen of the ten seconds that are under way.
    private var sums: [MetricKey: (sum: Double, count: Int)] = [:]
    private var bucket: Int64?

    private static let bucketNanoseconds: Int64 = 10_000_000_000

    init() {}

    /// Values that found no room since the start.
    var valuesDropped: Int { seconds.valuesDropped + tens.valuesDropped }

    /// Takes in one sample.
    mutating func append(at time: Timestamp, _ values: [MetricKey: Double]) {
        seconds.append(at: time, values)
        let now = time.nanoseconds / Self.bucketNanoseconds
        if let bucket, bucket != now {
            let at = Timestamp(nanoseconds: bucket * Self.bucketNanoseconds)
            tens.append(at: at, sums.mapValues { $0.sum / Double($0.count) })
            sums.removeAll(keepingCapacity: true)
        }
        bucket = now
        for (key, value) in values where value.isFinite {
            let before = sums[key] ?? (0, 0)
            sums[key] = (before.sum + value, before.count + 1)
        }
    }

    /// The series of a prefix: the window's points and the ones before it that tell what was usual.
    ///
    /// The finer table, unless only the coarser one reaches back to the window's start.
    func series(prefix: String, window: TimeWindow) -> [RecordedSeries] {
        let length = max(.zero, window.to - window.from)
        let usual = min(max(length * 2, .seconds(600)), .seconds(6 * 3600))
        let isFine = seconds.oldest.map { $0 <= window.from } ?? true || tens.oldest == nil
        let table = isFine ? seconds : tens
        return table.points(prefix: prefix, from: window.from - usual, to: window.to).map { key, at, values in
            let start = at.firstIndex { $0 >= window.from } ?? at.endIndex
            return RecordedSeries(key: key, at: at, values: values, windowStart: start)
        }
    }
}

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

    /// The smallest move that means anything for a quantity: a part of its usual size, and a least amount.
    private var noise: Double {
        let usual = abs(
            RobustStatistics.median(Array(values[..<(windowStart > 0 ? windowStart : values.count)])) ?? 0
        )
        if key.name.hasSuffix("_ratio") { return 0.01 }
        if key.name.hasSuffix("_bytes_per_second") { return usual * 0.1 + 50_000 }
        if key.name.hasSuffix("_bytes") { return usual * 0.02 + 1_000_000 }
        return usual * 0.1 + 0.5
    }
}
