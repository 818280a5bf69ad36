import MusterCore

extension HostObserver {
    /// Answers one question within its budget; what there is no time for ends as timeout or partial.
    package func answer(
        _ question: Question,
        isCancelled: @Sendable () -> Bool
    ) -> (outcome: Outcome, answer: Answer?) {
        withoutActuallyEscaping(isCancelled) { isCancelled in
            let clock = QuestionClock(question.budget, isCancelled: isCancelled)
            guard !clock.mustStop else { return (clock.stopped, nil) }
            return answer(question.probe, question.budget, clock, isCancelled)
        }
    }

    private func answer(
        _ probe: Probe,
        _ budget: QuestionBudget,
        _ clock: QuestionClock,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) -> (Outcome, Answer?) {
        switch probe {
        case .logs(let window, let service, let level, let text, let refinement):
            let (outcome, answer) = logs.logs(
                window: window,
                service: service,
                level: level,
                text: text,
                refinement: refinement ?? LogRefinement(),
                budget: budget,
                isCancelled: isCancelled
            )
            return (outcome, .logs(answer))
        case .requests(let window, let service, let salt, let bucketSeconds):
            let (outcome, answer) = logs.requests(
                window: window,
                service: service,
                salt: salt,
                bucketSeconds: bucketSeconds,
                budget: budget,
                isCancelled: isCancelled
            )
            return (outcome, .requests(answer))
        case .metrics(let window, let prefix):
            return MetricsQuestion(
                recorder: metrics,
                window: window,
                prefix: prefix,
                problems: prometheus?.problems ?? [],
                budget: budget,
                now: WallMoment.now
            )
            .answer(clock)
        case .anomalies(let window, let prefix): return anomalies(window, prefix, budget)
        case .processes(let text):
            return ProcessesQuestion(reader: reader, recorder: metrics, text: text, budget: budget).answer(
                clock
            )
        case .sockets(let port):
            return SocketsQuestion(reader: reader, port: port, budget: budget).answer(clock)
        case .dependencies(let name): return dependencies(name, budget, clock)
        case .changes(let window, let service): return changes(window, service, budget)
        case .facts: return (Outcome(.ok), .facts(allFacts()))
        case .sql(let target, let statement, let settings): return sql(target, statement, settings, clock)
        case .dryRun: return (Outcome(.refused, reason: "the observer judges no plans"), nil)
        case .ledger: return (Outcome(.refused, reason: "the observer keeps no ledger"), nil)
        }
    }

    private func anomalies(
        _ window: TimeWindow,
        _ prefix: String,
        _ budget: QuestionBudget
    ) -> (Outcome, Answer?) {
        guard window.from < window.to else {
            return (Outcome(.refused, reason: "the window is empty: it ends before it begins"), nil)
        }
        var answer = anomalies.answer(window: window, prefix: prefix)
        // Those that go on stand first.
        let dropped = max(0, answer.anomalies.count - budget.rowsMax)
        answer.anomalies.removeLast(dropped)
        let outcome = Outcome(
            dropped == 0 ? .ok : .partial,
            reason: dropped == 0 ? "" : "\(dropped) anomalies that ended longest ago were left out",
            rowsDropped: dropped
        )
        return (outcome, .anomalies(answer))
    }

    private func dependencies(
        _ name: String,
        _ budget: QuestionBudget,
        _ clock: QuestionClock
    ) -> (Outcome, Answer?) {
        let found = dependencies.checks(name: name, deadline: clock.deadline) { clock.wasCancelled }
        if clock.wasCancelled { return (clock.stopped, nil) }
        if !name.isEmpty, found.checks.isEmpty {
            return (Outcome(.refused, reason: "this host knows no dependency \"\(name.prefix(80))\""), nil)
        }
        var answer = DependenciesAnswer()
        // What is not well is told first, and left out last.
        let checks = found.checks.filter { !$0.healthy } + found.checks.filter(\.healthy)
        answer.checks = Array(checks.prefix(max(0, budget.rowsMax)))
        let dropped = checks.count - answer.checks.count
        var reasons: [String] = []
        if !found.unfinished.isEmpty {
            reasons.append("no answer in time from \(found.unfinished.joined(separator: ", "))")
        }
        if dropped > 0 { reasons.append("\(dropped) checks were left out") }
        let outcome = Outcome(
            reasons.isEmpty ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: dropped
        )
        return (outcome, .dependencies(answer))
    }

    private func changes(
        _ window: TimeWindow,
        _ service: String,
        _ budget: QuestionBudget
    ) -> (Outcome, Answer?) {
        let all = changes.changes(in: window, service: service)
        var answer = ChangesAnswer()
        // The newest matter most.
        answer.changes = Array(all.suffix(max(0, budget.rowsMax)))
        let dropped = all.count - answer.changes.count
        var reasons: [String] = []
        if dropped > 0 { reasons.append("\(dropped) older changes were left out") }
        let losses = changes.losses
        if losses.forgotten > 0 {
            reasons.append("\(losses.forgotten) older changes were forgotten to save memory")
        }
        if losses.malformed > 0 { reasons.append("\(losses.malformed) deploy markers were not understood") }
        let outcome = Outcome(
            reasons.isEmpty ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: dropped
        )
        return (outcome, .changes(answer))
    }

    private func sql(
        _ target: String,
        _ statement: String,
        _ settings: [String],
        _ clock: QuestionClock
    ) -> (Outcome, Answer?) {
        do throws(ProbeError) {
            let answer = try look(
                target: target,
                statement: statement,
                settings: settings,
                timeout: clock.left
            )
            return (Outcome(.ok), .sql(answer))
        } catch {
            let kind: OutcomeKind =
                switch error.code {
                case .refused: .refused
                case .timeout: .timeout
                default: .failed
                }
            return (Outcome(kind, reason: error.message), nil)
        }
    }

    /// The host's facts, the versions of its services, and the hashes of its watched config files.
    private func allFacts() -> FactsAnswer {
        var answer = FactsAnswer()
        answer.facts = facts().named
        for service in services() where !service.version.isEmpty {
            answer.facts["service.\(service.name).version"] = service.version
        }
        for (path, hash) in changes.configHashes { answer.facts["config.\(path).hash"] = hash }
        return answer
    }
}
