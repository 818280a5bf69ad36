import MusterCore

/// Log lines and templates of many hosts.
package struct MergedLogs: Sendable, Codable {
    /// Lines of all hosts as the question's order chooses them, oldest first.
    package var lines: [HostRow<LogLine>] = []
    /// Most frequent first.
    package var templates: [MergedTemplate] = []
    package var matched = 0
    package var scanned = 0
    package var summary: LogSummary?
    /// Templates and lines that were left out because of the bound.
    package var dropped = 0

    init(_ replies: [HostReply], order: LogOrder = .newest, rowsMax: Int) {
        var summary = LogSummary()
        var templates: [TemplateKey: MergedTemplate] = [:]
        var lines: [HostRow<LogLine>] = []
        for reply in replies {
            guard case .logs(let answer)? = reply.answer else { continue }
            matched = matched.saturatingAdd(answer.matched)
            scanned = scanned.saturatingAdd(answer.scanned)
            summary.merge(answer.summary)
            lines += answer.lines.map { HostRow(host: reply.host, row: $0) }
            for template in answer.templates {
                let key = TemplateKey(
                    pattern: template.pattern,
                    level: template.level,
                    service: template.service
                )
                templates[key, default: MergedTemplate(template)].add(template, from: reply.host)
            }
        }
        lines.sort { ($0.row.at, $0.host, $0.row.offset) < ($1.row.at, $1.host, $1.row.offset) }
        let ranked = templates.values.sorted {
            ($1.template.count, $0.template.pattern) < ($0.template.count, $1.template.pattern)
        }
        self.lines = lines.chosen(order, rowsMax)
        self.summary = summary
        self.templates = Array(ranked.prefix(rowsMax))
        self.dropped = lines.count - self.lines.count + ranked.count - self.templates.count
    }

    private struct TemplateKey: Hashable {
        let pattern: String
        let level: LogLevel?
        let service: String
    }
}

/// One template over all hosts that have it.
package struct MergedTemplate: Sendable, Codable {
    /// Counts of all hosts; the exemplar is the latest host's.
    package var template: LogTemplateCount
    /// Lines per host, by host name.
    package var hosts: [HostCount]

    init(_ template: LogTemplateCount) {
        self.template = template
        self.template.count = 0
        self.hosts = []
    }

    mutating func add(_ more: LogTemplateCount, from host: HostReference) {
        template.count = template.count.saturatingAdd(more.count)
        template.first = min(template.first, more.first)
        if more.last > template.last {
            template.last = more.last
            template.exemplar = more.exemplar
        }
        hosts.append(HostCount(host: host, count: more.count))
    }
}

/// How many of something a host has.
package struct HostCount: Hashable, Sendable, Codable {
    package var host: HostReference
    package var count: Int

    package init(host: HostReference, count: Int) {
        self.host = host
        self.count = count
    }
}
