import MusterCore
import MusterIncident
import Testing

@Suite struct IncidentEngineTests {
    private typealias Samples = IncidentSamples

    @Test("From the alert to the post-mortem each event calls for the next move and nothing else")
    func wholeWay() {
        let plan = Samples.plan()
        let ticket = Samples.ticket(1)
        let steps = Samples.runbook().steps
        func started(_ step: Int) -> IncidentEvent {
            .stepStarted(step: step, text: steps[step].action.title)
        }
        func passed(_ step: Int, _ text: String, _ values: [String: Double] = [:]) -> IncidentEvent {
            .stepEnded(step: step, outcome: .passed, text: text, values: values)
        }
        let ask = ["the runbook asks for approval of this step"]
        let keep = IncidentEvent.actionDecided(ticket: ticket, host: Samples.web2, keep: true, reason: "1%")
        let told = IncidentEvent.notified(
            purpose: .step(3),
            channel: "",
            text: "shop is well again",
            delivered: true,
            reason: ""
        )
        let end = IncidentEvent.resolved(reason: "1%", by: "muster")
        let impact = IncidentImpact(
            window: TimeWindow(from: Samples.start, to: Samples.start + .seconds(60)),
            blast: nil,
            costPerFailedRequest: 0,
            costPerMinute: 0,
            currency: ""
        )

        var record = IncidentRecord()
        record.take(Samples.alert(), expecting: [])
        record.take(Samples.opened, expecting: [.collectContext])
        #expect(record.incident.status == .open)
        record.take(Samples.context, expecting: [.tell(.opened), .investigate(round: 1)])
        record.take(Samples.ranked(), expecting: [.matchRunbook])
        #expect(record.incident.status == .investigating)
        record.take(Samples.matched(), expecting: [.tell(.ranked), .record(started(0))])
        record.take(started(0), expecting: [.check(step: 0)])
        record.take(passed(0, "12%"), expecting: [.record(started(1))])
        record.take(started(1), expecting: [.propose(step: 1)])
        let request = IncidentEvent.approvalRequested(plan: plan.id, why: ask)
        record.take(.planProposed(plan: plan, doubts: []), expecting: [.record(request)])
        record.take(request, expecting: [.tell(.approval(plan: plan.id))])
        #expect(record.incident.status == .awaitingApproval)
        #expect(record.incident.ticket(ticket) == nil)
        let issue = IncidentDirective.issueTicket(plan: plan.id, host: Samples.web2)
        record.take(Samples.approved(plan), expecting: [issue])
        record.take(Samples.ticketed(1, plan), expecting: [.deliver(ticket)])
        #expect(record.incident.status == .mitigating)
        record.take(Samples.reported(1, .running), expecting: [.follow(ticket)])
        record.take(
            Samples.reported(1, .done, count: 3),
            expecting: [.record(passed(1, "done on web-2", ["count": 3]))]
        )
        record.take(passed(1, "done on web-2", ["count": 3]), expecting: [.record(started(2))])
        record.take(started(2), expecting: [.verify(step: 2)])
        record.take(.verified(step: 2, passed: true, text: "1%", values: [:]), expecting: [.record(keep)])
        record.take(keep, expecting: [.conclude(ticket, keep: true)])
        record.take(Samples.reported(1, .committed), expecting: [.record(passed(2, "1%"))])
        record.take(passed(2, "1%"), expecting: [.record(started(3))])
        record.take(started(3), expecting: [.tell(.step(3))])
        record.take(told, expecting: [.record(passed(3, "told"))])
        record.take(passed(3, "told"), expecting: [.record(end)])
        record.take(end, expecting: [.tell(.resolved), .measureImpact])
        #expect(record.incident.status == .resolved)
        record.take(.impactMeasured(impact: impact), expecting: [.draftPostMortem])
        let draft = IncidentEvent.postMortemDrafted(digest: .zero, version: 1)
        record.take(draft, expecting: [.tell(.postMortem)])
        #expect(record.work.isEmpty)
        #expect(record.engine.wake(after: record.now) == nil)
    }

    @Test("A verdict without a cause brings further rounds, later ones after a pause, then people")
    func rounds() {
        var record = IncidentRecord()
        for body in [Samples.alert(), Samples.opened, Samples.context] { record.take(body) }
        record.take(Samples.ranked(.unknown), expecting: [.investigate(round: 2)])
        record.take(Samples.ranked(.novel, round: 2), expecting: [])
        #expect(record.engine.wake(after: record.now) == Samples.start + .seconds(10))
        record.now = Samples.start + .seconds(10)
        #expect(record.work == [.investigate(round: 3)])
        record.take(Samples.ranked(.unknown, round: 3), expecting: [.matchRunbook])
        let call = IncidentEvent.escalated(
            to: ["ana", "bob"],
            reason: "no runbook applies; people are needed"
        )
        record.take(.runbookNotFound(reasons: []), expecting: [.tell(.ranked), .record(call)])
        record.take(call, expecting: [.tell(.escalated)])
        #expect(record.work.isEmpty)
    }

    @Test("Alerts that stay resolved for half a minute end the incident, unless a source left some out")
    func recovery() {
        var record = IncidentRecord()
        for body in [
            Samples.alert(), Samples.opened, Samples.context, Samples.ranked(),
            IncidentEvent.alertsTruncated(group: "g", count: 2), Samples.alert(.resolved),
        ] {
            record.take(body)
        }
        record.now = Samples.start + .seconds(60)
        #expect(record.work == [.matchRunbook])
        record.take(.alertsTruncated(group: "g", count: 0))
        let end = IncidentEvent.resolved(reason: "all alerts have been resolved for 30 s", by: "alerts")
        #expect(record.work == [.record(end)])
        record.take(Samples.alert(.resolved))
        #expect(record.work == [.matchRunbook])
        #expect(record.engine.wake(after: record.now) == record.now + .seconds(30))
    }

    @Test("The directives after replaying the events are what they were")
    func replay() {
        var record = IncidentRecord.done()
        record.take(.verified(step: 2, passed: true, text: "1%", values: [:]))
        record.takeRecords()
        record.take(Samples.reported(1, .committed))
        record.takeRecords()
        var engine = IncidentEngine(id: Samples.id)
        let directives = record.events.map { engine.handle($0, now: $0.at) }
        #expect(directives == record.directives)
        #expect(engine.outstanding(now: record.now) == record.engine.outstanding(now: record.now))
        #expect(engine.incident.summary == record.incident.summary)
        #expect(engine.incident.tickets == record.incident.tickets)
    }

    @Test("An event that is not the next one changes nothing")
    func outOfOrder() throws {
        let record = IncidentRecord.proposed()
        let count = record.events.count
        let approved = Samples.approved(Samples.plan())
        var strange = Samples.stored(count + 1, approved)
        strange.incident = IncidentID(uuid: UUIDv7(at: Samples.start, random: (0, 99)))
        let last = try #require(record.events.last)
        let wrong = [
            last, record.events[0], strange, Samples.stored(count + 2, approved),
            Samples.stored(0, approved), Samples.stored(-1, approved),
        ]
        for event in wrong {
            var engine = record.engine
            let directives = engine.handle(event, now: record.now)
            #expect(directives.isEmpty)
            #expect(engine.incident.sequence == count)
            #expect(engine.outstanding(now: record.now) == record.engine.outstanding(now: record.now))
        }
        var engine = record.engine
        let directives = engine.handle(Samples.stored(count + 1, approved), now: record.now)
        #expect(directives == [.issueTicket(plan: Samples.plan().id, host: Samples.web2)])
    }
}
