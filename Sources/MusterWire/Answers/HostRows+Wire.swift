import MusterCore

extension WireMetricSeries {
    init(_ series: MetricSeries) {
        self.init()
        name = series.name
        subject = series.subject
        atNs = series.at.map(\.nanoseconds)
        values = series.values
        baselineMedian = series.baselineMedian
        baselineMad = series.baselineMAD
        score = series.score
        onsetAtNs = series.onset?.nanoseconds ?? 0
    }
}

extension MetricSeries {
    init(_ wire: WireMetricSeries) throws(WireError) {
        guard wire.atNs.count == wire.values.count else {
            throw WireError(
                .malformed,
                "series \(wire.name.prefix(64)) has \(wire.atNs.count) times and \(wire.values.count) values"
            )
        }
        try Fields.check(wire.values.count, max: 7200, "series \(wire.name.prefix(64))")
        self.init(name: wire.name, subject: wire.subject)
        at = wire.atNs.map { Fields.time($0) }
        values = wire.values.map { Fields.finite($0) }
        baselineMedian = Fields.finite(wire.baselineMedian)
        baselineMAD = Fields.finite(wire.baselineMad)
        score = Fields.finite(wire.score)
        onset = Fields.optionalTime(wire.onsetAtNs)
    }
}

extension WireProcess {
    init(_ row: ProcessRow) {
        self.init()
        pid = Int32(clamping: row.pid)
        parentPid = Int32(clamping: row.parent)
        name = row.name
        command = row.command
        state = row.state
        uid = Fields.small(row.uid)
        cpuRatio = row.cpuRatio
        residentBytes = Fields.count(row.residentBytes)
        threads = Fields.small(row.threads)
        openFiles = Fields.small(row.openFiles)
        startedAtNs = row.started.nanoseconds
    }
}

extension ProcessRow {
    init(_ wire: WireProcess) {
        self.init(
            pid: Int(wire.pid),
            parent: Int(wire.parentPid),
            name: wire.name,
            command: wire.command,
            state: wire.state,
            uid: Int(wire.uid),
            cpuRatio: Fields.finite(wire.cpuRatio),
            residentBytes: Fields.count(wire.residentBytes),
            threads: Int(wire.threads),
            openFiles: Int(wire.openFiles),
            started: Fields.time(wire.startedAtNs)
        )
    }
}

extension WireHostChange {
    init(_ change: Change) {
        self.init()
        kind = change.kind.rawValue
        atNs = change.at.nanoseconds
        service = change.service
        summary = Fields.clipped(change.summary, max: 512)
        actor = change.actor
        before = Fields.clipped(change.before, max: 512)
        after = Fields.clipped(change.after, max: 512)
        diff = Fields.clipped(change.diff, max: 8 << 10)
        source = change.source
        reference = change.reference
    }
}

extension Change {
    /// Reads a change of a host; the host's name is for the caller to add, since a host does not name itself.
    init(_ wire: WireHostChange) {
        self.init(
            kind: Kind(rawValue: wire.kind) ?? .other,
            at: Fields.time(wire.atNs),
            service: wire.service,
            summary: wire.summary,
            actor: wire.actor,
            before: wire.before,
            after: wire.after,
            diff: wire.diff,
            source: wire.source,
            reference: wire.reference
        )
    }
}
