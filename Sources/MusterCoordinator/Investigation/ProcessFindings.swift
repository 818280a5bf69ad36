import MusterCore

/// Which processes take what others need.
enum ProcessFindings {
    /// Rise from which a process counts as taking a CPU, in CPUs.
    private static let riseMin = 0.4
    /// Share of time in which something waits for a CPU, from which they are short; and of CPU time in use.
    private static let pressureFrom = 0.15
    private static let busyFrom = 0.85

    /// A process that suddenly takes a CPU on a host where CPUs are short.
    struct Hog: Hashable, Sendable {
        let host: HostReference
        let name: String
        let now: Double
        let before: Double
        let began: Timestamp?
    }

    /// A closer look at the hosts on which CPUs are short: who takes them, and who serves there.
    static func questions(_ metrics: [HostMetrics]) -> [Interview.Item] {
        let hosts = metrics.filter { isShort($0.series) }.prefix(hostsMax).map(\.host.id)
        return [
            Interview.Item("listeners", .sockets(port: 0), of: hosts, counts: false),
            // Those that use most come first.
            Interview.Item("busiest", .processes(text: ""), of: hosts, counts: false, rowsMax: 32),
        ]
    }

    private static let hostsMax = 50

    /// The processes that lately took more CPU, on hosts where that is short.
    ///
    /// `rows` are those hosts' answers about the processes that use most now: what they record is up to twenty seconds old.
    static func hogs(
        _ metrics: [HostMetrics],
        rows: [(host: HostReference, answer: Answer)] = [],
        onset: Timestamp
    ) -> [Hog] {
        let now = Dictionary(rows.map { ($0.host, $0.answer) }, uniquingKeysWith: { first, _ in first })
        return metrics.flatMap { host -> [Hog] in
            guard isShort(host.series) else { return [] }
            let all = host.series.filter { $0.name == "process_cpu_ratio" }
            var found: [String: Hog] = [:]
            for hog in recorded(all, on: host) { found[hog.name] = hog }
            if case .processes(let answer)? = now[host.host] {
                for hog in running(answer, all, on: host.host, onset: onset) where found[hog.name] == nil {
                    found[hog.name] = hog
                }
            }
            return found.values.sorted { ($0.now, $1.name) > ($1.now, $0.name) }
        }
    }

    /// What the host's own record of its largest processes shows.
    private static func recorded(_ all: [MetricSeries], on host: HostMetrics) -> [Hog] {
        let first = all.compactMap(\.at.first).min()
        return all.compactMap { series in
            // The last look counts: a mean over the minute would hide what began just now.
            guard let level = series.values.last, let began = series.at.first else { return nil }
            if let move = SeriesMove(series, isYoung: host.isYoung) {
                guard level - move.before >= riseMin else { return nil }
                return Hog(
                    host: host.host,
                    name: series.subject,
                    now: level,
                    before: move.before,
                    began: move.began
                )
            }
            // Hosts record the largest only: one that came later was none of them.
            guard let first, began >= first + newAfter, level >= riseMin else { return nil }
            return Hog(host: host.host, name: series.subject, now: level, before: 0, began: began - lookEvery)
        }
    }

    /// What runs now: a name that was recorded as using less, or programs that were started about the onset.
    private static func running(
        _ answer: ProcessesAnswer,
        _ all: [MetricSeries],
        on host: HostReference,
        onset: Timestamp
    ) -> [Hog] {
        Dictionary(grouping: answer.processes, by: \.name).compactMap { name, rows in
            let level = rows.reduce(0) { $0 + $1.cpuRatio }
            let began = rows.map(\.started).min()
            var before: Double?
            if let series = all.first(where: { $0.subject == name }), let least = series.values.min() {
                before = least
            } else if let began, began >= onset - startedBefore {
                before = 0
            }
            guard let before, level - before >= riseMin else { return nil }
            return Hog(host: host, name: name, now: level, before: before, began: before == 0 ? began : nil)
        }
    }

    /// A cause is there before its effect, but not for long.
    private static let startedBefore = Duration.seconds(120)
    /// Processes are looked at so often.
    private static let lookEvery = Duration.seconds(10)
    /// A series that begins so much later than the others is of a process that was not among the largest before.
    private static let newAfter = Duration.seconds(8)

    private static func isShort(_ series: [MetricSeries]) -> Bool {
        series.contains { series in
            guard series.subject.isEmpty, let level = SeriesMove.level(series) else { return false }
            return series.name == "cpu_pressure_some_ratio" && level >= pressureFrom
                || series.name == "cpu_busy_ratio" && level >= busyFrom
        }
    }

    /// One finding for each name of a process that takes the CPU.
    ///
    /// `sockets` are what those hosts said of their sockets. A process that serves nobody takes it from those that do; one
    /// that serves takes it for itself.
    static func findings(
        _ hogs: [Hog],
        sockets: [(host: HostReference, answer: Answer)],
        coverage: Coverage,
        at now: Timestamp
    ) -> [Finding] {
        var serving: [HostReference: Set<String>] = [:]
        for (host, answer) in sockets {
            guard case .sockets(let answer) = answer else { continue }
            serving[host] = Set(answer.listening.map(\.process))
        }
        let groups = Dictionary(grouping: hogs) { hog in
            Key(name: hog.name, serves: serving[hog.host].map { $0.contains(hog.name) })
        }
        return groups.compactMap { key, seen -> Finding? in
            guard let worst = seen.max(by: { $0.now < $1.now }) else { return nil }
            let hosts = seen.map(\.host).sorted()
            return Finding(
                id: FindingID(at: now),
                kind: .resource,
                text: "\(key.name), \(key.remark), takes \(worst.now.text(decimals: 1)) CPUs on "
                    + "\(HostReference.list(hosts)), before it was \(worst.before.text(decimals: 1)); CPUs are short there",
                hosts: hosts,
                service: "",
                subject: "process \(key.name)",
                onset: seen.compactMap(\.began).min(),
                effect: min(1, 0.6 + 0.4 * (worst.now - worst.before)),
                coverage: coverage,
                suggests: key.serves == false ? .noisyNeighbour : .cpu
            )
        }.sorted { ($0.effect, $1.subject) > ($1.effect, $0.subject) }.prefix(4).map(\.self)
    }

    private struct Key: Hashable {
        let name: String
        /// Nil when the host did not say.
        let serves: Bool?

        var remark: String {
            switch serves {
            case true?: "which serves requests"
            case false?: "which serves nobody"
            case nil: "of which it is not known whom it serves"
            }
        }
    }
}
