import MusterCause
import MusterCore
import MusterIdentity
import MusterIncident

/// Decides an incident again from its record, event by event, and notes what today's engines would do otherwise.
///
/// A difference does not lead the rest astray: what is recorded is what happened, and the next event is judged after it.
package struct RecordReplay: Sendable {
    private let header: RecordHeader
    private let coding: EventCoding
    private var engine: IncidentEngine
    private var report: ReplayReport
    /// When the newest event was stored.
    private var last = Timestamp.zero
    /// When the newest context was stored; its findings are in the same batch.
    private var collected: Timestamp?
    /// What the engine decided by itself and nobody has stored yet, with the time since when.
    private var unstored: [IncidentEvent: Timestamp] = [:]
    private var missed: Set<IncidentEvent> = []

    /// Deciding and storing take a moment: what stood until so long before an event was stored may be its reason.
    static let moment = Duration.seconds(2)
    /// How long a decision may wait to be stored: a coordinator that can't write tries again after five seconds.
    static let storedWithin = Duration.seconds(10)

    package init(_ header: RecordHeader, coding: EventCoding = EventCoding()) {
        self.header = header
        self.coding = coding
        self.engine = IncidentEngine(id: header.incident, policy: header.policy)
        self.report = ReplayReport(incident: header.incident, coordinator: header.coordinator)
    }

    /// Takes the next event of a record whose chain was checked.
    ///
    /// - Throws: ``IncidentRecordError`` when the event can't be understood.
    package mutating func take(_ recorded: RecordedEvent) throws(IncidentRecordError) {
        let event = try coding.stored(recorded)
        try EventBounds.check(event, body: recorded.body)
        noteMissed(before: event)
        try judge(event)
        if case .contextCollected = event.body { collected = event.at }
        _ = engine.handle(event, now: event.at)
        last = event.at
        report.events += 1
        var standing: [IncidentEvent: Timestamp] = [:]
        for decision in decisions(at: event.at) { standing[decision] = unstored[decision] ?? event.at }
        unstored = standing
    }

    /// Says that the record is over, and what is missing at its end.
    package mutating func finish() -> ReplayReport {
        let end = header.exported - Self.storedWithin
        if end >= last {
            for decision in decisions(at: end) where missed.insert(decision).inserted {
                differ(
                    seq: report.events + 1,
                    at: nil,
                    kind: decision.kind,
                    recorded: "nothing",
                    today: decision.text
                )
            }
        }
        return report
    }

    // MARK: Judging

    private mutating func judge(_ event: StoredEvent) throws(IncidentRecordError) {
        let today: String?
        switch event.body.origin {
        case .outside: today = outside(event.body)
        case .decision: return try judgeDecision(event)
        case .work: today = judgeWork(event)
        }
        if let today {
            differ(seq: event.seq, at: event.at, kind: event.kind, recorded: event.body.text, today: today)
        }
    }

    /// What was measured, asked or done has to be something that today's engine still wants.
    private mutating func judgeWork(_ event: StoredEvent) -> String? {
        let now = engine.outstanding(now: event.at)
        let isWanted = (now + engine.outstanding(now: justBefore(event))).contains { event.body.ends($0) }
        let isOfBatch = [.findingMade, .pastRecalled].contains(event.kind) && event.at == collected
        return isWanted || isOfBatch ? computed(event) : Self.list(now)
    }

    /// What the engine decides by itself has to be exactly what it decides today.
    private mutating func judgeDecision(_ event: StoredEvent) throws(IncidentRecordError) {
        let now = engine.outstanding(now: event.at)
        let all = now + engine.outstanding(now: justBefore(event))
        // A step may also end by what was measured for it.
        guard !all.contains(.record(event.body)), !all.contains(where: { event.body.ends($0) }) else {
            return
        }
        let rival = now.lazy.compactMap(\.decision).first { $0.isAbout(sameAs: event.body) }
        guard let rival else {
            differ(
                seq: event.seq,
                at: event.at,
                kind: event.kind,
                recorded: event.body.text,
                today: Self.list(now)
            )
            return
        }
        var (recorded, today) = (event.body.text, rival.text)
        if recorded == today {
            // What differs is nothing that the line for people has.
            recorded = String(decoding: try coding.bytes(event.body), as: UTF8.self)
            today = String(decoding: try coding.bytes(rival), as: UTF8.self)
        }
        differ(seq: event.seq, at: event.at, kind: event.kind, recorded: recorded, today: today)
    }

    /// Why something from outside would not be taken today; nil when it would.
    private func outside(_ body: IncidentEvent) -> String? {
        let incident = engine.incident
        switch body {
        case .approvalGiven(let plan, _, _), .glassBroken(let plan, _, _), .approvalRejected(let plan, _, _):
            let waits = incident.pending.contains { $0.sealed.id == plan }
            return waits ? nil : "refused: plan \(plan.short) does not wait for a decision"
        case .rolloutPaused(let plan, _, _), .rolloutResumed(let plan, _), .rolloutAborted(let plan, _, _):
            let record = incident[plan]
            let isUnderWay = record.map {
                $0.mayRun && $0.aborted == nil && incident.steps[$0.sealed.plan.step]?.outcome == nil
            }
            return isUnderWay == true ? nil : "refused: plan \(plan.short) is not under way"
        case .rolloutRetried(let plan, _, _, _):
            let hosts = incident[plan].flatMap { incident.retriable($0) }
            return hosts == nil ? "refused: plan \(plan.short) can't be tried again" : nil
        case .actionReported(let report, let host):
            let isOurs = incident[report.ticket]?.host.id == host.id
            return isOurs ? nil : "left out: \(host.name) has no ticket \(report.ticket)"
        case .closed: return incident.closed == nil ? nil : "refused: the incident is closed already"
        default: return nil
        }
    }

    /// What today's engines make of the same inputs, when that is something else; nil when it is not, or when
    /// the record does not hold the inputs.
    private mutating func computed(_ event: StoredEvent) -> String? {
        switch event.body {
        case .hypothesisRanked(let ranking, let round):
            guard let context = engine.incident.context, round <= 2 else {
                report.notRanked.append(event.seq)
                return nil
            }
            return ranking.difference(in: engine.incident, hosts: context.hosts)
        case .planProposed(let plan, _, _):
            let id = Sealing.planID(plan.bytes)
            return id == plan.id ? nil : "the id of these bytes is \(id)"
        case .runbookMatched(let match):
            let digest = SHA256.hash(Array(match.source.utf8))
            return digest == match.digest ? nil : "the digest of this runbook is \(digest)"
        case .postMortemDrafted(_, let version):
            let next = engine.incident.postMortemVersion + 1
            return version == next ? nil : "version \(next)"
        default: return nil
        }
    }

    // MARK: Parts

    /// Decisions that were due long before this event, which shows that its coordinator was at work.
    private mutating func noteMissed(before event: StoredEvent) {
        guard event.body.origin == .work else { return }
        for (decision, since) in unstored.sorted(by: { ($0.value, $0.key.text) < ($1.value, $1.key.text) })
        where event.at - since > Self.storedWithin && missed.insert(decision).inserted {
            differ(
                seq: event.seq,
                at: event.at,
                kind: decision.kind,
                recorded: "nothing; goes on with: \(event.body.text)",
                today: decision.text
            )
        }
    }

    private mutating func differ(
        seq: Int,
        at moment: Timestamp?,
        kind: IncidentEvent.Kind,
        recorded: String,
        today: String
    ) {
        report.differences.append(
            ReplayReport.Difference(
                seq: seq,
                at: moment,
                kind: kind.rawValue,
                recorded: recorded,
                today: today
            )
        )
    }

    private func decisions(at moment: Timestamp) -> [IncidentEvent] {
        engine.outstanding(now: moment).compactMap(\.decision)
    }

    private func justBefore(_ event: StoredEvent) -> Timestamp { max(last, event.at - Self.moment) }

    private static func list(_ directives: [IncidentDirective]) -> String {
        guard !directives.isEmpty else { return "nothing" }
        let more = directives.count > 3 ? "; and \(directives.count - 3) more" : ""
        return "instead: " + directives.prefix(3).map(\.text).joined(separator: "; ") + more
    }
}

extension IncidentDirective {
    /// The event that the engine decided by itself; nil for work that others do.
    fileprivate var decision: IncidentEvent? {
        if case .record(let event) = self { event } else { nil }
    }
}

extension Ranking {
    /// What today's ranking says of the recorded findings; nil when it says the same.
    ///
    /// Who was asked and what was not seen stand in the recorded ranking. What runbooks were there does not: the
    /// verdict may be the one with or without a runbook that knows the cause.
    fileprivate func difference(in incident: Incident, hosts: [HostHealth]) -> String? {
        func today(isKnown: Bool) -> Ranking {
            CauseRanking.rank(
                RankingInput(
                    incident,
                    findings: incident.findings,
                    hosts: hosts,
                    coverage: coverage,
                    unseen: unseen,
                    knowledge: RankingInput.Knowledge(alertIsKnown: isKnown, causes: [])
                        .with(incident.recollection)
                )
            )
        }
        let new = today(isKnown: true)
        let isSame =
            new.hypotheses.count == hypotheses.count
            && zip(new.hypotheses, hypotheses).allSatisfy { $0.isSame(as: $1) }
        if isSame, verdict == new.verdict || verdict == today(isKnown: false).verdict { return nil }
        let lines = new.hypotheses.prefix(3).map { "\($0.probability.percentText) \($0.cause)" }
        let place = zip(new.hypotheses, hypotheses).enumerated().first { !$1.0.isSame(as: $1.1) }?.offset
        let first = place.map { "; differs from hypothesis \($0 + 1) on" } ?? ""
        return "Hypothesis (\(new.verdict.rawValue)): \(lines.joined(separator: "; "))\(first)"
    }
}

extension Hypothesis {
    /// The last digits of a probability are the mathematical library's.
    fileprivate func isSame(as other: Hypothesis) -> Bool {
        var other = other
        if abs(probability - other.probability) < 1e-9 { other.probability = probability }
        return self == other
    }
}
