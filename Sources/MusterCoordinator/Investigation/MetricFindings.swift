import MusterCore

/// What the hosts' own measurements show.
enum MetricFindings {
    /// One finding for each resource that is short and was not before, over all hosts where it is so.
    ///
    /// At most 8, the most telling ones. `busy` are hosts whose CPU is taken by processes that ``ProcessFindings`` names: that
    /// it is taken is no cause of its own there. `requestsTimes` is how many times as many requests came as before, which write
    /// as many more log lines.
    static func findings(
        _ metrics: [HostMetrics],
        busy: Set<HostReference> = [],
        requestsTimes: Double = 1,
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var groups: [Key: [Seen]] = [:]
        for host in metrics {
            for series in host.series {
                guard let rule = Rule.all.first(where: { series.name.hasPrefix($0.prefix) }),
                    let seen = rule.seen(series, on: host, requestsTimes: requestsTimes)
                else { continue }
                groups[Key(name: series.name, subject: series.subject, rule: rule), default: []].append(seen)
            }
        }
        let found = groups.compactMap { key, seen -> Finding? in
            guard let worst = seen.max(by: { $0.shortage < $1.shortage }) else { return nil }
            let isOfHost = key.rule.cause == .cpu && key.subject.isEmpty
            let unexplained = isOfHost ? seen.filter { !busy.contains($0.host) } : seen
            let explained = unexplained.isEmpty
            let hosts = (explained ? seen : unexplained).map(\.host).sorted()
            return Finding(
                id: FindingID(at: now),
                kind: .resource,
                text: key.text(worst, HostReference.list(hosts)),
                hosts: hosts,
                service: key.service,
                subject: key.title,
                onset: seen.compactMap(\.began).min(),
                effect: min(1, worst.shortage),
                coverage: coverage,
                suggests: explained ? nil : key.rule.cause
            )
        }
        return Array(found.sorted { ($0.effect, $1.subject) > ($1.effect, $0.subject) }.prefix(8))
    }

    private struct Seen {
        let host: HostReference
        let now: Double
        let before: Double
        let began: Timestamp?
        /// 0 to 1.
        let shortage: Double
    }

    private struct Key: Hashable {
        let name: String
        let subject: String
        let rule: Rule

        var title: String { subject.isEmpty ? name : "\(name) of \(subject)" }

        /// Control groups bear the names of services.
        var service: String {
            guard name.hasPrefix("cgroup_"), subject.hasSuffix(".service") else { return "" }
            return String(subject.split(separator: "/").last?.dropLast(8) ?? "")
        }

        func text(_ seen: Seen, _ hosts: String) -> String {
            switch rule.cause {
            case .oomKill:
                "the kernel killed \(value(seen.now)) \(seen.now == 1 ? "process" : "processes") of \(subject) on "
                    + "\(hosts) for want of memory"
            case .fileDescriptors:
                "\(subject) has \(value(seen.now)) of the files open that it may open on \(hosts), before it was "
                    + value(seen.before)
            case .cpu where name == "cgroup_throttled_ratio":
                "\(subject) is held back by its CPU limit for \(value(min(1, seen.now))) of the time on \(hosts), before it was "
                    + value(seen.before)
            case .noisyNeighbour:
                "other machines on the same hardware take \(value(seen.now)) of the CPU of \(hosts), before it was "
                    + value(seen.before)
            case .logFlood:
                "\(value(seen.now)) lines a second are written to the logs on \(hosts), before it was "
                    + value(seen.before)
            case .disk where name.contains("inodes"):
                "\(value(seen.now)) of the inodes of \(subject) are used on \(hosts), before it was "
                    + value(seen.before)
            case .disk:
                "the disk of \(subject) is \(value(seen.now)) full on \(hosts), before it was \(value(seen.before))"
            default: "\(title) is \(value(seen.now)) on \(hosts), before it was \(value(seen.before))"
            }
        }

        private func value(_ number: Double) -> String {
            name.hasSuffix("_ratio") ? number.percentText : number.text(decimals: rule.counts ? 0 : 1)
        }
    }

    /// When a series speaks of a shortage: a rise alone, from idle to a little, is none.
    private struct Rule: Hashable {
        let prefix: String
        let cause: CauseKind
        /// Share in use at which the resource begins to be short, and at which it is gone.
        let from: Double
        let full: Double
        /// Whether its last value counts and not a mean: what is full is full.
        var isLevel = false
        /// Whether it counts events since the last look, of which one is enough.
        var counts = false

        static let all = [
            Rule(prefix: "cpu_busy_ratio", cause: .cpu, from: 0.85, full: 1),
            Rule(prefix: "cpu_pressure", cause: .cpu, from: 0.2, full: 0.6),
            Rule(prefix: "cpu_steal_ratio", cause: .noisyNeighbour, from: 0.1, full: 0.4),
            // Each point is a mean over the ten seconds before it.
            Rule(prefix: "cgroup_throttled_ratio", cause: .cpu, from: 0.2, full: 0.8, isLevel: true),
            Rule(prefix: "memory_used_ratio", cause: .memory, from: 0.9, full: 1),
            Rule(prefix: "swap_used_ratio", cause: .memory, from: 0.8, full: 1),
            Rule(prefix: "memory_pressure", cause: .memory, from: 0.1, full: 0.4),
            Rule(prefix: "disk_used_ratio", cause: .disk, from: 0.95, full: 1, isLevel: true),
            Rule(prefix: "filesystem_used_ratio", cause: .disk, from: 0.95, full: 1, isLevel: true),
            Rule(prefix: "filesystem_inodes_used_ratio", cause: .disk, from: 0.95, full: 1, isLevel: true),
            Rule(
                prefix: "process_open_files_ratio",
                cause: .fileDescriptors,
                from: 0.9,
                full: 1,
                isLevel: true
            ),
            Rule(prefix: "files_open_ratio", cause: .fileDescriptors, from: 0.9, full: 1, isLevel: true),
            Rule(prefix: "cgroup_oom_kills", cause: .oomKill, from: 1, full: 1, counts: true),
            Rule(prefix: "log_lines_per_second", cause: .logFlood, from: 300, full: 5_000),
            Rule(prefix: "io_pressure", cause: .io, from: 0.2, full: 0.6),
            Rule(prefix: "disk_busy_ratio", cause: .io, from: 0.9, full: 1),
        ]

        /// Nil when there is no shortage, or when it has long been so.
        func seen(_ series: MetricSeries, on host: HostMetrics, requestsTimes: Double) -> Seen? {
            if counts { return events(series, on: host.host) }
            if cause == .logFlood { return flood(series, on: host, requestsTimes: requestsTimes) }
            let move =
                SeriesMove(series, isYoung: host.isYoung) ?? (isLevel ? SeriesMove(endOf: series) : nil)
            guard let move, let level = isLevel ? series.values.last : move.now, level > move.before,
                level >= from
            else { return nil }
            let shortage = min(1, (level - from) / (full - from) + 0.3)
            return Seen(
                host: host.host,
                now: level,
                before: move.before,
                began: move.began,
                shortage: shortage
            )
        }

        /// Many times as many lines as before, and as the requests account for.
        private func flood(_ series: MetricSeries, on host: HostMetrics, requestsTimes: Double) -> Seen? {
            guard let move = SeriesMove(series, isYoung: host.isYoung), move.now >= from,
                move.now >= 4 * max(1, requestsTimes) * max(1, move.before)
            else { return nil }
            let shortage = 0.6 + 0.4 * min(1, (move.now - from) / (full - from))
            return Seen(
                host: host.host,
                now: move.now,
                before: move.before,
                began: move.began,
                shortage: shortage
            )
        }

        /// Events of the window.
        private func events(_ series: MetricSeries, on host: HostReference) -> Seen? {
            let total = series.values.reduce(0, +)
            guard total >= from else { return nil }
            let first = series.values.firstIndex { $0 > 0 }
            return Seen(
                host: host,
                now: total,
                before: 0,
                // The count was taken after the event.
                began: first.map { $0 > 0 ? series.at[$0 - 1] : series.at[$0] },
                shortage: 1
            )
        }
    }
}
