import MusterCore

/// How running something ended.
package enum PerformanceOutcome: Hashable, Sendable {
    /// Ended well.
    case succeeded(ActionResult)
    /// Ended badly; what it had done by then is done.
    case failed(ActionResult)
    /// Could not be started, or failed as a whole: the host is as it was.
    case untouched(ActionResult)
    /// Nobody knows whether it took effect.
    case indeterminate(ActionResult)
}

/// What carries out permitted actions and looks at databases for their confirmation; blocks its caller.
package protocol ActionPerformer: Sendable {
    /// Runs it once.
    func perform(_ execution: Execution) -> PerformanceOutcome
    /// Whether what a signed runbook wants to see holds on this host; nil when it does, else why not.
    func objection(to check: RunbookCheck) -> String?
}

extension ActionPerformer {
    /// Whether what an action was to bring holds; nil when it does, else why not.
    func objection(to check: PermittedCheck) -> String? {
        switch check {
        case .sql(let check): objection(to: check)
        case .command(let command):
            switch perform(.command(command)) {
            case .succeeded: nil
            case .failed(let result), .untouched(let result), .indeterminate(let result): result.reason
            }
        }
    }
}

/// The databases of this host, as far as actions need them; blocks its caller.
package protocol ActionDatabases: Sendable {
    /// Runs a statement once with the acting role.
    func act(_ execution: SQLExecution) -> PerformanceOutcome
    /// Runs one SELECT with the looking role; throws a sentence for the report.
    func look(target: String, statement: String, settings: [String]) throws(PolicyRefusal) -> SQLAnswer
}

/// Runs commands as child processes and statements through the host's databases.
package struct HostActionPerformer: ActionPerformer {
    private let databases: any ActionDatabases
    private let mask: @Sendable (String) -> String

    /// `mask` takes secrets out of a command's output.
    package init(databases: any ActionDatabases, mask: @escaping @Sendable (String) -> String) {
        self.databases = databases
        self.mask = mask
    }

    package func perform(_ execution: Execution) -> PerformanceOutcome {
        switch execution {
        case .command(let command): CommandRun(command, mask: mask).run()
        case .sql(let sql): databases.act(sql)
        }
    }

    package func objection(to check: RunbookCheck) -> String? {
        // Signals are defined by the coordinator's catalogue: this host can't measure them by itself.
        guard case .sql(let statement, let target, let condition) = check else { return nil }
        do {
            let answer = try databases.look(
                target: target,
                statement: statement,
                settings: condition.right.names
            )
            guard let text = answer.value, let value = ExpressionValue(measured: text) else {
                return "this host's own check gave no number"
            }
            let result = try condition.isMet(by: value) { name in
                answer.settings[name].flatMap { ExpressionValue(measured: $0) }
            }
            return result.met
                ? nil : "this host's own check does not confirm it: \(value.text) is not \(condition.text)"
        } catch {
            return "this host's own check failed: \(error)"
        }
    }
}
