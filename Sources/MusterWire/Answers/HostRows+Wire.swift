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
    /// Reads the `Process` that stands in this part of the bytes.
    init(_ range: Range<Int>, in bytes: Span<UInt8>) throws(WireError) {
        self.init(
            pid: 0,
            parent: 0,
            name: "",
            command: "",
            state: "",
            uid: 0,
            cpuRatio: 0,
            residentBytes: 0,
            threads: 0,
            openFiles: 0,
            started: Timestamp(nanoseconds: 0)
        )
        var fields = FieldReader(range)
        while let field = try fields.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .number(let value)): pid = Int(Int32(truncatingIfNeeded: value))
            case (2, .number(let value)): parent = Int(Int32(truncatingIfNeeded: value))
            case (3, .bytes(let range)): name = try fields.text(range, in: bytes)
            case (4, .bytes(let range)): command = try fields.text(range, in: bytes)
            case (5, .bytes(let range)): state = try fields.text(range, in: bytes)
            case (6, .number(let value)): uid = Int(UInt32(truncatingIfNeeded: value))
            case (7, .fixed64(let bits)): cpuRatio = Fields.finite(Double(bitPattern: bits))
            case (8, .number(let value)): residentBytes = Fields.count(value)
            case (9, .number(let value)): threads = Int(UInt32(truncatingIfNeeded: value))
            case (10, .number(let value)): openFiles = Int(UInt32(truncatingIfNeeded: value))
            case (11, .number(let value)): started = Fields.time(Int64(bitPattern: value))
            default: break
            }
        }
    }
}

extension ProcessesAnswer {
    /// Reads a serialised `ProcessesAnswer`.
    init(serialised: some Sequence<UInt8>) throws(WireError) {
        self.init()
        let serialised = Array(serialised)
        let bytes = serialised.span
        processes.reserveCapacity(Self.rows(in: bytes))
        var fields = FieldReader(bytes.indices)
        while let field = try fields.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let range)): processes.append(try ProcessRow(range, in: bytes))
            case (2, .number(let value)): total = Int(UInt32(truncatingIfNeeded: value))
            default: break
            }
        }
    }

    /// Rows in a serialised answer, as far as it can be read.
    package static func rows(serialised: some Sequence<UInt8>) -> Int { rows(in: Array(serialised).span) }

    private static func rows(in bytes: Span<UInt8>) -> Int {
        var fields = FieldReader(bytes.indices)
        var rows = 0
        while let field = try? fields.next(in: bytes) {
            if case (1, .bytes) = (field.number, field.value) { rows += 1 }
        }
        return rows
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
