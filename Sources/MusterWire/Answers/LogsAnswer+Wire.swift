import MusterCore

extension WireLogsAnswer {
    init(_ answer: LogsAnswer) {
        self.init()
        lines = answer.lines.map { WireLogLine($0) }
        templates = answer.templates.map { WireLogTemplate($0) }
        matched = Fields.count(answer.matched)
        scanned = Fields.count(answer.scanned)
        if answer.summary != LogSummary() { summary = WireLogSummary(answer.summary) }
    }
}

extension WireLogSummary {
    init(_ summary: LogSummary) {
        self.init()
        firstAtNs = summary.first?.nanoseconds ?? 0
        lastAtNs = summary.last?.nanoseconds ?? 0
        levels = summary.levels.mapValues { Fields.count($0) }
        buckets = summary.buckets.map { bucket in
            .with {
                $0.fromNs = bucket.from.nanoseconds
                $0.count = Fields.count(bucket.count)
            }
        }
        bucketSeconds = Fields.small(summary.bucketSeconds)
        unclassified = Fields.count(summary.unclassified)
        if let covered = summary.covered { self.covered = WireTimeWindow(covered) }
    }
}

extension WireLogLine {
    init(_ line: LogLine) {
        self.init()
        atNs = line.at.nanoseconds
        file = line.file
        offset = Fields.count(line.offset)
        level = line.level?.rawValue ?? ""
        text = line.text
        service = line.service
        before = line.before ?? []
        after = line.after ?? []
    }
}

extension WireLogTemplate {
    init(_ template: LogTemplateCount) {
        self.init()
        pattern = template.pattern
        level = template.level?.rawValue ?? ""
        service = template.service
        count = Fields.count(template.count)
        firstAtNs = template.first.nanoseconds
        lastAtNs = template.last.nanoseconds
        exemplar = template.exemplar
    }
}

extension LogsAnswer {
    init(_ wire: WireLogsAnswer) {
        self.init()
        lines = wire.lines.map { LogLine($0) }
        templates = wire.templates.map { LogTemplateCount($0) }
        matched = Fields.count(wire.matched)
        scanned = Fields.count(wire.scanned)
        if wire.hasSummary { summary = LogSummary(wire.summary) }
    }
}

extension LogSummary {
    init(_ wire: WireLogSummary) {
        self.init()
        if wire.firstAtNs != 0 || wire.lastAtNs != 0 {
            first = Fields.time(wire.firstAtNs)
            last = Fields.time(wire.lastAtNs)
        }
        levels = wire.levels.mapValues { Fields.count($0) }
        buckets = wire.buckets.map { LogBucket(from: Fields.time($0.fromNs), count: Fields.count($0.count)) }
        bucketSeconds = Int(wire.bucketSeconds)
        unclassified = Fields.count(wire.unclassified)
        if wire.hasCovered { covered = TimeWindow(wire.covered) }
    }
}

extension LogLine {
    init(_ wire: WireLogLine) {
        self.init(
            at: Fields.time(wire.atNs),
            file: wire.file,
            offset: Fields.count(wire.offset),
            level: LogLevel(rawValue: wire.level),
            text: wire.text,
            service: wire.service
        )
        if !wire.before.isEmpty { before = wire.before }
        if !wire.after.isEmpty { after = wire.after }
    }
}

extension LogTemplateCount {
    init(_ wire: WireLogTemplate) {
        self.init(
            pattern: wire.pattern,
            level: LogLevel(rawValue: wire.level),
            service: wire.service,
            count: Fields.count(wire.count),
            first: Fields.time(wire.firstAtNs),
            last: Fields.time(wire.lastAtNs),
            exemplar: wire.exemplar
        )
    }
}
