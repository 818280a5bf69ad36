/// Which steps requests take on their way through a service, and which they took before.
///
/// A fault that makes a service answer wrongly seldom makes it slow. It changes the way that requests take: a line that
/// was always logged is missing, a call is no longer made, an error is logged instead. The same way of comparing is
/// published as event patterns of a trace (Nezha, ESEC/FSE 2023); here each step is compared alone, which needs fewer
/// requests. A visit is all that one request did in one service, entered by one operation.
package struct PathProfile: Sendable {
    package enum Step: Hashable, Sendable {
        case operation(Int)
        case call(service: Int)
        case log(template: Int, level: Level)
    }

    package enum Level: Int, Hashable, Comparable, Sendable {
        case normal
        case warning
        case error

        package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    /// When a visit was.
    package enum Era: Int, CaseIterable, Sendable {
        /// In a time that is known to be healthy.
        case history
        /// Shortly before the alert, which the trouble may have reached already.
        case before
        case now
    }

    /// A service and the operation that it was entered by.
    package struct Entry: Hashable, Sendable {
        package var service: Int
        package var operation: Int

        package init(service: Int, operation: Int) {
            self.service = service
            self.operation = operation
        }
    }

    /// The step that tells most about a service.
    package struct Difference: Hashable, Sendable {
        package var entry: Entry
        package var step: Step
        /// Visits with the step among all of the entry.
        package var usual: (of: Int, in: Int)
        package var now: (of: Int, in: Int)
        /// 0 to 1: by how much the share of visits with the step changed, less where that may be chance.
        package var effect: Double

        package static func == (a: Difference, b: Difference) -> Bool {
            a.entry == b.entry && a.step == b.step && a.usual == b.usual && a.now == b.now
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(entry)
            hasher.combine(step)
        }
    }

    private struct Counts {
        var visits = [Int](repeating: 0, count: Era.allCases.count)
        var steps: [Step: [Int]] = [:]
        /// In the order in which they were seen, so that nothing depends on hashes.
        var order: [Step] = []

        mutating func add(_ step: Step, in era: Era) {
            if steps[step] == nil { order.append(step) }
            steps[step, default: [Int](repeating: 0, count: Era.allCases.count)][era.rawValue] += 1
        }
    }

    /// How often a step, and any visit of its service, went along with an error.
    private struct Company {
        var visits = 0
        var errors = 0
    }

    private var entries: [Entry: Counts] = [:]
    private var order: [Entry] = []
    private var company: [StepOfService: Company] = [:]
    private var services: [Int: Company] = [:]

    private struct StepOfService: Hashable {
        var service: Int
        var step: Step
    }

    /// Visits of an entry below which nothing can be said: usual ones, and ones now.
    private static let usualMin = 4
    private static let historyMin = 5
    private static let nowMin = 4
    /// G statistic at which a change begins to count and at which it counts whole.
    private static let scoreFrom = 4.0
    private static let scoreFull = 25.0

    package init() {}

    /// Adds one visit; repeated steps count once.
    package mutating func add(_ entry: Entry, steps: some Sequence<Step>, in era: Era) {
        if entries[entry] == nil { order.append(entry) }
        var counts = entries[entry] ?? Counts()
        counts.visits[era.rawValue] += 1
        var distinct: [Step] = []
        var seen: Set<Step> = []
        var hasError = false
        for step in steps where seen.insert(step).inserted {
            distinct.append(step)
            if case .log(_, .error) = step { hasError = true }
        }
        services[entry.service, default: Company()].visits += 1
        if hasError { services[entry.service, default: Company()].errors += 1 }
        for step in distinct {
            counts.add(step, in: era)
            guard case .operation = step else { continue }
            let key = StepOfService(service: entry.service, step: step)
            company[key, default: Company()].visits += 1
            if hasError { company[key, default: Company()].errors += 1 }
        }
        entries[entry] = counts
    }

    /// The most telling difference of each service for the worse.
    ///
    /// Worse is: a usual step is missing, or an error is more frequent. Fewer errors and new steps are not: where users
    /// do what they did not do before, requests take ways that are new and well.
    package func differences() -> [Difference] {
        var best: [Int: Difference] = [:]
        var found: [Int] = []
        for entry in order {
            guard let counts = entries[entry] else { continue }
            let visits = counts.visits
            guard visits[Era.now.rawValue] >= Self.nowMin,
                visits[Era.history.rawValue] + visits[Era.before.rawValue] >= Self.usualMin
            else { continue }
            for step in counts.order {
                guard let difference = difference(entry, step, counts) else { continue }
                guard difference.effect > best[entry.service]?.effect ?? 0 else { continue }
                if best[entry.service] == nil { found.append(entry.service) }
                best[entry.service] = difference
            }
        }
        return found.compactMap { best[$0] }
    }

    private func difference(_ entry: Entry, _ step: Step, _ counts: Counts) -> Difference? {
        guard let seen = counts.steps[step] else { return nil }
        let history = (of: seen[Era.history.rawValue], in: counts.visits[Era.history.rawValue])
        let both = (
            of: history.of + seen[Era.before.rawValue], in: history.in + counts.visits[Era.before.rawValue]
        )
        let now = (of: seen[Era.now.rawValue], in: counts.visits[Era.now.rawValue])
        let isWorse = isError(step, of: entry.service)
        // History alone where there is enough of it: the last minute before an alert is often sick already.
        let usual = history.in >= Self.historyMin ? history : both
        let more = Double(now.of) * Double(usual.in) > Double(usual.of) * Double(now.in)
        if more {
            guard isWorse else { return nil }
        } else if isWorse {
            return nil
        }
        let shift = ShareShift(usual: usual, now: now)
        let effect =
            abs(shift.now - shift.usual)
            * EffectScale.effect(shift.score, from: Self.scoreFrom, full: Self.scoreFull)
        guard effect > 0 else { return nil }
        return Difference(entry: entry, step: step, usual: usual, now: now, effect: effect)
    }

    /// A step that goes wrong by itself, or only ever along with an error, as a handler of errors does.
    private func isError(_ step: Step, of service: Int) -> Bool {
        switch step {
        case .log(_, let level): return level >= .warning
        case .call: return false
        case .operation:
            let all = services[service] ?? Company()
            guard let with = company[StepOfService(service: service, step: step)], with.visits > 0,
                Double(with.errors) >= 0.8 * Double(with.visits)
            else { return false }
            let others = all.visits - with.visits
            return Double(all.errors - with.errors) < 0.3 * Double(max(1, others))
        }
    }
}
