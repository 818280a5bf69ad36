import MusterCore
import MusterIncident

/// Measures what runbooks want to see.
struct Measurement: Sendable {
    let fleet: any Fleet
    let signals: SignalCatalogue
    let now: @Sendable () -> Timestamp

    /// What was measured, held against what it has to be.
    struct Reading: Hashable, Sendable {
        let met: Bool
        /// `Error ratio is 0.3%, wanted < 2%`.
        let text: String
        let values: [String: Double]
    }

    /// Requests by which a share can be judged.
    static let requestsMin = 20

    /// Measures once; `since` is when the last action ended, before which nothing counts.
    func read(
        _ check: RunbookCheck,
        for incident: Incident,
        since: Timestamp?
    ) async throws(RemediationError) -> Reading {
        switch check {
        case .sql(let statement, let target, let condition):
            return try await read(statement, target: target, condition, for: incident)
        case .signal(let name, let condition):
            guard let signal = signals[name] else {
                throw RemediationError(
                    "no signal is called \"\(name)\"; known are \(signals.names.joined(separator: ", "))"
                )
            }
            let value = try await measure(signal, for: incident, since: since)
            return try reading(signal.name, value, condition) { _ in nil }
        }
    }

    private func read(
        _ statement: String,
        target: String,
        _ condition: Condition,
        for incident: Incident
    ) async throws(RemediationError) -> Reading {
        let locator = DatabaseLocator(fleet: fleet)
        let answers = try await locator.ask(
            statement,
            target: target,
            settings: condition.right.names,
            for: incident
        )
        guard let nearest = answers.first else { throw RemediationError("no host could ask the database") }
        guard let text = nearest.answer.value, let value = ExpressionValue(measured: text) else {
            throw RemediationError(
                "the check on \(nearest.host.name) gave no number: \(nearest.answer.value?.prefix(64) ?? "nothing")"
            )
        }
        return try reading("the check on \(nearest.host.name)", value, condition) { name in
            nearest.answer.settings[name].flatMap { ExpressionValue(measured: $0) }
        }
    }

    private func reading(
        _ name: String,
        _ value: ExpressionValue,
        _ condition: Condition,
        _ lookup: (String) -> ExpressionValue?
    ) throws(RemediationError) -> Reading {
        do throws(ExpressionError) {
            let result = try condition.isMet(by: value, lookup)
            // A bound that is a plain number says itself; one that was reckoned is shown.
            let bound = condition.right.names.isEmpty ? "" : " (\(result.bound.text))"
            return Reading(
                met: result.met,
                text: "\(name) is \(value.text), wanted \(condition.text)\(bound)",
                values: ["value": value.amount, "bound": result.bound.amount]
            )
        } catch {
            throw RemediationError("\(condition.text): \(error.message)")
        }
    }

    // MARK: Signals

    private func measure(
        _ signal: SignalDefinition,
        for incident: Incident,
        since: Timestamp?
    ) async throws(RemediationError) -> ExpressionValue {
        let measured: Double
        switch signal.source {
        case .sql(let statement, let target):
            let locator = DatabaseLocator(fleet: fleet)
            let answers = try await locator.ask(statement, target: target, settings: [], for: incident)
            guard let text = answers.first?.answer.value, let value = ExpressionValue(measured: text) else {
                throw RemediationError("\(signal.name): the database gave no number")
            }
            measured = value.amount
        case .dependency(let kind, let name, let value):
            measured = try await dependency(kind, name, value)
        case .requests(let value, let window):
            measured = try await requests(value, window, for: incident, since: since)
        case .metric(let name, let window):
            measured = try await metric(name, window, for: incident)
        }
        return signal.value(measured)
    }

    private func dependency(
        _ kind: String,
        _ name: String,
        _ value: String
    ) async throws(RemediationError) -> Double {
        let hosts = await fleet.hosts().filter { $0.state == .connected }
        let replies = await ask(.dependencies(name: name), hosts)
        let values = replies.flatMap { reply -> [Double] in
            guard case .dependencies(let answer)? = reply.answer else { return [] }
            return answer.checks.filter { kind.isEmpty || $0.kind == kind }.compactMap { $0.values[value] }
        }
        guard let worst = values.max() else {
            let reasons = replies.compactMap { reply -> String? in
                guard case .dependencies(let answer)? = reply.answer else { return nil }
                let check = answer.checks.first { (kind.isEmpty || $0.kind == kind) && !$0.reason.isEmpty }
                return check.map { "\(reply.host.name): \($0.reason)" }
            }
            throw RemediationError(
                "no host told \(value)\(reasons.isEmpty ? "" : ": \(reasons.prefix(3).joined(separator: "; "))")"
            )
        }
        return worst
    }

    private func requests(
        _ value: SignalDefinition.RequestValue,
        _ length: Duration,
        for incident: Incident,
        since: Timestamp?
    ) async throws(RemediationError) -> Double {
        let end = now()
        // What happened before the action ended says nothing about whether it helped.
        let window = TimeWindow(from: max(end - length, since ?? .zero), to: end)
        guard window.to - window.from >= min(length, .seconds(5)) else {
            throw RemediationError("it is too early to tell by the requests")
        }
        let scope = Scope(incident: incident, hosts: await fleet.hosts())
        let probe = Probe.requests(
            window: window,
            service: "",
            salt: [],
            bucketSeconds: 0
        )
        let reply = await fleet.ask(
            probe,
            of: scope.near.map(\.id),
            budget: QuestionBudget(deadline: .seconds(2), bytesMax: 2 << 20, rowsMax: 1024),
            onReply: nil
        )
        let blast = incident.context?.blast
        let endpoints = (RequestPicture.merged(reply)?.endpoints ?? []).map(\.total).filter { total in
            guard let blast, !blast.endpoint.isEmpty else {
                return incident.service.isEmpty || total.service.isEmpty || total.service == incident.service
            }
            return "\(total.method) \(total.path)" == blast.endpoint && total.service == blast.service
        }
        let count = endpoints.reduce(0) { $0.saturatingAdd($1.count) }
        guard count >= Self.requestsMin else {
            throw RemediationError(
                "only \(count) requests were seen in \(length.spoken), too few to judge by"
            )
        }
        var latency = QuantileSketch()
        for endpoint in endpoints { latency.merge(endpoint.latency) }
        switch value {
        case .errorRatio: return Double(endpoints.reduce(0) { $0.saturatingAdd($1.errors) }) / Double(count)
        case .p50: return latency.quantile(0.5) ?? 0
        case .p95: return latency.quantile(0.95) ?? 0
        case .p99: return latency.quantile(0.99) ?? 0
        case .rate: return Double(count) / max(0.001, (window.to - window.from).inSeconds)
        }
    }

    private func metric(
        _ name: String,
        _ length: Duration,
        for incident: Incident
    ) async throws(RemediationError) -> Double {
        let end = now()
        let scope = Scope(incident: incident, hosts: await fleet.hosts())
        let window = TimeWindow(from: end - length, to: end)
        let replies = await ask(.metrics(window: window, prefix: name), scope.near)
        let values = replies.flatMap { reply -> [Double] in
            guard case .metrics(let answer)? = reply.answer else { return [] }
            return answer.series.filter { $0.name == name }.compactMap(\.values.last)
        }
        guard let worst = values.max() else { throw RemediationError("no host told \(name)") }
        return worst
    }

    private func ask(_ probe: Probe, _ hosts: [FleetHost]) async -> [HostReply] {
        await fleet.ask(
            probe,
            of: hosts.map(\.id),
            budget: QuestionBudget(deadline: .seconds(2), bytesMax: 1 << 20, rowsMax: 1024),
            onReply: nil
        ).replies
    }
}
