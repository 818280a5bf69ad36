import MusterCore
import MusterIncident

extension AnswerText {
    /// Counts per pattern, counts per bucket, then lines.
    static func print(_ logs: MergedLogs, lines: Int, order: LogOrder) {
        var table = Table(">COUNT", "HOSTS", "LEVEL", "FIRST", "LAST", "PATTERN")
        for entry in logs.templates.prefix(20) {
            table.add(
                "\(entry.template.count)",
                Words.hosts(entry.hosts.map(\.host), max: 3),
                entry.template.level?.rawValue ?? "-",
                entry.template.first.timeOfDay,
                entry.template.last.timeOfDay,
                entry.template.pattern
            )
        }
        table.print()
        if !table.isEmpty { Terminal.out() }
        if let summary = logs.summary, !summary.buckets.isEmpty { print(summary) }
        for line in logs.lines.chosen(order, max(0, lines)) {
            for before in line.row.before ?? [] {
                Terminal.out(Terminal.paint("  " + Terminal.clean(before), .dim))
            }
            let head = Terminal.paint("\(line.row.at.timeOfDay) \(Terminal.clean(line.host.name))", .dim)
            Terminal.out("\(head) \(Terminal.clean(line.row.text))")
            for after in line.row.after ?? [] {
                Terminal.out(Terminal.paint("  " + Terminal.clean(after), .dim))
            }
        }
        Terminal.out(total(logs))
        if let covered = logs.summary?.covered {
            Terminal.out(
                "looked at in full only from \(Words.time(covered.from)) to \(Words.time(covered.to))"
            )
        }
    }

    /// One bar for each bucket; of many buckets the last ones.
    private static func print(_ summary: LogSummary) {
        let shown = summary.buckets.suffix(60)
        let most = max(1, shown.map(\.count).max() ?? 1)
        var table = Table("BUCKET (UTC)", ">LINES", "")
        for bucket in shown {
            let length = max(1, Int((Double(bucket.count) / Double(most) * 40).rounded()))
            table.add(Words.time(bucket.from), "\(bucket.count)", String(repeating: "#", count: length))
        }
        table.print()
        Terminal.out(
            "buckets of \(summary.bucketSeconds) s, empty ones left out"
                + (shown.count < summary.buckets.count
                    ? "; \(summary.buckets.count - shown.count) older ones" : "")
        )
        Terminal.out()
    }

    /// `31 of 5412 lines match, 3 patterns, 02:14:07 to 02:19:40: error 30, warning 1`.
    private static func total(_ logs: MergedLogs) -> String {
        let patterns = Words.count(logs.templates.count, "pattern")
        var text = "\(logs.matched) of \(logs.scanned) lines match, \(patterns)"
        guard let summary = logs.summary, let first = summary.first, let last = summary.last else {
            return text
        }
        text += ", \(Words.time(first)) to \(Words.time(last))"
        let levels = (LogLevel.allCases.reversed().map(\.rawValue) + [""]).compactMap { level in
            summary.levels[level].map { "\(level.isEmpty ? "no level" : level) \($0)" }
        }
        return levels.isEmpty ? text : text + ": " + levels.joined(separator: ", ")
    }
}
