import MusterCore

/// What a count on some hosts comes to over all of them.
package enum FleetEstimate {
    /// The total over `asked` hosts, of which those of `counts` answered, at 95%.
    ///
    /// The hosts that answered stand for the others as a sample without replacement does: the interval widens with the
    /// missing share and with how different the hosts are. `variance` is that of the sum of `counts`, by sampling of
    /// lines. Nothing that was counted for certain is taken back: `low` is never below it. A single answer says
    /// nothing of how hosts differ; they are then taken to differ by as much as they count.
    package static func total(_ counts: [Int], variance: Double = 0, asked: Int) -> EstimatedValue {
        let answered = Double(counts.count)
        let sum = counts.reduce(0.0) { $0 + Double($1) }
        let own = z * max(0, variance).squareRoot()
        guard counts.count < asked, !counts.isEmpty else {
            return EstimatedValue(value: sum, low: max(0, sum - own), high: sum + own)
        }
        let all = Double(asked)
        let mean = sum / answered
        let spread =
            counts.count == 1
            ? mean * mean
            : counts.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / (answered - 1)
        let scale = all / answered
        let total = scale * scale * max(0, variance) + all * (all - answered) * spread / answered
        let width = quantile(freedom: max(1, answered - 1)) * total.squareRoot()
        return EstimatedValue(
            value: sum * scale,
            low: max(sum - own, sum * scale - width, 0),
            high: sum * scale + width
        )
    }

    /// How many different users there are over all hosts, from those of the hosts that answered, at 95%.
    ///
    /// Users of the hosts that are missing may all be others, or all the same: the bounds say both. `covered` is the
    /// share of the requests whose users were counted.
    package static func users(_ seen: Double, covered: Double, answered: Int, asked: Int) -> EstimatedValue {
        let error = z * DistinctSketch.relativeError
        let missing = Double(max(asked, answered, 1)) / Double(max(1, answered)) / min(1, max(covered, 0.001))
        return EstimatedValue(
            value: seen,
            low: max(0, seen * (1 - error)),
            high: seen * (1 + error) * missing
        )
    }

    private static let z = 1.96

    /// Student's quantile at 97.5%, by the series of Abramowitz and Stegun, 26.7.5; for one degree of freedom it is
    /// too small, 7.2 instead of 12.7.
    private static func quantile(freedom: Double) -> Double {
        let cube = z * z * z
        return z + (cube + z) / (4 * freedom) + (5 * cube * z * z + 16 * cube + 3 * z)
            / (96 * freedom * freedom)
    }
}
