import MusterCore

extension WireLogsAnswer {
    init(_ answer: LogsAnswer) {
        self.init()
        lines = answer.lines.map { WireLogLine($0) }
        templates = answer.templates.map { WireLogTemplate($0) }
        matched = Fields.count(answer.matched)
        scanned = Fields.count(answer.scanned)
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
