import MusterAnalysis
import MusterCore

/// What the hosts' own measurements show.
enum MetricFindings {
    /// Robust z-score from which a series counts as changed.
    static let scoreMin = 6.0

    /// One finding for each resource that is short and was not before, over all hosts where it is so.
    ///
    /// At most 8, the most telling ones.
    static func findings(
        _ answers: [(host: HostReference, answer: Answer)],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var groups: [Key: [(host: HostReference, series: MetricSeries, shortage: Double)]] = [:]
        for (host, answer) in answers {
            guard case .metrics(let metrics) = answer else { continue }
            for series in metrics.series where abs(series.score) >= scoreMin {
                guard let rule = Rule.all.first(where: { series.name.hasPrefix($0.prefix) }),
                    let shortage = rule.shortage(series), shortage > 0
                else { continue }
                let key = Key(name: series.name, subject: series.subject, cause: rule.cause)
                groups[key, default: []].append((host, series, shortage))
            }
        }
        let found = groups.compactMap { key, seen -> Finding? in
            guard let worst = seen.max(by: { $0.shortage < $1.shortage }), let last = worst.series.values.last
            else { return nil }
            let hosts = seen.map(\.host).sorted()
            let subject = key.subject.isEmpty ? key.name : "\(key.name) of \(key.subject)"
            return Finding(
                id: FindingID(at: now),
                kind: .resource,
                text: "\(subject) is \(value(last, key.name)) on \(HostReference.list(hosts)), "
                    + "before it was \(value(worst.series.baselineMedian, key.name))",
                hosts: hosts,
                service: "",
                subject: subject,
                onset: seen.compactMap(\.series.onset).min(),
                effect: min(1, worst.shortage),
                coverage: coverage,
                suggests: key.cause
            )
        }
        return Array(found.sorted { ($0.effect, $1.subject) > ($1.effect, $0.subject) }.prefix(8))
    }

    private struct Key: Hashable {
        let name: String
        let subject: String
        let cause: CauseKind
    }

    private static func value(_ number: Double, _ name: String) -> String {
        name.hasSuffix("_ratio") ? number.percentText : number.text(decimals: 1)
    }

    /// When a series speaks of a shortage: a rise alone, from idle to a little, is none.
    private struct Rule {
        let prefix: String
        let cause: CauseKind
        /// Share in use at which the resource begins to be short, and at which it is gone.
        let from: Double
        let full: Double

        static let all = [
            Rule(prefix: "cpu_busy_ratio", cause: .cpu, from: 0.85, full: 1),
            Rule(prefix: "cpu_pressure", cause: .cpu, from: 0.2, full: 0.6),
            Rule(prefix: "memory_used_ratio", cause: .memory, from: 0.9, full: 1),
            Rule(prefix: "memory_pressure", cause: .memory, from: 0.1, full: 0.4),
            Rule(prefix: "disk_used_ratio", cause: .disk, from: 0.95, full: 1),
            Rule(prefix: "filesystem_used_ratio", cause: .disk, from: 0.95, full: 1),
            Rule(prefix: "io_pressure", cause: .io, from: 0.2, full: 0.6),
            Rule(prefix: "disk_busy_ratio", cause: .io, from: 0.9, full: 1),
        ]

        /// 0 to 1; nil for a series without points.
        func shortage(_ series: MetricSeries) -> Double? {
            let recent = series.values.suffix(5)
            guard !recent.isEmpty else { return nil }
            let mean = recent.reduce(0, +) / Double(recent.count)
            return min(1, max(0, (mean - from) / (full - from) + (mean >= from ? 0.3 : 0)))
        }
    }
}
