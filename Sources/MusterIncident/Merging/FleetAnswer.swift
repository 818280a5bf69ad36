import MusterCore

/// What a fan-out brought, merged over all hosts that answered.
package struct FleetAnswer: Sendable, Codable {
    package var question: QuestionID
    package var probe: Probe
    package var coverage: Coverage
    /// How the question ended on each host, by host name.
    package var hosts: [HostOutcome]
    package var merged: MergedAnswer
    /// From the question's start until everything was merged.
    package var tookMilliseconds: Double?

    /// Merges the replies; `rowsMax` bounds each list of the result, so that no fleet is too large to print.
    package init(_ reply: FleetReply, rowsMax: Int = 10_000) {
        self.question = reply.question
        self.probe = reply.probe
        self.coverage = reply.coverage
        self.hosts = reply.replies.map { HostOutcome(host: $0.host, outcome: $0.outcome) }
        self.merged = MergedAnswer(reply.replies, probe: reply.probe, rowsMax: rowsMax)
    }
}

/// How one question ended on one host.
package struct HostOutcome: Hashable, Sendable, Codable {
    package var host: HostReference
    package var outcome: Outcome

    package init(host: HostReference, outcome: Outcome) {
        self.host = host
        self.outcome = outcome
    }
}

/// Answers of many hosts as one; the case matches the probe's.
package enum MergedAnswer: Sendable {
    case logs(MergedLogs)
    case requests(MergedRequests)
    case metrics(MergedRows<MetricSeries>)
    case anomalies(MergedRows<SeriesAnomaly>)
    case processes(MergedRows<ProcessRow>)
    case sockets(MergedSockets)
    case dependencies(MergedDependencies)
    case changes(MergedChanges)
    case facts(MergedFacts)
    case sql(MergedRows<SQLAnswer>)
    case ledger(MergedRows<ActionReport>)

    /// Merges what the hosts answered; an answer of another kind than the probe's is left out.
    package init(_ replies: [HostReply], probe: Probe, rowsMax: Int) {
        switch probe {
        case .logs(_, _, _, _, let refinement):
            self = .logs(MergedLogs(replies, order: refinement?.order ?? .newest, rowsMax: rowsMax))
        case .requests: self = .requests(MergedRequests(replies, rowsMax: rowsMax))
        case .metrics:
            // What stands out comes first, so that a bound never hides it.
            let rows = Self.rows(replies) { if case .metrics(let it) = $0 { it.series } else { [] } }
            self = .metrics(MergedRows(rows, max: rowsMax) { abs($0.score) > abs($1.score) })
        case .anomalies:
            let rows = Self.rows(replies) { if case .anomalies(let it) = $0 { it.anomalies } else { [] } }
            self = .anomalies(
                MergedRows(rows, max: rowsMax) { left, right in
                    if (left.state == .open) != (right.state == .open) { return left.state == .open }
                    return left.score > right.score
                }
            )
        case .processes:
            let rows = Self.rows(replies) { if case .processes(let it) = $0 { it.processes } else { [] } }
            self = .processes(MergedRows(rows, max: rowsMax) { $0.cpuRatio > $1.cpuRatio })
        case .sockets: self = .sockets(MergedSockets(replies, rowsMax: rowsMax))
        case .dependencies: self = .dependencies(MergedDependencies(replies))
        case .changes: self = .changes(MergedChanges(replies, rowsMax: rowsMax))
        case .facts: self = .facts(MergedFacts(replies))
        case .sql:
            let rows = Self.rows(replies) { if case .sql(let it) = $0 { [it] } else { [] } }
            self = .sql(MergedRows(rows, max: rowsMax) { _, _ in false })
        case .ledger:
            let rows = Self.rows(replies) { if case .ledger(let it) = $0 { it.entries } else { [] } }
            self = .ledger(MergedRows(rows, max: rowsMax) { $0.at > $1.at })
        }
    }

    private static func rows<Row>(_ replies: [HostReply], _ rows: (Answer) -> [Row]) -> [HostRow<Row>] {
        replies.flatMap { reply in
            (reply.answer.map(rows) ?? []).map { HostRow(host: reply.host, row: $0) }
        }
    }
}

/// Rows that stay apart, each with its host.
package struct MergedRows<Row: Sendable & Codable>: Sendable, Codable {
    package var rows: [HostRow<Row>]
    /// Rows that were left out because of the bound.
    package var dropped: Int

    init(_ rows: [HostRow<Row>], max: Int, by precedes: (Row, Row) -> Bool) {
        // Sorting an enumeration keeps rows of equal weight in host order, whatever the sort does.
        let sorted = rows.enumerated().sorted { left, right in
            if precedes(left.element.row, right.element.row) { return true }
            if precedes(right.element.row, left.element.row) { return false }
            return left.offset < right.offset
        }
        self.rows = sorted.prefix(max).map(\.element)
        self.dropped = rows.count - self.rows.count
    }
}

/// A row with the host that it is from.
package struct HostRow<Row: Sendable & Codable>: Sendable, Codable {
    package var host: HostReference
    package var row: Row

    package init(host: HostReference, row: Row) {
        self.host = host
        self.row = row
    }
}
