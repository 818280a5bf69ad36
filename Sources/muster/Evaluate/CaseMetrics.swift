import MusterCause

/// The metrics of a case, sorted by what they measure, each with its usual values and those since the alert.
struct CaseMetrics {
    struct Series {
        var usual: [Double] = []
        /// In order of time; `nan` where there is no sample.
        var now: [Double] = []
        /// Of all samples before, also those without a value, in the same order for all series.
        var usualAll: [Double] = []
    }

    enum Quantity: Hashable {
        case processor
        /// Seconds a request.
        case latency
        /// Percent of requests that succeed.
        case availability
        /// Requests in an interval.
        case requests
        /// Seconds that a call takes for who makes it, and for who answers it.
        case callerTime
        case calleeTime

        /// What a column of this metric and statistic measures; nil for what no finding is made of.
        ///
        /// Rates a second are brought to counts in an interval.
        init?(metric: Substring, statistic: Substring?) {
            switch (metric, statistic) {
            case ("cpu_pct", nil), ("cpu_m", nil): self = .processor
            case ("latency", "Average"): self = .latency
            case ("availability", "Average"), ("successrate", nil): self = .availability
            case ("requests", "Sum"), ("workload", nil): self = .requests
            case ("caller_p50", nil): self = .callerTime
            case ("callee_p50", nil): self = .calleeTime
            default: return nil
            }
        }
    }

    struct Key: Hashable {
        var entity: String
        var quantity: Quantity
    }

    /// Several columns of one quantity are kept apart: CPU is given twice, for example.
    private(set) var series: [Key: [Series]] = [:]
    private(set) var order: [Key] = []
    /// Seconds between samples.
    let interval: Double

    /// Samples since the alert that are looked at: later ones may show the repair.
    private static let nowMax = 3
    /// Nothing of the healthy time so near to the alert is used: its own file may reach into the trouble.
    private static let guardSeconds = 600.0

    init(
        _ table: CSVTable?,
        reference: CSVTable?,
        interval: Double,
        alertAt: Double,
        hiddenFrom: Double?
    ) throws(CLIError) {
        self.interval = interval
        guard let table, table.count > 0 else { return }
        let times = try Self.times(table)
        let pastTimes = try reference.map { table throws(CLIError) in try Self.times(table) } ?? []
        var before: [Int] = []
        var now: [Int] = []
        for (row, time) in times.enumerated() {
            if let hiddenFrom, time + interval > hiddenFrom { continue }
            if time + interval / 2 >= alertAt { now.append(row) } else { before.append(row) }
        }
        now = Array(now.prefix(Self.nowMax))
        let past = pastTimes.indices.filter { abs(pastTimes[$0] - alertAt) > Self.guardSeconds }
        var pastColumns: [String: Int] = [:]
        for (place, name) in (reference?.columns ?? []).enumerated() { pastColumns[name] = place }
        for (place, column) in table.columns.enumerated().dropFirst() {
            let parts = column.split(separator: "|", omittingEmptySubsequences: false)
            guard parts.count >= 2 else { continue }
            let statistic = parts.count > 2 ? parts[2] : nil
            guard let quantity = Quantity(metric: parts[1], statistic: statistic) else { continue }
            var one = Series()
            if let reference, let other = pastColumns[column] {
                one.usualAll = past.map { reference.number($0, other) ?? .nan }
            } else {
                one.usualAll = past.map { _ in .nan }
            }
            one.usualAll += before.map { table.number($0, place) ?? .nan }
            one.now = now.map { table.number($0, place) ?? .nan }
            if parts[1] == "workload" {
                one.usualAll = one.usualAll.map { $0 * interval }
                one.now = one.now.map { $0 * interval }
            }
            one.usual = one.usualAll.filter(\.isFinite)
            let key = Key(entity: String(parts[0]), quantity: quantity)
            if series[key] == nil { order.append(key) }
            series[key, default: []].append(one)
        }
    }

    func first(_ quantity: Quantity, of entity: String) -> Series? {
        series[Key(entity: entity, quantity: quantity)]?.first
    }

    private static func times(_ table: CSVTable) throws(CLIError) -> [Double] {
        let column = try table.column("time")
        var times: [Double] = []
        for row in 0..<table.count {
            guard let time = table.number(row, column) else {
                throw CLIError(.failed, "\(table.path): row \(row + 2) has no time")
            }
            times.append(time)
        }
        return times
    }

    /// Seconds from one sample of a table to the next.
    static func interval(_ table: CSVTable) throws(CLIError) -> Double {
        let times = try times(table)
        let steps = zip(times, times.dropFirst()).map { $1 - $0 }.filter { $0 > 0 }.sorted()
        return steps.isEmpty ? 60 : steps[steps.count / 2]
    }
}
