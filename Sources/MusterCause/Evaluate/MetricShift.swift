import MusterCore

/// A series that left the level it had at first and stayed away until the alert.
struct MetricShift {
    var at: Timestamp
    var before: Double
    var after: Double
    /// A setting rather than a measurement: it never moved but once.
    var isStep: Bool
    /// It was on its way all the time, as the seconds until a certificate expires are; that is no onset.
    var isDrift: Bool

    private static let samplesMin = 6

    /// Nil when it did not, or when there are too few samples to tell.
    init?(_ samples: [(at: Timestamp, value: Double)], until alert: Timestamp) {
        let seen = samples.prefix { $0.at <= alert + .seconds(60) }
        guard seen.count >= Self.samplesMin else { return nil }
        let values = seen.map(\.value)
        let base = Array(values.prefix(max(4, values.count / 3)))
        let level = Self.median(base)
        let deviation = 1.4826 * Self.median(base.map { abs($0 - level) })
        let range = (base.max() ?? level) - (base.min() ?? level)
        let band = max(4 * max(deviation, range / 4), 0.1 * abs(level), 1e-9)
        var start: Int?
        var inside = 0
        for (index, sample) in seen.enumerated().reversed() {
            if abs(sample.value - level) > band {
                start = index
                inside = 0
            } else {
                inside += 1
                if inside >= 2 { break }
            }
        }
        let last = Self.median(Array(values.suffix(3)))
        guard let start, abs(last - level) > band else { return nil }
        at = seen[seen.startIndex + start].at
        before = level
        after = last
        isStep = Set(base).count == 1 && Set(values[start...]).count == 1
        let quarter = max(1, base.count / 4)
        let slope =
            (Self.median(Array(base.suffix(quarter))) - Self.median(Array(base.prefix(quarter))))
            / max(1, 0.75 * Double(base.count))
        let total = last - Self.median(Array(base.prefix(3)))
        isDrift = total != 0 && slope * Double(values.count) / total > 0.6
    }

    /// Zero of nothing.
    private static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
