import FoundationEssentials
import MusterCore

extension WireAnswerChunk.OneOf_Body {
    /// The whole answer as one message; ``AnswerChunker`` cuts it.
    package init(_ answer: Answer) {
        switch answer {
        case .logs(let value): self = .logs(WireLogsAnswer(value))
        case .requests(let value): self = .requests(WireRequestsAnswer(value))
        case .metrics(let value):
            var wire = WireMetricsAnswer()
            wire.series = value.series.map { WireMetricSeries($0) }
            self = .metrics(wire)
        case .anomalies(let value): self = .anomalies(WireAnomaliesAnswer(value))
        case .processes(let value):
            var wire = WireProcessesAnswer()
            wire.processes = value.processes.map { WireProcess($0) }
            wire.total = Fields.small(value.total)
            self.init(wire)
        case .sockets(let value): self = .sockets(WireSocketsAnswer(value))
        case .dependencies(let value):
            var wire = WireDependenciesAnswer()
            wire.checks = value.checks.map { WireDependencyCheck($0) }
            self = .dependencies(wire)
        case .changes(let value):
            var wire = WireChangesAnswer()
            wire.changes = value.changes.map { WireHostChange($0) }
            self = .changes(wire)
        case .facts(let value):
            var wire = WireFactsAnswer()
            wire.facts = value.facts
            self = .facts(wire)
        case .sql(let value):
            var wire = WireSqlAnswer()
            wire.target = value.target
            wire.value = value.value ?? ""
            wire.isNull = value.value == nil
            wire.settings = value.settings
            wire.role = value.role
            self = .sql(wire)
        case .ledger(let value):
            var wire = WireLedgerAnswer()
            wire.entries = value.entries.map { WireActionReport($0) }
            self = .ledger(wire)
        case .dryRun(let value):
            var wire = WireDryRunAnswer()
            wire.refusal = Fields.clipped(value.refusal, max: 4096)
            wire.action = Fields.clipped(value.action, max: 4096)
            wire.rollback = Fields.clipped(value.rollback, max: 4096)
            wire.verification = Fields.clipped(value.verification, max: 4096)
            wire.approvals = Fields.small(value.approvals)
            wire.preApproval = Fields.clipped(value.preApproval, max: 4096)
            self = .dryRun(wire)
        }
    }
}

extension WireAnswerChunk.OneOf_Body {
    /// Processes, which a chunk holds serialised.
    init(_ processes: WireProcessesAnswer) {
        // Only a message with fields that must be there can fail to be serialised, and this has none.
        self = .processes((try? processes.serializedData()) ?? Data())
    }
}

extension Answer {
    /// Reads the part of an answer that one chunk holds.
    init(_ wire: WireAnswerChunk.OneOf_Body?) throws(WireError) {
        switch wire {
        case nil: throw WireError(.unknownKind, "this version does not know the kind of answer")
        case .logs(let wire): self = .logs(LogsAnswer(wire))
        case .requests(let wire): self = .requests(try RequestsAnswer(wire))
        case .metrics(let wire):
            var value = MetricsAnswer()
            for series in wire.series { value.series.append(try MetricSeries(series)) }
            self = .metrics(value)
        case .anomalies(let wire): self = .anomalies(AnomaliesAnswer(wire))
        case .processes(let wire):
            self = .processes(try ProcessesAnswer(serialised: wire))
        case .sockets(let wire): self = .sockets(SocketsAnswer(wire))
        case .dependencies(let wire):
            var value = DependenciesAnswer()
            value.checks = wire.checks.map { DependencyCheck($0) }
            self = .dependencies(value)
        case .changes(let wire):
            var value = ChangesAnswer()
            value.changes = wire.changes.map { Change($0) }
            self = .changes(value)
        case .facts(let wire):
            var value = FactsAnswer()
            value.facts = wire.facts
            self = .facts(value)
        case .sql(let wire):
            var value = SQLAnswer()
            value.target = wire.target
            value.value = wire.isNull ? nil : wire.value
            value.settings = wire.settings
            value.role = wire.role
            self = .sql(value)
        case .ledger(let wire):
            var value = LedgerAnswer()
            for entry in wire.entries { value.entries.append(try ActionReport(entry)) }
            self = .ledger(value)
        case .dryRun(let wire):
            var value = PlanTrial()
            value.refusal = Fields.clipped(wire.refusal, max: 4096)
            value.action = Fields.clipped(wire.action, max: 4096)
            value.rollback = Fields.clipped(wire.rollback, max: 4096)
            value.verification = Fields.clipped(wire.verification, max: 4096)
            value.approvals = max(1, Int(wire.approvals))
            value.preApproval = Fields.clipped(wire.preApproval, max: 4096)
            self = .dryRun(value)
        }
    }
}
