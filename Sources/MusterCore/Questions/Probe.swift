/// What can be asked of a host.
///
/// Every probe is read-only.
package enum Probe: Hashable, Sendable, Codable {
    /// Log lines and counts per template. Empty filters match everything; no refinement is the default one.
    case logs(
        window: TimeWindow,
        service: String,
        level: LogLevel?,
        text: String,
        refinement: LogRefinement? = nil
    )
    /// Requests per endpoint. `salt` is shared by all hosts of one question and never used for another; without one
    /// users are not counted, and no log is read again.
    case requests(window: TimeWindow, service: String, salt: [UInt8], bucketSeconds: Int)
    /// Metric series whose name begins with `prefix`, scored against what came before the window.
    case metrics(window: TimeWindow, prefix: String)
    /// Series whose name begins with `prefix` that are not themselves, or were not inside the window.
    case anomalies(window: TimeWindow, prefix: String)
    /// Processes whose name or command line contains `text`.
    case processes(text: String)
    /// Listening sockets and peers; port 0 for all.
    case sockets(port: Int)
    /// Checks of the configured dependencies, made now; empty name for all.
    case dependencies(name: String)
    /// Recorded changes.
    case changes(window: TimeWindow, service: String)
    /// What the host is.
    case facts
    /// One read-only scalar from a configured database, with server settings beside it.
    case sql(target: String, statement: String, settings: [String])
    /// What the action ledger says of a ticket; nil for all.
    case ledger(ticket: TicketID?)
    /// What the host would do with a plan, which may leave its targets and waves out; nothing happens.
    case dryRun(plan: Plan)

    /// The word for it in commands, messages and metrics.
    package var name: String {
        switch self {
        case .logs: "logs"
        case .requests: "requests"
        case .metrics: "metrics"
        case .anomalies: "anomalies"
        case .processes: "processes"
        case .sockets: "sockets"
        case .dependencies: "dependencies"
        case .changes: "changes"
        case .facts: "facts"
        case .sql: "sql"
        case .ledger: "ledger"
        case .dryRun: "dry-run"
        }
    }
}

/// A stretch of time: `from` inclusive, `to` exclusive.
package struct TimeWindow: Hashable, Sendable, Codable {
    package var from: Timestamp
    package var to: Timestamp

    package init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }

    package func contains(_ moment: Timestamp) -> Bool { from <= moment && moment < to }
}

/// How grave a log line is; compares by gravity.
package enum LogLevel: String, Sendable, Codable, CaseIterable, Comparable {
    case debug
    case info
    case warning
    case error
    case fatal

    /// 0 for the least grave.
    package var gravity: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.gravity < right.gravity }
}

/// What answering may cost on each host.
package struct QuestionBudget: Hashable, Sendable, Codable {
    /// Time from the moment the host reads the question.
    package var deadline: Duration
    /// Largest answer in bytes on the wire.
    package var bytesMax: Int
    /// Largest number of rows.
    package var rowsMax: Int

    /// What a host spends on one question at most, whatever is asked of it.
    package static let bytesCeiling = 16 << 20
    package static let rowsCeiling = 10_000

    package init(deadline: Duration = .seconds(5), bytesMax: Int = 8 << 20, rowsMax: Int = 10_000) {
        self.deadline = deadline
        self.bytesMax = bytesMax
        self.rowsMax = rowsMax
    }
}

/// One question to one host.
package struct Question: Hashable, Sendable, Codable {
    package var id: QuestionID
    package var probe: Probe
    package var budget: QuestionBudget
    /// The answer may become evidence: it shall come sealed and signed.
    package var isSealed: Bool

    package init(
        id: QuestionID,
        probe: Probe,
        budget: QuestionBudget = QuestionBudget(),
        isSealed: Bool = false
    ) {
        self.id = id
        self.probe = probe
        self.budget = budget
        self.isSealed = isSealed
    }
}
