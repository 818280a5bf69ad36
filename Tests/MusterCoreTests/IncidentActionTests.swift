import MusterCore
import MusterIncident
import Testing

/// What follows when an action does not go as it should.
@Suite struct IncidentActionTests {
    private typealias Samples = IncidentSamples
    private let plan = IncidentSamples.plan()
    private let ticket = IncidentSamples.ticket(1)

    private func ended(_ record: IncidentRecord, step: Int) -> String? {
        record.incident.steps[step].flatMap { $0.outcome == .failed ? $0.text : nil }
    }

    @Test("One host goes first, the others follow when it went well")
    func waves() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(
            Samples.approved(both),
            expecting: [.issueTicket(plan: both.id, host: Samples.web1)]
        )
        record.take(Samples.ticketed(1, both, on: Samples.web1), expecting: [.deliver(ticket)])
        record.take(Samples.reported(1, .running, on: Samples.web1), expecting: [.follow(ticket)])
        record.take(
            Samples.reported(1, .done, on: Samples.web1),
            expecting: [.issueTicket(plan: both.id, host: Samples.web2)]
        )
    }

    @Test("What fails on the first host reaches no other")
    func firstFails() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .failed, on: Samples.web1, reason: "no such release"))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(ended(record, step: 1) == "action on web-1: failed (no such release)")
        #expect(record.incident.tickets.count == 1)
        #expect(record.work.isEmpty)
    }

    @Test("What fails on a later host is taken back on the first")
    func laterFails() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(2, .failed))
        record.takeRecords(expecting: [.rolloutStopped, .actionDecided])
        #expect(record.work == [.conclude(ticket, keep: false)])
        record.take(Samples.reported(1, .rolledBack, on: Samples.web1))
        record.takeRecords(expecting: [.stepEnded, .escalated])
    }

    @Test("A rollout that has stopped stays stopped, also when a lost host comes back and all is well there")
    func staysStopped() {
        var three = Samples.plan(on: [Samples.web1, Samples.web2])
        three.plan.targets.append(HostReference(id: Samples.digest(13), name: "web-3"))
        three.plan.rollout = Rollout(waves: [2, 3], atOnce: 2)
        var record = IncidentRecord.proposed(three)
        record.take(Samples.approved(three))
        record.take(Samples.ticketed(1, three, on: Samples.web1))
        record.take(Samples.ticketed(2, three))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(.actionLost(ticket: Samples.ticket(2), host: Samples.web2, reason: "silent"))
        record.takeRecords(expecting: [.rolloutStopped, .actionDecided])
        record.take(Samples.reported(2, .committed))
        #expect(record.incident.tickets[1].isWell)
        #expect(record.work == [.conclude(Samples.ticket(1), keep: false)])
    }

    @Test("A plan that failed is tried again by a new one, only where it did not go well, and approved anew")
    func retry() throws {
        var both = Samples.plan(on: [Samples.web1, Samples.web2])
        (both.plan.rollback, both.plan.commitWithin) = (nil, .zero)
        both.plan.rollout = Rollout(waves: [2], atOnce: 2)
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(Samples.reported(2, .failed))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        let failed = try #require(record.incident[both.id])
        #expect(record.incident.retriable(failed) == [Samples.web2])
        record.take(.rolloutRetried(plan: both.id, hosts: [Samples.web2], by: "dana", reason: ""))
        #expect(record.incident.retriable(try #require(record.incident[both.id])) == nil)
        record.takeRecords(expecting: [.stepStarted])
        #expect(record.work == [.propose(step: 1)])
        #expect(record.incident.retries[1] == [Samples.web2])
        var second = Samples.plan(number: 2)
        second.plan.summary = "again"
        record.take(.planProposed(plan: second, doubts: []))
        record.takeRecords(expecting: [.approvalRequested])
        record.take(Samples.approved(second))
        #expect(record.work == [.issueTicket(plan: second.id, host: Samples.web2)])
        record.take(Samples.ticketed(3, second))
        record.take(Samples.reported(3, .done))
        record.takeRecords(expecting: [.stepEnded, .stepStarted])
        // What went wrong the first time is not held against it.
        record.take(.verified(step: 2, passed: true, text: "0%", values: [:]))
        record.takeRecords(expecting: [.actionDecided])
        record.take(Samples.reported(3, .committed))
        record.takeRecords()
        #expect(record.incident.steps[2]?.outcome == .passed)
    }

    @Test("Steps that are always taken follow when one has failed, and people are called all the same")
    func finally() {
        var runbook = Samples.runbook()
        runbook.steps[3].isFinally = true
        let plan = Samples.plan()
        var record = IncidentRecord.proposed(plan, match: Samples.matched(runbook))
        record.take(Samples.approved(plan))
        record.take(Samples.ticketed(1, plan))
        record.take(Samples.reported(1, .failed))
        record.takeRecords(expecting: [.stepEnded, .escalated, .stepStarted])
        #expect(record.incident.runbookFailed && record.incident.currentStep == 3)
        let tells = record.engine.outstanding(now: record.now).contains(.tell(.step(3)))
        #expect(tells)
        record.take(.notified(purpose: .step(3), channel: "", text: "", delivered: true, reason: ""))
        record.takeRecords(expecting: [.stepEnded])
        #expect(record.incident.currentStep == nil && record.work.isEmpty)
        #expect(record.incident.steps[2] == nil)
    }

    @Test("What waits for its turn on another host is called off when the rollout stops")
    func calledOff() {
        var both = Samples.plan(on: [Samples.web1, Samples.web2])
        both.plan.rollout = Rollout(waves: [2], atOnce: 2)
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(2, .prepared))
        record.take(Samples.reported(1, .failed, on: Samples.web1))
        record.takeRecords(expecting: [.actionDecided, .rolloutStopped])
        #expect(record.work == [.conclude(Samples.ticket(2), keep: false)])
        record.take(Samples.reported(2, .failed, reason: "not started: called off"))
        record.takeRecords(expecting: [.stepEnded, .escalated])
    }

    @Test("A ticket that has not reached its host when the rollout stops is not brought there any more")
    func notDelivered() {
        var both = Samples.plan(on: [Samples.web1, Samples.web2])
        both.plan.rollout = Rollout(waves: [2], atOnce: 2)
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(1, .failed, on: Samples.web1))
        record.takeRecords()
        #expect(record.work == [.follow(Samples.ticket(2))])
    }

    @Test("Within the budget a rollout goes on, and the runbook with it")
    func budget() {
        var both = Samples.plan(on: [Samples.web1, Samples.web2])
        both.plan.rollout = Rollout(waves: [1, 2], errorBudget: 1, atOnce: 1)
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(
            Samples.reported(1, .failed, on: Samples.web1, reason: "no such release"),
            expecting: [.issueTicket(plan: both.id, host: Samples.web2)]
        )
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(2, .done))
        record.takeRecords(expecting: [.stepEnded, .stepStarted])
        #expect(
            record.incident.steps[1]?.text
                == "done on web-2; within the budget: action on web-1: failed (no such release)"
        )
        #expect(record.work == [.follow(Samples.ticket(2)), .verify(step: 2)])
        record.take(.verified(step: 2, passed: true, text: "Error ratio is 0%", values: [:]))
        record.takeRecords(expecting: [.actionDecided])
        record.take(Samples.reported(2, .committed))
        record.takeRecords()
        #expect(record.incident.steps[2]?.outcome == .passed)
    }

    @Test("A plan that people end takes back what waits and leaves its step failed")
    func aborted() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(.rolloutPaused(plan: both.id, by: "dana", reason: ""))
        #expect(record.work == [.follow(ticket)])
        record.take(.rolloutAborted(plan: both.id, by: "dana", reason: "errors went up"))
        record.takeRecords(expecting: [.actionDecided])
        #expect(record.work == [.conclude(ticket, keep: false)])
        record.take(Samples.reported(1, .rolledBack, on: Samples.web1))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(ended(record, step: 1) == "ended by dana: errors went up")
    }

    @Test("A host that never says what became of its ticket leaves it indeterminate, and nothing runs again")
    func silent() {
        var record = IncidentRecord.proposed(plan)
        record.take(Samples.approved(plan))
        record.take(Samples.ticketed(1, plan))
        record.now = plan.plan.expires - .seconds(1)
        #expect(record.work == [.deliver(ticket)])
        // Too late to send it, not too late to hear of it.
        record.now = plan.plan.expires + .seconds(59)
        #expect(record.work == [.follow(ticket)])
        record.now = plan.plan.expires + .seconds(60)
        record.takeRecords(expecting: [.actionLost, .stepEnded, .escalated])
        #expect(ended(record, step: 1) == "action on web-2: indeterminate")
        #expect(record.incident.tickets.map(\.action.report.state) == [.indeterminate])
        #expect(record.work.isEmpty)
        // It may still come back and say how it ended.
        record.take(Samples.reported(1, .rolledBack))
        #expect(record.incident.tickets.map(\.action.report.state) == [.rolledBack])
        #expect(record.work.isEmpty)
    }

    @Test("An action that does not help is taken back and people are called")
    func useless() {
        var record = IncidentRecord.done()
        #expect(record.work == [.follow(ticket), .verify(step: 2)])
        record.take(.verified(step: 2, passed: false, text: "Error ratio is 12%", values: [:]))
        record.takeRecords(expecting: [.actionDecided])
        #expect(record.work == [.conclude(ticket, keep: false)])
        record.take(Samples.reported(1, .rolledBack))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(ended(record, step: 2) == "Error ratio is 12%")
        #expect(record.incident.isOpen)
    }

    @Test("An action that its host took back by itself is nothing to verify")
    func takenBack() {
        var record = IncidentRecord.done()
        record.take(Samples.reported(1, .rolledBack))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(ended(record, step: 2) == "the action on web-2 became rolled-back")
    }

    @Test("Without a verification to come an action that went well is kept at once")
    func unverified() {
        var record = IncidentRecord.done(Samples.matched(Samples.runbook(verifies: false)))
        #expect(record.work == [.conclude(ticket, keep: true)])
        record.take(Samples.reported(1, .committed))
        record.takeRecords(expecting: [.stepEnded, .stepStarted])
        #expect(record.incident.steps[1]?.outcome == .passed)
        #expect(record.work.isEmpty)
    }

    @Test("When people close an incident, what waits is kept before the post-mortem is written")
    func closed() {
        var record = IncidentRecord.done()
        record.take(.closed(by: "dana", confirmedCause: "a bad release"))
        record.takeRecords(expecting: [.actionDecided])
        #expect(record.work == [.conclude(ticket, keep: true)])
        record.take(Samples.reported(1, .committed))
        #expect(record.work == [.measureImpact])
        #expect(record.incident.status == .closed)
    }

    @Test("An incident holds its hosts from the approval of a plan until all of it is decided")
    func held() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        #expect(record.incident.held.isEmpty)
        record.take(Samples.approved(both))
        #expect(record.incident.held == [Samples.web1.id, Samples.web2.id])
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(.rolloutAborted(plan: both.id, by: "dana", reason: ""))
        record.takeRecords()
        #expect(record.incident.held == [Samples.web1.id])
        record.take(Samples.reported(1, .rolledBack, on: Samples.web1))
        record.takeRecords()
        #expect(record.incident.held.isEmpty)
    }

    @Test("A rollback that failed calls people, also when the incident is over")
    func rollbackFailed() {
        var record = IncidentRecord.done()
        record.take(.closed(by: "dana", confirmedCause: ""))
        record.takeRecords()
        record.take(Samples.reported(1, .rollbackFailed, reason: "not verified; then: ended with status 4"))
        let tell = IncidentDirective.tell(.rollbackFailed(ticket: ticket))
        #expect(record.engine.outstanding(now: record.now).contains(tell))
        record.take(
            .notified(
                purpose: .rollbackFailed(ticket: ticket),
                channel: "",
                text: "",
                delivered: true,
                reason: ""
            )
        )
        #expect(!record.engine.outstanding(now: record.now).contains(tell))
    }
}
