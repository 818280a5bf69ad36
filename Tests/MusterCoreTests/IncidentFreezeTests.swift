import MusterCore
import MusterIncident
import Testing

/// While a freeze is on, nothing begins that no person approved.
@Suite struct IncidentFreezeTests {
    private typealias Samples = IncidentSamples
    private let freeze = Freeze(
        service: "shop",
        by: "sarah",
        reason: "the sale starts at noon",
        since: IncidentSamples.start
    )

    /// As far as a plan that a signature covers, on two hosts.
    private func signed(_ plan: SealedPlan) -> IncidentRecord {
        .proposed(plan, match: Samples.matched(Samples.runbook(asks: false), signature: Samples.signature))
    }

    /// The same, with a freeze from the beginning.
    private func frozen(_ plan: SealedPlan, by freeze: Freeze) -> IncidentRecord {
        var record = IncidentRecord()
        let match = Samples.matched(Samples.runbook(asks: false), signature: Samples.signature)
        for body in [Samples.alert(), Samples.opened, Samples.context, Samples.ranked(), match] {
            record.take(body)
        }
        record.take(.freezeBegan(freeze: freeze))
        record.takeRecords()
        record.take(.stepEnded(step: 0, outcome: .passed, text: "38 > 32", values: [:]))
        record.takeRecords()
        record.take(.planProposed(plan: plan, doubts: []))
        record.takeRecords()
        return record
    }

    @Test("A signed plan asks for approval, says who froze it and why, and runs once a person approves")
    func asks() throws {
        let plan = Samples.plan()
        #expect(signed(plan).incident[plan.id]?.decision == .present)
        var record = frozen(plan, by: freeze)
        let pending = try #require(record.incident.pending.first)
        #expect(
            pending.why
                == ["automatic actions for shop are frozen by sarah: the sale starts at noon"]
        )
        #expect(record.work.isEmpty)
        record.take(
            Samples.approved(plan),
            expecting: [.issueTicket(plan: plan.id, host: Samples.web2)]
        )
    }

    @Test("What asked for approval while frozen still asks when the freeze is over")
    func stillAsks() {
        let plan = Samples.plan()
        var record = frozen(plan, by: freeze)
        record.take(.freezeEnded(service: "shop", reason: "lifted by sarah"), expecting: [])
        record.takeRecords(expecting: [])
        #expect(record.incident.pending.map(\.sealed.id) == [plan.id])
    }

    @Test("A freeze that is over before the plan is made keeps nothing")
    func over() {
        var record = IncidentRecord()
        let match = Samples.matched(Samples.runbook(asks: false), signature: Samples.signature)
        for body in [Samples.alert(), Samples.opened, Samples.context, Samples.ranked(), match] {
            record.take(body)
        }
        record.take(.freezeBegan(freeze: freeze))
        record.take(.freezeEnded(service: "shop", reason: "lifted by sarah"))
        record.takeRecords()
        record.take(.stepEnded(step: 0, outcome: .passed, text: "38 > 32", values: [:]))
        record.takeRecords()
        let plan = Samples.plan()
        record.take(.planProposed(plan: plan, doubts: []))
        record.takeRecords(expecting: [.approvalPresent])
    }

    @Test("A rollout that runs by itself begins on no further host, and goes on when the freeze is over")
    func halts() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = signed(both)
        #expect(record.work == [.issueTicket(plan: both.id, host: Samples.web1)])
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .running, on: Samples.web1))
        record.take(.freezeBegan(freeze: freeze))
        record.take(Samples.reported(1, .done, on: Samples.web1), expecting: [])
        #expect(record.work == [.follow(Samples.ticket(1))])
        #expect(record.incident.detail(record.events).rollouts?.first?.state == .paused)
        record.take(
            .freezeEnded(service: "shop", reason: "lifted by sarah"),
            expecting: [.issueTicket(plan: both.id, host: Samples.web2)]
        )
    }

    @Test("A ticket that has not reached its host is not brought there while frozen, and is asked after")
    func notDelivered() {
        let plan = Samples.plan()
        var record = signed(plan)
        record.take(Samples.ticketed(1, plan), expecting: [.deliver(Samples.ticket(1))])
        record.take(.freezeBegan(freeze: freeze), expecting: [.follow(Samples.ticket(1))])
        record.take(
            .freezeEnded(service: "shop", reason: "lifted by sarah"),
            expecting: [.deliver(Samples.ticket(1))]
        )
    }

    @Test("What went wrong is taken back, frozen or not")
    func takesBack() {
        var both = Samples.plan(on: [Samples.web1, Samples.web2])
        both.plan.rollout = Rollout(waves: [2], atOnce: 2)
        var record = signed(both)
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.ticketed(2, both))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(.freezeBegan(freeze: freeze))
        record.take(Samples.reported(2, .failed))
        record.takeRecords(expecting: [.rolloutStopped, .actionDecided])
        #expect(record.work == [.conclude(Samples.ticket(1), keep: false)])
    }

    @Test("What people approved goes on")
    func approved() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(.freezeBegan(freeze: freeze))
        record.take(Samples.ticketed(1, both, on: Samples.web1), expecting: [.deliver(Samples.ticket(1))])
        record.take(
            Samples.reported(1, .done, on: Samples.web1),
            expecting: [
                .follow(Samples.ticket(1)), .issueTicket(plan: both.id, host: Samples.web2),
            ]
        )
    }

    @Test("A freeze with an end is over by itself, and wakes whoever waits for that")
    func ends() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var short = freeze
        short.until = Samples.start + .seconds(60)
        var record = signed(both)
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.take(Samples.reported(1, .done, on: Samples.web1))
        record.take(.freezeBegan(freeze: short))
        #expect(record.work == [.follow(Samples.ticket(1))])
        #expect(record.engine.wake(after: Samples.start + .seconds(10)) == short.until)
        record.now = Samples.start + .seconds(60)
        record.takeRecords(expecting: [.freezeEnded])
        #expect(
            record.work == [
                .follow(Samples.ticket(1)), .issueTicket(plan: both.id, host: Samples.web2),
            ]
        )
    }

    @Test("The record gets what began and what was lifted, once, and only what concerns it")
    func news() {
        var record = signed(Samples.plan())
        let all = Freeze(service: nil, by: "ana", reason: "night", since: Samples.start)
        let other = Freeze(service: "pay", by: "ana", reason: "audit", since: Samples.start)
        func news(_ active: [Freeze]) -> [IncidentEvent] {
            record.incident.news(of: active, at: Samples.start) { _ in "lifted by bob" }
        }
        #expect(news([all, freeze, other]) == [.freezeBegan(freeze: all), .freezeBegan(freeze: freeze)])
        record.take(.freezeBegan(freeze: all))
        record.take(.freezeBegan(freeze: freeze))
        #expect(news([all, freeze, other]).isEmpty)
        #expect(news([all, other]) == [.freezeEnded(service: "shop", reason: "lifted by bob")])
        var longer = freeze
        longer.reason = "the sale goes on"
        #expect(news([all, longer]) == [.freezeBegan(freeze: longer)])
        record.take(.freezeBegan(freeze: longer))
        #expect(record.incident.freezes == [all, longer])
        record.take(.closed(by: "dana", confirmedCause: ""))
        #expect(news([]).isEmpty)
    }

    @Test("What belongs to no known service is stopped by every freeze")
    func unknownService() {
        #expect(freeze.concerns("shop") && freeze.concerns("") && !freeze.concerns("pay"))
        let all = Freeze(service: nil, by: "ana", reason: "night", since: Samples.start)
        #expect(all.concerns("pay"))
    }
}
