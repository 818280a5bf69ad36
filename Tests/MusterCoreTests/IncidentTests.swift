import MusterCore
import MusterIncident
import Testing

/// An incident is what its events say, and an event that comes again says nothing new.
@Suite struct IncidentTests {
    private typealias Samples = IncidentSamples

    private func incident(_ bodies: [IncidentEvent]) -> Incident {
        var incident = Incident(id: Samples.id)
        for (index, body) in bodies.enumerated() {
            let moment = Samples.start + .seconds(index)
            let isNext = incident.apply(Samples.stored(index + 1, body, at: moment))
            #expect(isNext)
        }
        return incident
    }

    @Test("The first alert opens it, the newest word of each alert counts")
    func alerts() {
        let made = incident([
            Samples.alert(), Samples.opened, Samples.alert(fingerprint: "b"), Samples.alert(.resolved),
        ])
        #expect(made.opened == Samples.start)
        #expect(made.alerted == Samples.start + .seconds(3))
        #expect(made.alerts.map(\.fingerprint) == ["a", "b"])
        #expect(made.alerts.map(\.status) == [.resolved, .firing])
        #expect(made.summary.title == "HighErrorRate")
        #expect(made.summary.owner == Samples.owner)
    }

    @Test("It is quiet when every alert is resolved and no source left one out")
    func quiet() {
        #expect(!incident([]).isQuiet)
        #expect(!incident([Samples.alert()]).isQuiet)
        #expect(incident([Samples.alert(), Samples.alert(.resolved)]).isQuiet)
        #expect(!incident([Samples.alert(fingerprint: "b"), Samples.alert(.resolved)]).isQuiet)
        let truncated = [
            Samples.alert(.resolved), IncidentEvent.alertsTruncated(group: "g", count: 3),
            IncidentEvent.alertsTruncated(group: "h", count: 0),
        ]
        #expect(!incident(truncated).isQuiet)
        #expect(incident(truncated + [.alertsTruncated(group: "g", count: 0)]).isQuiet)
    }

    @Test("What a host reported as final stays, and a later word about it changes nothing")
    func finalReports() {
        let plan = Samples.plan()
        let head: [IncidentEvent] = [.planProposed(plan: plan, doubts: []), Samples.ticketed(1, plan)]
        func state(_ states: ActionState...) -> ActionState? {
            incident(head + states.map { Samples.reported(1, $0) }).tickets.first?.state
        }
        #expect(state() == nil)
        #expect(state(.prepared, .running, .done) == .done)
        #expect(state(.done, .committed, .running) == .committed)
        #expect(state(.failed, .done) == .failed)
        #expect(state(.indeterminate, .committed) == .indeterminate)
    }

    @Test("A ticket is stored once; its decision is the first one")
    func tickets() {
        let plan = Samples.plan()
        let made = incident([
            .planProposed(plan: plan, doubts: []), Samples.ticketed(1, plan),
            Samples.ticketed(1, plan, on: Samples.web1),
            .actionDecided(ticket: Samples.ticket(1), host: Samples.web2, keep: true, reason: "well"),
            .actionDecided(ticket: Samples.ticket(1), host: Samples.web2, keep: false, reason: "not well"),
        ])
        #expect(made.tickets.map(\.host) == [Samples.web2])
        #expect(made.tickets.first?.keep == true)
        #expect(made.tickets.first?.waits == true)
        #expect(made.tickets(ofStep: 1).count == 1)
        #expect(made.tickets(ofStep: 0).isEmpty)
    }

    @Test("A ticket to send exists only for a plan that may run, with all its signatures")
    func ticketToSend() throws {
        let plan = Samples.plan()
        let proposed: [IncidentEvent] = [.planProposed(plan: plan, doubts: []), Samples.ticketed(1, plan)]
        #expect(incident(proposed).ticket(Samples.ticket(1)) == nil)
        let rejected = proposed + [.approvalRejected(plan: plan.id, by: "dana", reason: "")]
        #expect(incident(rejected).ticket(Samples.ticket(1)) == nil)
        #expect(incident(rejected + [Samples.approved(plan)]).ticket(Samples.ticket(1)) == nil)
        let approved = proposed + [Samples.approved(plan), Samples.approved(plan, signer: "ana")]
        let ticket = try #require(incident(approved).ticket(Samples.ticket(1)))
        #expect(ticket.plan == plan)
        #expect(ticket.agent == Samples.web2.id)
        #expect(ticket.expires == plan.plan.expires)
        #expect(ticket.approvals.map(\.signer) == ["dana", "ana"])
        #expect(ticket.preApproval == nil)
        #expect(incident(approved).ticket(Samples.ticket(2)) == nil)
    }

    @Test("A pre-approved ticket carries the runbook and the signature over it")
    func preApproval() throws {
        let plan = Samples.plan()
        let made = incident([
            Samples.matched(signature: Samples.signature), .planProposed(plan: plan, doubts: []),
            .approvalPresent(plan: plan.id, signer: "ana"), Samples.ticketed(1, plan),
        ])
        let ticket = try #require(made.ticket(Samples.ticket(1)))
        #expect(ticket.approvals.isEmpty)
        #expect(ticket.preApproval?.runbook == Array("steps: []".utf8))
        #expect(ticket.preApproval?.signer == "ana")
        #expect(ticket.preApproval?.signature == Samples.signature.signature)
    }

    @Test("Words about plans and tickets that were never made change nothing but the place in the record")
    func strangers() {
        let made = incident([
            .approvalRequested(plan: Samples.digest(9), why: []), Samples.approved(Samples.plan()),
            .approvalRejected(plan: Samples.digest(9), by: "dana", reason: ""), Samples.reported(7, .done),
            .actionDecided(ticket: Samples.ticket(7), host: Samples.web1, keep: true, reason: ""),
            .actionLost(ticket: Samples.ticket(7), host: Samples.web1, reason: ""),
        ])
        #expect(made.sequence == 6)
        #expect(made.plans.isEmpty && made.tickets.isEmpty && made.pending.isEmpty)
    }

    @Test("The first end of a step, its first verification and the first resolution stand")
    func firstWord() {
        let made = incident([
            .stepStarted(step: 2, text: ""), .stepStarted(step: 2, text: ""),
            .verified(step: 2, passed: true, text: "1%", values: ["value": 0.01]),
            .verified(step: 2, passed: false, text: "9%", values: ["value": 0.09]),
            .stepEnded(step: 2, outcome: .passed, text: "well", values: ["count": 3]),
            .stepEnded(step: 2, outcome: .failed, text: "not well", values: [:]),
            .resolved(reason: "1%", by: "muster"), .resolved(reason: "again", by: "alerts"),
        ])
        let step = made.steps[2]
        #expect(step?.started == Samples.start)
        #expect(step?.verified == true)
        #expect(step?.outcome == .passed)
        #expect(step?.text == "well")
        #expect(step?.values == ["value": 0.01, "count": 3])
        #expect(made.resolved == Samples.start + .seconds(6))
        #expect(!made.runbookFailed)
    }

    @Test("A cause that people confirmed is shown instead of the one that was thought probable")
    func confirmed() {
        let ranked = [Samples.alert(), Samples.opened, Samples.context, Samples.ranked()]
        #expect(incident(ranked).summary.cause == "deploy #4521 on web-2")
        let closed = incident(ranked + [.closed(by: "dana", confirmedCause: "a bad release")])
        #expect(closed.summary.cause == "a bad release")
        #expect(closed.status == .closed)
        #expect(!closed.isOpen)
    }
}
