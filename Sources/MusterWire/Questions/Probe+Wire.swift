import FoundationEssentials
import MusterCore

extension WireQuestion {
    /// The message of a question.
    package init(_ question: Question) {
        self.init()
        id = question.id.description
        deadlineMs = UInt32(clamping: Int64(question.budget.deadline.inMilliseconds.rounded(.up)))
        bytesMax = Fields.count(question.budget.bytesMax)
        rowsMax = Fields.small(question.budget.rowsMax)
        sealed = question.isSealed
        probe = OneOf_Probe(question.probe)
    }
}

extension WireQuestion.OneOf_Probe {
    init(_ probe: Probe) {
        switch probe {
        case .logs(let window, let service, let level, let text, let refinement):
            var wire = WireLogsProbe()
            wire.window = WireTimeWindow(window)
            wire.service = service
            wire.level = level?.rawValue ?? ""
            wire.text = text
            if let refinement {
                wire.regex = refinement.regex
                wire.template = refinement.template
                wire.order = refinement.order == .newest ? "" : refinement.order.rawValue
                wire.bucketSeconds = Fields.small(refinement.bucketSeconds)
                wire.contextLines = Fields.small(refinement.contextLines)
            }
            self = .logs(wire)
        case .requests(let window, let service, let salt, let bucketSeconds):
            var wire = WireRequestsProbe()
            wire.window = WireTimeWindow(window)
            wire.service = service
            wire.salt = Data(salt)
            wire.bucketSeconds = Fields.small(bucketSeconds)
            self = .requests(wire)
        case .metrics(let window, let prefix):
            var wire = WireMetricsProbe()
            wire.window = WireTimeWindow(window)
            wire.prefix = prefix
            self = .metrics(wire)
        case .anomalies(let window, let prefix):
            var wire = WireAnomaliesProbe()
            wire.window = WireTimeWindow(window)
            wire.prefix = prefix
            self = .anomalies(wire)
        case .processes(let text):
            var wire = WireProcessesProbe()
            wire.text = text
            self = .processes(wire)
        case .sockets(let port):
            var wire = WireSocketsProbe()
            wire.port = Fields.small(port)
            self = .sockets(wire)
        case .dependencies(let name):
            var wire = WireDependenciesProbe()
            wire.name = name
            self = .dependencies(wire)
        case .changes(let window, let service):
            var wire = WireChangesProbe()
            wire.window = WireTimeWindow(window)
            wire.service = service
            self = .changes(wire)
        case .facts:
            self = .facts(WireFactsProbe())
        case .sql(let target, let statement, let settings):
            var wire = WireSqlProbe()
            wire.target = target
            wire.statement = statement
            wire.settings = settings
            self = .sql(wire)
        case .ledger(let ticket):
            var wire = WireLedgerProbe()
            wire.ticketID = ticket?.description ?? ""
            self = .ledger(wire)
        case .dryRun(let plan):
            var wire = WireDryRunProbe()
            wire.plan = Data(WireCodec.seal(plan))
            self = .dryRun(wire)
        }
    }
}

extension WireTimeWindow {
    init(_ window: TimeWindow) {
        self.init()
        fromNs = window.from.nanoseconds
        toNs = window.to.nanoseconds
    }
}

extension Question {
    /// Reads a question and checks every limit of the protocol.
    ///
    /// Throws `.unknownKind` for a probe that this version does not have: the caller answers with a refusal.
    package init(_ wire: WireQuestion) throws(WireError) {
        guard (1...600_000).contains(wire.deadlineMs) else {
            throw WireError(.malformed, "deadline_ms must be from 1 to 600000, found \(wire.deadlineMs)")
        }
        let standard = QuestionBudget()
        self.init(
            id: try Fields.identifier(wire.id, "question id"),
            probe: try Probe(wire.probe),
            budget: QuestionBudget(
                deadline: .milliseconds(Int64(wire.deadlineMs)),
                bytesMax: wire.bytesMax == 0
                    ? standard.bytesMax : min(Fields.count(wire.bytesMax), QuestionBudget.bytesCeiling),
                rowsMax: wire.rowsMax == 0
                    ? standard.rowsMax : min(Int(wire.rowsMax), QuestionBudget.rowsCeiling)
            ),
            isSealed: wire.sealed
        )
    }
}

extension Probe {
    init(_ wire: WireQuestion.OneOf_Probe?) throws(WireError) {
        switch wire {
        case nil: throw WireError(.unknownKind, "this version does not know the kind of question")
        case .logs(let wire): self = try Probe(wire)
        case .requests(let wire): self = try Probe(wire)
        case .metrics(let wire):
            try Fields.check(wire.prefix.utf8.count, max: 128, "prefix")
            self = .metrics(window: TimeWindow(wire.window), prefix: wire.prefix)
        case .anomalies(let wire):
            try Fields.check(wire.prefix.utf8.count, max: 128, "prefix")
            self = .anomalies(window: TimeWindow(wire.window), prefix: wire.prefix)
        case .processes(let wire):
            try Fields.check(wire.text.utf8.count, max: 1024, "text")
            self = .processes(text: wire.text)
        case .sockets(let wire):
            guard wire.port <= 65_535 else { throw WireError(.malformed, "port \(wire.port) is no TCP port") }
            self = .sockets(port: Int(wire.port))
        case .dependencies(let wire):
            try Fields.check(wire.name.utf8.count, max: 128, "name")
            self = .dependencies(name: wire.name)
        case .changes(let wire):
            try Fields.check(wire.service.utf8.count, max: 128, "service")
            self = .changes(window: TimeWindow(wire.window), service: wire.service)
        case .facts: self = .facts
        case .sql(let wire):
            try Fields.check(wire.target.utf8.count, max: 128, "target")
            try Fields.check(wire.statement.utf8.count, max: 16 << 10, "statement")
            try Fields.check(wire.settings.count, max: 16, "settings")
            self = .sql(target: wire.target, statement: wire.statement, settings: wire.settings)
        case .ledger(let wire):
            self = .ledger(
                ticket: wire.ticketID.isEmpty ? nil : try Fields.identifier(wire.ticketID, "ticket id")
            )
        case .dryRun(let wire):
            try Fields.check(wire.plan.count, max: 64 << 10, "plan")
            self = .dryRun(plan: try WireCodec.plan(from: Array(wire.plan)))
        }
    }

    private init(_ wire: WireLogsProbe) throws(WireError) {
        try Fields.check(wire.service.utf8.count, max: 128, "service")
        try Fields.check(wire.text.utf8.count, max: 1024, "text")
        let level = LogLevel(rawValue: wire.level)
        guard level != nil || wire.level.isEmpty else {
            throw WireError(
                .malformed,
                "level \"\(wire.level.prefix(32))\" is none of debug, info, warning, error, fatal"
            )
        }
        let refinement = try LogRefinement(wire)
        self = .logs(
            window: TimeWindow(wire.window),
            service: wire.service,
            level: level,
            text: wire.text,
            refinement: refinement == LogRefinement() ? nil : refinement
        )
    }

    private init(_ wire: WireRequestsProbe) throws(WireError) {
        try Fields.check(wire.service.utf8.count, max: 128, "service")
        guard wire.salt.isEmpty || (16...64).contains(wire.salt.count) else {
            throw WireError(.malformed, "salt must be empty or 16 to 64 bytes, found \(wire.salt.count)")
        }
        self = .requests(
            window: TimeWindow(wire.window),
            service: wire.service,
            salt: Array(wire.salt),
            bucketSeconds: Int(wire.bucketSeconds)
        )
    }
}

extension LogRefinement {
    fileprivate init(_ wire: WireLogsProbe) throws(WireError) {
        guard let order = wire.order.isEmpty ? .newest : LogOrder(rawValue: wire.order) else {
            throw WireError(
                .malformed,
                "order \"\(wire.order.prefix(32))\" is none of newest, oldest, spread"
            )
        }
        self.init(
            regex: wire.regex,
            template: wire.template,
            order: order,
            bucketSeconds: Int(wire.bucketSeconds),
            contextLines: Int(wire.contextLines)
        )
        if let problem { throw WireError(.tooLarge, problem) }
    }
}

extension TimeWindow {
    /// Reads a window; an end of 0 is unbounded.
    init(_ wire: WireTimeWindow) {
        self.init(
            from: Timestamp(nanoseconds: wire.fromNs),
            to: Timestamp(nanoseconds: wire.toNs == 0 ? .max : wire.toNs)
        )
    }
}
