import MusterAnalysis
import MusterCause
import MusterCore

/// A recorded incident of which the sick service is asked for, as findings that agents would have sent.
///
/// Reads what `case.json` allows and nothing else. The statistics are the engine's; here files are only brought into
/// the form that it takes.
struct ServiceCase {
    let info: CaseInfo
    let options: CaseOptions
    private(set) var names: EntityNames
    /// Of the case, in the order in which they are listed.
    private(set) var candidates: [String] = []
    private var calls: [ServiceCall] = []
    private var observed: [String] = []
    private var newcomers: Set<String> = []
    private var findings: [Finding] = []
    private var hidden: Set<String> = []
    private let folder: String
    private let references: String
    private let alertAt: Double
    private let hiddenFrom: Double?

    /// Reads a case from its folder, and the fault-free telemetry that it names from `references`.
    init(folder: String, references: String, options: CaseOptions) throws {
        self.folder = folder
        self.references = references
        self.options = options
        info = try CaseInfo(folder: folder)
        names = EntityNames(seed: options.renameSeed)
        if let before = options.quietBefore {
            alertAt = info.alertAt - before
            // Half a minute before the alert it may have begun.
            hiddenFrom = info.alertAt - min(30, before / 2)
        } else {
            alertAt = info.alertAt + options.alertAfter
            hiddenFrom = nil
        }
        candidates = info.candidates.map { names.name($0) }
        hide()
        try readCalls()
        let own = try CSVTable("\(folder)/metrics.csv.gz")
        let past = try reference("metrics")
        let metrics = try CaseMetrics(
            options.isHealthy ? past : own,
            reference: past,
            interval: own.map { table throws(CLIError) in try CaseMetrics.interval(table) } ?? 60,
            alertAt: try moment(in: past, column: "time", seconds: 1),
            hiddenFrom: hiddenFrom
        )
        try look(at: metrics)
        try lookAtRequests()
    }

    /// When the alert fires; in the healthy time, a moment that differs from case to case.
    private func moment(in table: CSVTable?, column: String, seconds unit: Double) throws(CLIError) -> Double
    {
        guard options.isHealthy, let table, table.count > 3 else { return alertAt }
        let time = try table.column(column)
        let times = (0..<table.count).compactMap { table.number($0, time) }.sorted()
        // In the second half, so that there is a before; by the case's own time, so that no two are alike.
        let share = 0.5 + 0.4 * (info.alertAt / 977).truncatingRemainder(dividingBy: 1)
        return times[Int(share * Double(times.count - 1))] * unit
    }

    /// What the engine is given.
    var input: RankingInput {
        let kept = candidates.count - hidden.count
        return RankingInput(
            findings: findings.filter { finding in
                Place.Source(finding).map { !options.without.contains($0) } ?? true
            },
            onset: Timestamp(nanoseconds: Int64(alertAt * 1e9)),
            service: info.alert?.entity.map { names.known($0) } ?? "",
            related: [],
            hosts: [],
            coverage: Coverage(
                asked: candidates.count,
                outcomes: hidden.isEmpty ? ["ok": kept] : ["ok": kept, "timeout": hidden.count]
            ),
            unseen: [],
            knowledge: .init(alertIsKnown: false, causes: []),
            calls: calls,
            observed: observed,
            newcomers: newcomers,
            symptom: symptom
        )
    }

    private var symptom: EvidenceGraph.Symptom? {
        switch info.alert?.metric {
        case "latency": .latency
        case "availability": .errors
        default: nil
        }
    }

    /// Leaves services out as if their hosts did not answer, by the order of the list.
    private mutating func hide() {
        guard options.coverage < 1 else { return }
        var random: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(info.alertAt)
        var left = candidates
        let keep = max(1, Int((Double(candidates.count) * options.coverage).rounded()))
        while left.count > keep {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            hidden.insert(left.remove(at: Int(random >> 33) % left.count))
        }
    }

    private func reference(_ kind: String) throws(CLIError) -> CSVTable? {
        guard let name = info.reference else { return nil }
        return try CSVTable("\(references)/\(name).\(kind).csv.gz")
    }

    private mutating func readCalls() throws(CLIError) {
        for candidate in candidates where !hidden.contains(candidate) { observed.append(candidate) }
        guard let table = try CSVTable("\(folder)/edges.csv.gz") else { return }
        let source = try table.column("source")
        let target = try table.column("target")
        let kind = try table.column("kind")
        for row in 0..<table.count where table.text(row, kind) == "calls" {
            calls.append(
                ServiceCall(
                    caller: names.name(table.text(row, source)),
                    callee: names.name(table.text(row, target))
                )
            )
        }
    }

    private mutating func add(
        _ kind: Finding.Kind,
        _ service: String,
        _ text: String,
        effect: Double,
        counterpart: String? = nil,
        magnitude: Double? = nil,
        suggests: CauseKind? = nil,
        subject: String = ""
    ) {
        guard effect > 0, !hidden.contains(service) else { return }
        let moment = Timestamp(nanoseconds: Int64(alertAt * 1e9))
        findings.append(
            Finding(
                id: FindingID(uuid: UUIDv7(at: moment, random: (0, UInt64(findings.count + 1)))),
                kind: kind,
                text: text,
                hosts: [],
                service: service,
                subject: subject,
                onset: nil,
                effect: effect,
                coverage: Coverage(asked: 1, outcomes: ["ok": 1]),
                suggests: suggests,
                counterpart: counterpart,
                magnitude: magnitude
            )
        )
    }
}

// MARK: Metrics

extension ServiceCase {
    private mutating func look(at metrics: CaseMetrics) throws(CLIError) {
        for key in metrics.order {
            switch key.quantity {
            case .processor: lookAtProcessor(key.entity, metrics)
            case .requests: lookAtLoad(key.entity, metrics)
            case .latency: lookAtLatency(key.entity, metrics)
            case .availability: lookAtErrors(key.entity, metrics)
            case .callerTime: lookAtCall(key.entity, metrics)
            case .calleeTime: break
            }
        }
        lookForCeasedCalls(metrics)
    }

    private mutating func lookAtProcessor(_ entity: String, _ metrics: CaseMetrics) {
        let shifts = (metrics.series[.init(entity: entity, quantity: .processor)] ?? []).compactMap {
            // Two percent of its share, or two thousandths of a core, are nothing.
            LevelShift(usual: $0.usual, now: $0.now, absoluteFloor: 2)
        }
        guard let shift = shifts.max(by: { $0.score < $1.score }) else { return }
        let service = names.name(entity)
        add(
            .resource,
            service,
            "\(service) uses \((shift.now / max(shift.usual, 1e-9)).text(decimals: 1)) times the CPU that it usually does",
            effect: EffectScale.effect(shift.score, from: 8, full: 40),
            suggests: .cpu,
            subject: "cpu"
        )
    }

    private mutating func lookAtLoad(_ entity: String, _ metrics: CaseMetrics) {
        guard let load = metrics.first(.requests, of: entity) else { return }
        let called = load.usualAll.count { $0 > 0 }
        if load.now.contains(where: { $0 > 0 }), Double(called) < 0.05 * Double(load.usualAll.count) {
            newcomers.insert(names.name(entity))
        }
    }

    private mutating func lookAtLatency(_ entity: String, _ metrics: CaseMetrics) {
        guard let series = metrics.first(.latency, of: entity),
            let shift = LevelShift(
                usual: series.usual,
                now: series.now,
                relativeFloor: 0.1,
                absoluteFloor: 1e-4
            )
        else { return }
        let load = metrics.first(.requests, of: entity)?.now ?? []
        var seconds = 0.0
        for (index, value) in series.now.enumerated() where value.isFinite {
            let requests = load.indices.contains(index) && load[index].isFinite ? load[index] : 1
            seconds += max(0, value - shift.usual) * requests
        }
        addLatency(names.name(entity), shift, seconds: seconds)
    }

    private mutating func addLatency(_ service: String, _ shift: LevelShift, seconds: Double) {
        add(
            .latency,
            service,
            "\(service) answers in \((shift.now * 1_000).text(decimals: 1)) ms, usually in "
                + "\((shift.usual * 1_000).text(decimals: 1)) ms",
            effect: EffectScale.effect(shift.score, from: 3, full: 25),
            magnitude: seconds,
            subject: "latency"
        )
    }

    private mutating func lookAtErrors(_ entity: String, _ metrics: CaseMetrics) {
        guard let series = metrics.first(.availability, of: entity) else { return }
        // The front door is where users come in: the service that nobody calls.
        let isDoor = !info.candidates.contains(entity)
        let service = isDoor ? door ?? "" : names.name(entity)
        guard !service.isEmpty else { return }
        let load = metrics.first(.requests, of: isDoor ? names.original(service) : entity)?.now ?? []
        let usual =
            series.usual.isEmpty ? 0 : 1 - series.usual.reduce(0, +) / Double(series.usual.count) / 100
        var failed = 0.0
        var requests = 0.0
        for (index, value) in series.now.enumerated() where value.isFinite {
            let count = load.indices.contains(index) && load[index].isFinite ? load[index] : 1
            failed += (1 - value / 100) * count
            requests += count
        }
        let expected = usual * requests
        let score = (failed - expected) / (expected + 1).squareRoot()
        add(
            .errorRate,
            service,
            "\((requests > 0 ? failed / requests : 0).percentText) of the requests to \(service) fail, usually "
                + usual.percentText,
            effect: EffectScale.effect(score, from: 2, full: 8),
            magnitude: max(0, failed - expected),
            subject: "errors"
        )
    }

    /// The service that users call; nil when it is not plain which one.
    private var door: String? {
        let called = Set(calls.map(\.callee))
        let roots = candidates.filter { name in !called.contains(name) && calls.contains { $0.caller == name }
        }
        return roots.count == 1 ? roots[0] : nil
    }

    /// `caller>callee`: the time of a call as either side has it.
    private mutating func lookAtCall(_ entity: String, _ metrics: CaseMetrics) {
        let parts = entity.split(separator: ">").map(String.init)
        guard parts.count == 2, let caller = metrics.first(.callerTime, of: entity),
            let callee = metrics.first(.calleeTime, of: entity)
        else { return }
        let from = names.name(parts[0])
        let to = names.name(parts[1])
        let usual = zip(caller.usualAll, callee.usualAll).map { $0 - $1 }
        let now = zip(caller.now, callee.now).map { $0 - $1 }
        if let shift = LevelShift(usual: usual, now: now, relativeFloor: 0.1, absoluteFloor: 0.003) {
            addTransit(from, to, shift, requests: load(of: parts[0], metrics))
        }
        if let shift = LevelShift(
            usual: callee.usual,
            now: callee.now,
            relativeFloor: 0.1,
            absoluteFloor: 0.002
        ) {
            addLatency(to, shift, seconds: max(0, shift.rise) * load(of: parts[1], metrics))
        }
    }

    /// Requests in an interval; 1 when not known.
    private func load(of entity: String, _ metrics: CaseMetrics) -> Double {
        let load = metrics.first(.requests, of: entity)?.now.filter(\.isFinite) ?? []
        return load.isEmpty ? 1 : load.reduce(0, +) / Double(load.count)
    }

    private mutating func addTransit(
        _ caller: String,
        _ callee: String,
        _ shift: LevelShift,
        requests: Double
    ) {
        add(
            .transit,
            callee,
            "calls from \(caller) to \(callee) spend \((shift.now * 1_000).text(decimals: 1)) ms on their way, usually "
                + "\((shift.usual * 1_000).text(decimals: 1)) ms",
            effect: EffectScale.effect(shift.score, from: 4, full: 40),
            counterpart: caller,
            magnitude: max(0, shift.rise) * requests,
            subject: "calls of \(caller)"
        )
    }

    /// Calls that a service always made and no longer makes, though it still makes others.
    private mutating func lookForCeasedCalls(_ metrics: CaseMetrics) {
        var byCaller: [(caller: String, edges: [(callee: String, series: CaseMetrics.Series)])] = []
        for key in metrics.order where key.quantity == .callerTime {
            let parts = key.entity.split(separator: ">").map(String.init)
            guard parts.count == 2, let series = metrics.first(.callerTime, of: key.entity) else { continue }
            if let place = byCaller.firstIndex(where: { $0.caller == parts[0] }) {
                byCaller[place].edges.append((parts[1], series))
            } else {
                byCaller.append((parts[0], [(parts[1], series)]))
            }
        }
        for (caller, edges) in byCaller {
            var ceased: [String] = []
            for (index, edge) in edges.enumerated() {
                let others = edges.indices.filter { $0 != index }.map { edges[$0].series }
                let usual = edge.series.usualAll.indices.filter { row in
                    others.contains { $0.usualAll[row].isFinite }
                }
                let now = edge.series.now.indices.filter { row in others.contains { $0.now[row].isFinite } }
                guard usual.count >= 8, now.count >= 2 else { continue }
                let was = usual.count { edge.series.usualAll[$0].isFinite }
                let still = now.count { edge.series.now[$0].isFinite }
                if Double(was) > 0.9 * Double(usual.count), Double(still) <= 0.4 * Double(now.count) {
                    ceased.append(names.name(edge.callee))
                }
            }
            guard !ceased.isEmpty else { continue }
            let service = names.name(caller)
            add(
                .path,
                service,
                "\(service) still calls others but no longer \(ceased.joined(separator: ", "))",
                effect: 0.8,
                subject: "calls"
            )
        }
    }
}

// MARK: Requests

extension ServiceCase {
    private mutating func lookAtRequests() throws {
        if let spans = try CSVTable("\(folder)/spans.csv.gz") {
            try lookAtTraces(spans)
        } else if !options.isHealthy, let minutes = try CSVTable("\(folder)/spans_by_minute.csv.gz") {
            try lookAtMinutes(minutes)
        }
    }

    private mutating func lookAtTraces(_ spans: CSVTable) throws {
        let past = try reference("spans")
        let moment = try moment(in: past, column: "t_ms", seconds: 0.001)
        var traces = CaseTraces(alertAt: moment, hiddenFrom: hiddenFrom)
        if options.isHealthy {
            if let past { try traces.add(past, logs: try reference("logs"), isReference: false) }
        } else {
            if let past { try traces.add(past, logs: try reference("logs"), isReference: true) }
            try traces.add(spans, logs: try CSVTable("\(folder)/logs.csv.gz"), isReference: false)
        }
        traces.finish()
        for difference in traces.profile.differences() {
            let service = names.name(traces.services[difference.entry.service])
            add(
                .path,
                service,
                "\(service): \(traces.describe(difference.step)) in \(difference.now.of) of \(difference.now.in) "
                    + "requests, usually in \(difference.usual.of) of \(difference.usual.in)",
                effect: difference.effect,
                subject: traces.describe(difference.step)
            )
        }
        for (entry, shift) in traces.ownShifts() {
            let service = names.name(traces.services[entry.service])
            add(
                .ownTime,
                service,
                "\(service) takes \((shift.now * 1_000).text(decimals: 1)) ms by itself for "
                    + "\(traces.operations[entry.operation]), usually \((shift.usual * 1_000).text(decimals: 1)) ms",
                effect: EffectScale.effect(shift.score, from: 4, full: 40),
                subject: traces.operations[entry.operation]
            )
        }
        for (call, shift) in traces.transitShifts() {
            addTransit(
                names.name(traces.services[call.caller]),
                names.name(traces.services[call.callee]),
                shift,
                requests: Double(traces.calls(call))
            )
        }
    }

    private mutating func lookAtMinutes(_ table: CSVTable) throws(CLIError) {
        var counts = CallCounts()
        var services: [String: Int] = [:]
        var operations: [String] = []
        var numbers: [String: Int] = [:]
        var serviceNames: [String] = []
        func number(_ name: String) -> Int {
            if let known = services[name] { return known }
            services[name] = serviceNames.count
            serviceNames.append(name)
            return serviceNames.count - 1
        }
        for (table, isReference) in [(try reference("spans_by_minute"), true), (table, false)] {
            guard let table else { continue }
            let minute = try table.column("minute")
            let parent = try table.column("parent")
            let service = try table.column("service")
            let operation = try table.column("operation")
            let count = try table.column("count")
            for row in 0..<table.count {
                guard let time = table.number(row, minute), let calls = table.number(row, count), calls >= 0,
                    calls < 1e12
                else {
                    throw CLIError(.failed, "\(table.path): row \(row + 2) has no minute or count")
                }
                let isNow = !isReference && time + 30 >= alertAt
                // A minute that holds the alert belongs to neither side.
                if !isReference, !isNow, time + 60 > alertAt + 5 { continue }
                if !isReference, let hiddenFrom, time + 60 > hiddenFrom { continue }
                if isReference, abs(time - alertAt) < 400 { continue }
                if isNow, time > alertAt + 170 { continue }
                let name = table.text(row, service)
                let place = number(name)
                if table.text(row, parent) == name {
                    let text = table.text(row, operation)
                    let step = numbers[text] ?? operations.count
                    if step == operations.count {
                        numbers[text] = step
                        operations.append(text)
                    }
                    counts.add(Int(calls), operation: step, of: place, isNow: isNow)
                } else {
                    counts.add(entriesOf: place, Int(calls), isNow: isNow)
                }
            }
        }
        for difference in counts.differences() {
            let service = names.name(serviceNames[difference.step.service])
            add(
                .path,
                service,
                "\(service): \(operations[difference.step.operation]) \(difference.seen) times, "
                    + "\(difference.expected.text(decimals: 0)) would be usual for its requests",
                effect: difference.effect,
                subject: operations[difference.step.operation]
            )
        }
    }
}
