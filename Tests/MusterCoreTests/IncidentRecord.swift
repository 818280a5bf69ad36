import MusterCore
import MusterIncident
import Testing

/// An incident whose events are fed by hand: what the coordinator is to its engine, without any world.
struct IncidentRecord {
    private(set) var engine = IncidentEngine(id: IncidentSamples.id)
    private(set) var events: [StoredEvent] = []
    /// What each event newly called for.
    private(set) var directives: [[IncidentDirective]] = []
    /// The time on the coordinator's clock.
    var now = IncidentSamples.start

    var incident: Incident { engine.incident }

    /// All that stands, apart from messages to people.
    var work: [IncidentDirective] {
        engine.outstanding(now: now).filter { directive in
            if case .tell = directive { false } else { true }
        }
    }

    /// Stores the next event and returns what it newly calls for.
    @discardableResult
    mutating func take(_ body: IncidentEvent) -> [IncidentDirective] {
        let event = IncidentSamples.stored(events.count + 1, body, at: now)
        events.append(event)
        let new = engine.handle(event, now: now)
        directives.append(new)
        return new
    }

    /// Stores the next event, which must newly call for exactly these.
    mutating func take(
        _ body: IncidentEvent,
        expecting expected: [IncidentDirective],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let new = take(body)
        #expect(new == expected, sourceLocation: sourceLocation)
    }

    /// Stores the events that the engine itself asks for until it asks for none, and returns their kinds.
    @discardableResult
    mutating func takeRecords() -> [IncidentEvent.Kind] {
        var kinds: [IncidentEvent.Kind] = []
        while let body = work.lazy.compactMap(\.recorded).first, kinds.count < 100 {
            kinds.append(body.kind)
            take(body)
        }
        return kinds
    }

    /// The same, which must be exactly these.
    mutating func takeRecords(
        expecting expected: [IncidentEvent.Kind],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let kinds = takeRecords()
        #expect(kinds == expected, sourceLocation: sourceLocation)
    }

    /// As far as the plan of the runbook's second step: proposed, and whatever follows from that by itself.
    static func proposed(
        _ plan: SealedPlan = IncidentSamples.plan(),
        match: IncidentEvent = IncidentSamples.matched(),
        doubts: [String] = []
    ) -> IncidentRecord {
        var record = IncidentRecord()
        for body in [
            IncidentSamples.alert(), IncidentSamples.opened, IncidentSamples.context,
            IncidentSamples.ranked(), match,
        ] {
            record.take(body)
        }
        record.takeRecords()
        record.take(.stepEnded(step: 0, outcome: .passed, text: "Error ratio is 12%", values: [:]))
        record.takeRecords()
        record.take(.planProposed(plan: plan, doubts: doubts))
        record.takeRecords()
        return record
    }

    /// As far as an action that its host says went well and that waits for a decision.
    static func done(_ match: IncidentEvent = IncidentSamples.matched()) -> IncidentRecord {
        let plan = IncidentSamples.plan()
        var record = proposed(plan, match: match)
        record.take(IncidentSamples.approved(plan))
        record.take(IncidentSamples.ticketed(1, plan))
        record.take(IncidentSamples.reported(1, .running))
        record.take(IncidentSamples.reported(1, .done, count: 3))
        record.takeRecords()
        return record
    }
}

extension IncidentDirective {
    /// The event to store; nil for any other directive.
    var recorded: IncidentEvent? {
        if case .record(let event) = self { event } else { nil }
    }
}
