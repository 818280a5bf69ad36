import Glibc
import MusterCore

/// A total over all hosts, estimated from a random sample of them that answered.
///
/// Simple random sampling without replacement: the total is the mean times all hosts, its variance
/// N² (1 - n/N) s² / n (Cochran, "Sampling Techniques", 3rd edition, 2.13 and 2.6), and the interval that of Student's t.
package struct Extrapolation: Hashable, Sendable, Codable {
    /// What was counted, for people: `lines matched`.
    package var what: String
    package var estimate: Double
    /// Where the true total lies with 95% confidence; never below what was counted.
    package var low: Double
    package var high: Double
    /// Hosts that the estimate rests on.
    package var hosts: Int
    /// All hosts that the question was about.
    package var population: Int

    /// Fewer say nothing about the rest.
    private static let hostsMin = 5

    /// Nil when too few hosts were counted, or all.
    init?(_ what: String, counts: [Double], population: Int) {
        let count = Double(counts.count)
        guard counts.count >= Self.hostsMin, counts.count < population else { return nil }
        let sum = counts.reduce(0, +)
        let mean = sum / count
        let variance = counts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        let all = Double(population)
        let spread = Self.quantile(degrees: count - 1) * all * sqrt((1 - count / all) * variance / count)
        self.what = what
        self.estimate = mean * all
        self.low = max(sum, estimate - spread)
        self.high = estimate + spread
        self.hosts = counts.count
        self.population = population
    }

    /// Student's t below which 97.5% lie; within 0.3% from four degrees of freedom on (Abramowitz and Stegun, 26.7.5).
    private static func quantile(degrees: Double) -> Double {
        let z = 1.959964
        let cube = z * z * z
        let fifth = cube * z * z
        let seventh = fifth * z * z
        return z + (cube + z) / (4 * degrees)
            + (5 * fifth + 16 * cube + 3 * z) / (96 * degrees * degrees)
            + (3 * seventh + 19 * fifth + 17 * cube - 15 * z) / (384 * degrees * degrees * degrees)
    }
}

extension FleetAnswer {
    /// Says that only a sample of so many hosts was asked, and what its counts make likely for all of them.
    package mutating func extrapolate(_ reply: FleetReply, to population: Int) {
        self.population = population
        func counts(_ count: (Answer) -> Int?) -> [Double] {
            reply.replies.compactMap { reply in
                // A part would be counted as the whole.
                guard reply.outcome.kind == .ok else { return nil }
                return reply.answer.flatMap(count).map(Double.init)
            }
        }
        let totals: [(String, [Double])] =
            switch probe {
            case .logs:
                [("lines matched", counts { if case .logs(let logs) = $0 { logs.matched } else { nil } })]
            case .requests:
                [
                    (
                        "requests",
                        counts { answer in
                            guard case .requests(let requests) = answer else { return nil }
                            return requests.endpoints.reduce(0) { $0.saturatingAdd($1.count) }
                        }
                    ),
                    (
                        "requests failed",
                        counts { answer in
                            guard case .requests(let requests) = answer else { return nil }
                            return requests.endpoints.reduce(0) { $0.saturatingAdd($1.errors) }
                        }
                    ),
                ]
            default: []
            }
        extrapolated = totals.compactMap { Extrapolation($0.0, counts: $0.1, population: population) }
    }
}
