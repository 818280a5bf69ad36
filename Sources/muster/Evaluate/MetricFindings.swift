import MusterAnalysis
import MusterCause

/// What the metrics of a recorded incident tell: levels that are not the usual ones, and calls that ceased.
struct MetricFindings {
    private let metrics: CaseMetrics
    /// Services as the case calls them; an availability of something else is what users see.
    private let services: Set<String>
    /// The service that users call; nil when it is not plain which one.
    private let door: String?

    init(
        _ files: CaseFiles,
        time: CaseTime,
        services: [String],
        door: String?
    ) throws(CLIError) {
        let own = try files.table("metrics")
        let reference = try files.reference("metrics")
        metrics = try CaseMetrics(
            time.isHealthy ? reference : own,
            reference: reference,
            interval: own.map { table throws(CLIError) in try CaseMetrics.interval(table) } ?? 60,
            alertAt: try time.now(in: reference, column: "time", unit: 1),
            hiddenFrom: time.hiddenFrom
        )
        self.services = Set(services)
        self.door = door
    }

    func add(to findings: inout CaseFindings) {
        for key in metrics.order {
            switch key.quantity {
            case .processor: addProcessor(key.entity, &findings)
            case .requests: addNewcomer(key.entity, &findings)
            case .latency: addLatency(key.entity, &findings)
            case .availability: addErrors(key.entity, &findings)
            case .callerTime: addCall(key.entity, &findings)
            case .calleeTime: break
            }
        }
        addCeasedCalls(&findings)
    }

    private func addProcessor(_ entity: String, _ findings: inout CaseFindings) {
        let shifts = (metrics.series[.init(entity: entity, quantity: .processor)] ?? []).compactMap {
            // Two percent of its share, or two thousandths of a core, are nothing.
            LevelShift(usual: $0.usual, now: $0.now, absoluteFloor: 2)
        }
        guard let shift = shifts.max(by: { $0.score < $1.score }) else { return }
        let service = findings.name(entity)
        findings.add(
            .resource,
            service,
            "\(service) uses \((shift.now / max(shift.usual, 1e-9)).text(decimals: 1)) times the CPU that it usually does",
            effect: EffectScale.effect(shift.score, from: 8, full: 40),
            suggests: .cpu,
            subject: "cpu"
        )
    }

    private func addNewcomer(_ entity: String, _ findings: inout CaseFindings) {
        guard let load = metrics.first(.requests, of: entity) else { return }
        let called = load.usualAll.count { $0 > 0 }
        if load.now.contains(where: { $0 > 0 }), Double(called) < 0.05 * Double(load.usualAll.count) {
            findings.addNewcomer(findings.name(entity))
        }
    }

    private func addLatency(_ entity: String, _ findings: inout CaseFindings) {
        guard let series = metrics.first(.latency, of: entity),
            let shift = LevelShift(
                usual: series.usual,
                now: series.now,
                relativeFloor: 0.1,
                absoluteFloor: 1e-4
            )
        else { return }
        var seconds = 0.0
        for (value, requests) in samples(series, weighedBy: entity) {
            seconds += max(0, value - shift.usual) * requests
        }
        addLatency(findings.name(entity), shift, seconds: seconds, &findings)
    }

    private func addLatency(
        _ service: String,
        _ shift: LevelShift,
        seconds: Double,
        _ findings: inout CaseFindings
    ) {
        findings.add(
            .latency,
            service,
            "\(service) answers in \((shift.now * 1_000).text(decimals: 1)) ms, usually in "
                + "\((shift.usual * 1_000).text(decimals: 1)) ms",
            effect: EffectScale.effect(shift.score, from: 3, full: 25),
            magnitude: seconds,
            subject: "latency"
        )
    }

    private func addErrors(_ entity: String, _ findings: inout CaseFindings) {
        guard let series = metrics.first(.availability, of: entity) else { return }
        // The front door is where users come in: the service that nobody calls.
        let isDoor = !services.contains(entity)
        let service = isDoor ? door ?? "" : findings.name(entity)
        guard !service.isEmpty else { return }
        let usual =
            series.usual.isEmpty ? 0 : 1 - series.usual.reduce(0, +) / Double(series.usual.count) / 100
        var failed = 0.0
        var requests = 0.0
        for (value, count) in samples(series, weighedBy: isDoor ? findings.names.original(service) : entity) {
            failed += (1 - value / 100) * count
            requests += count
        }
        let expected = usual * requests
        let score = (failed - expected) / (expected + 1).squareRoot()
        findings.add(
            .errorRate,
            service,
            "\((requests > 0 ? failed / requests : 0).percentText) of the requests to \(service) fail, usually "
                + usual.percentText,
            effect: EffectScale.effect(score, from: 2, full: 8),
            magnitude: max(0, failed - expected),
            subject: "errors"
        )
    }

    /// The values since the alert, each with how many requests it is of; 1 where that is not known.
    private func samples(
        _ series: CaseMetrics.Series,
        weighedBy entity: String
    ) -> [(value: Double, requests: Double)] {
        let load = metrics.first(.requests, of: entity)?.now ?? []
        return series.now.enumerated().filter { $0.element.isFinite }.map { index, value in
            (value, load.indices.contains(index) && load[index].isFinite ? load[index] : 1)
        }
    }

    // MARK: Calls

    /// The two ends of `caller>callee`, as the case calls them.
    private static func ends(_ entity: String) -> (caller: String, callee: String)? {
        let parts = entity.split(separator: ">").map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    /// The time of a call as either side has it.
    private func addCall(_ entity: String, _ findings: inout CaseFindings) {
        guard let ends = Self.ends(entity), let caller = metrics.first(.callerTime, of: entity),
            let callee = metrics.first(.calleeTime, of: entity)
        else { return }
        let from = findings.name(ends.caller)
        let to = findings.name(ends.callee)
        let usual = zip(caller.usualAll, callee.usualAll).map { $0 - $1 }
        let now = zip(caller.now, callee.now).map { $0 - $1 }
        if let shift = LevelShift(usual: usual, now: now, relativeFloor: 0.1, absoluteFloor: 0.003) {
            findings.addTransit(from, to, shift, requests: load(of: ends.caller))
        }
        if let shift = LevelShift(
            usual: callee.usual,
            now: callee.now,
            relativeFloor: 0.1,
            absoluteFloor: 0.002
        ) {
            addLatency(to, shift, seconds: max(0, shift.rise) * load(of: ends.callee), &findings)
        }
    }

    /// Requests in an interval; 1 when not known.
    private func load(of entity: String) -> Double {
        let load = metrics.first(.requests, of: entity)?.now.filter(\.isFinite) ?? []
        return load.isEmpty ? 1 : load.reduce(0, +) / Double(load.count)
    }

    /// Calls that a service always made and no longer makes, though it still makes others.
    private func addCeasedCalls(_ findings: inout CaseFindings) {
        for (caller, calls) in callsByCaller {
            let ceased = calls.indices.filter { Self.hasCeased($0, of: calls.map(\.series)) }
                .map { findings.name(calls[$0].callee) }
            guard !ceased.isEmpty else { continue }
            let service = findings.name(caller)
            findings.add(
                .path,
                service,
                "\(service) still calls others but no longer \(ceased.joined(separator: ", "))",
                effect: 0.8,
                subject: "calls"
            )
        }
    }

    private typealias Call = (callee: String, series: CaseMetrics.Series)

    private var callsByCaller: [(caller: String, calls: [Call])] {
        var byCaller: [(caller: String, calls: [Call])] = []
        for key in metrics.order where key.quantity == .callerTime {
            guard let ends = Self.ends(key.entity), let series = metrics.first(.callerTime, of: key.entity)
            else { continue }
            if let place = byCaller.firstIndex(where: { $0.caller == ends.caller }) {
                byCaller[place].calls.append((ends.callee, series))
            } else {
                byCaller.append((ends.caller, [(ends.callee, series)]))
            }
        }
        return byCaller
    }

    /// Whether the call at `place` is missing where the caller's others are seen, and was not before.
    private static func hasCeased(_ place: Int, of calls: [CaseMetrics.Series]) -> Bool {
        let call = calls[place]
        let others = calls.indices.filter { $0 != place }.map { calls[$0] }
        let usual = call.usualAll.indices.filter { row in others.contains { $0.usualAll[row].isFinite } }
        let now = call.now.indices.filter { row in others.contains { $0.now[row].isFinite } }
        guard usual.count >= 8, now.count >= 2 else { return false }
        let was = usual.count { call.usualAll[$0].isFinite }
        let still = now.count { call.now[$0].isFinite }
        return Double(was) > 0.9 * Double(usual.count) && Double(still) <= 0.4 * Double(now.count)
    }
}
