import MusterCore

/// What a fan-out brought, merged over all hosts that answered.
package struct FleetAnswer: Sendable, Codable {
    package var question: QuestionID
    package var probe: Probe
    package var coverage: Coverage
    /// How the question ended on each host, by host name.
    package var hosts: [HostOutcome]
    package var merged: MergedAnswer
    /// Hosts that were meant when only a sample of them was asked; else nil.
    package var population: Int?
    /// What the sample's counts make likely for all hosts; nil without a sample.
    package var extrapolated: [Extrapolation]?
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
    case dryRun(MergedRows<PlanTrial>)

    /// Merges what the hosts answered; an answer of another kind than the probe's is left out.
    package init(_ replies: [HostReply], probe: Probe, rowsMax: Int) {
        switch probe {
        case .logs(_, _, _, _, let refinement):
            self = .logs(MergedLogs(replies, order: refinement?.order ?? .newest, rowsMax: rowsMax))
        case .requests: self = .requests(MergedRequests(replies, rowsMax: rowsMax))
        case .metrics:
            // What stands out comes first, so that a bound never hides it.
            self = .metrics(
                MergedRows(replies, max: rowsMax) {
                    if case .metrics(let it) = $0 { it.series } else { [] }
                } rank: {
                    -abs($0.score)
                }
            )
        case .anomalies:
            // Scores are at most 1 000: what is open comes before all that is over.
            self = .anomalies(
                MergedRows(replies, max: rowsMax) {
                    if case .anomalies(let it) = $0 { it.anomalies } else { [] }
                } rank: {
                    -Double($0.score) - ($0.state == .open ? 1e6 : 0)
                }
            )
        case .processes:
            self = .processes(
                MergedRows(replies, max: rowsMax) {
                    if case .processes(let it) = $0 { it.processes } else { [] }
                } rank: {
                    -$0.cpuRatio
                }
            )
        case .sockets: self = .sockets(MergedSockets(replies, rowsMax: rowsMax))
        case .dependencies: self = .dependencies(MergedDependencies(replies))
        case .changes: self = .changes(MergedChanges(replies, rowsMax: rowsMax))
        case .facts: self = .facts(MergedFacts(replies))
        case .sql:
            self = .sql(
                MergedRows(replies, max: rowsMax) {
                    if case .sql(let it) = $0 { [it] } else { [] }
                } rank: { _ in
                    0
                }
            )
        case .dryRun:
            self = .dryRun(
                MergedRows(replies, max: rowsMax) {
                    if case .dryRun(let it) = $0 { [it] } else { [] }
                } rank: { _ in
                    0
                }
            )
        case .ledger:
            self = .ledger(
                MergedRows(replies, max: rowsMax) {
                    if case .ledger(let it) = $0 { it.entries } else { [] }
                } rank: {
                    -Double($0.at.nanoseconds)
                }
            )
        }
    }
}

/// Rows that stay apart, each with its host.
package struct MergedRows<Row: Sendable & Codable>: Sendable, Codable {
    package var rows: [HostRow<Row>]
    /// Rows that were left out because of the bound.
    package var dropped: Int

    /// Keeps at most `max` rows of all hosts, those of the lowest rank; rows of equal rank stay in host order.
    init(_ replies: [HostReply], max: Int, _ rows: (Answer) -> [Row], rank: (Row) -> Double) {
        // Places are sorted, because there may be millions of rows and each is much larger; and never more than twice as
        // many as are kept.
        var places: [RowPlace] = []
        var worst = Double.infinity
        var total = 0
        for (index, reply) in replies.enumerated() {
            guard let answer = reply.answer else { continue }
            for (row, value) in rows(answer).enumerated() {
                total += 1
                let rank = rank(value)
                let place = RowPlace(rank: rank.isNaN ? .infinity : rank, reply: index, row: row)
                // Of equal rank the earlier one stays.
                guard place.rank < worst || places.count < max else { continue }
                places.append(place)
                guard places.count >= 2 * max else { continue }
                places.sort()
                places.removeSubrange(max...)
                worst = places.last?.rank ?? worst
            }
        }
        places.sort()
        self.rows = places.prefix(max).compactMap { place in
            let reply = replies[place.reply]
            return reply.answer.map { HostRow(host: reply.host, row: rows($0)[place.row]) }
        }
        self.dropped = total - self.rows.count
    }
}

/// Where a row stands among all of a fan-out.
private struct RowPlace: Comparable {
    var rank: Double
    var reply: Int
    var row: Int

    static func < (left: RowPlace, right: RowPlace) -> Bool {
        (left.rank, left.reply, left.row) < (right.rank, right.reply, right.row)
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
