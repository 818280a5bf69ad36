/// How often requests took each step, where no single request can be followed: counts by minute.
///
/// A service that stops half-way is told from one that merely gets fewer requests by setting its steps against its own
/// entries.
package struct CallCounts: Sendable {
    package struct Step: Hashable, Sendable {
        package var service: Int
        package var operation: Int
    }

    package struct Difference: Hashable, Sendable {
        package var step: Step
        package var expected: Double
        package var seen: Int
        package var effect: Double
    }

    private struct Counts {
        var usual = 0
        var now = 0
    }

    private var entries: [Int: Counts] = [:]
    private var steps: [Step: Counts] = [:]
    private var order: [Step] = []

    /// Entries below which nothing can be said, usual ones and ones now, and steps that must have been expected.
    private static let usualMin = 5
    private static let nowMin = 3
    private static let expectedMin = 4.0
    /// Standard deviations of a Poisson count at which a loss begins to count and at which it counts whole.
    private static let scoreFrom = 2.0
    private static let scoreFull = 5.0

    package init() {}

    package mutating func add(entriesOf service: Int, _ count: Int, isNow: Bool) {
        if isNow {
            entries[service, default: Counts()].now += count
        } else {
            entries[service, default: Counts()].usual += count
        }
    }

    package mutating func add(_ count: Int, operation: Int, of service: Int, isNow: Bool) {
        let step = Step(service: service, operation: operation)
        if steps[step] == nil { order.append(step) }
        if isNow {
            steps[step, default: Counts()].now += count
        } else {
            steps[step, default: Counts()].usual += count
        }
    }

    /// The step that each service lost most of.
    package func differences() -> [Difference] {
        var best: [Int: Difference] = [:]
        var found: [Int] = []
        for step in order {
            guard let counts = steps[step], let all = entries[step.service], all.usual >= Self.usualMin,
                all.now >= Self.nowMin
            else { continue }
            let expected = Double(counts.usual) / Double(all.usual) * Double(all.now)
            guard expected >= Self.expectedMin, Double(counts.now) < expected else { continue }
            let score = (expected - Double(counts.now)) / expected.squareRoot()
            let lost = max(0, 1 - Double(counts.now + 1) / expected)
            let effect = lost * EffectScale.effect(score, from: Self.scoreFrom, full: Self.scoreFull)
            guard effect > best[step.service]?.effect ?? 0 else { continue }
            if best[step.service] == nil { found.append(step.service) }
            best[step.service] = Difference(step: step, expected: expected, seen: counts.now, effect: effect)
        }
        return found.compactMap { best[$0] }
    }
}
