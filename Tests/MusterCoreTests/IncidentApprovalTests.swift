import MusterCore
import MusterIncident
import Testing

/// Nothing runs on a host that nobody, or nobody any more, allows to run.
@Suite struct IncidentApprovalTests {
    private typealias Samples = IncidentSamples
    private let plan = IncidentSamples.plan()

    /// Whether anything stands that would bring an action to a host.
    private func acts(_ record: IncidentRecord) -> Bool {
        record.work.contains { directive in
            switch directive {
            case .issueTicket, .deliver: true
            default: false
            }
        }
    }

    @Test("A rejected plan runs nothing, and an approval after it is too late")
    func rejected() {
        var record = IncidentRecord.proposed(plan)
        let end = IncidentEvent.stepEnded(
            step: 1,
            outcome: .failed,
            text: "rejected by dana: not now",
            values: [:]
        )
        record.take(
            .approvalRejected(plan: plan.id, by: "dana", reason: "not now"),
            expecting: [.record(end)]
        )
        record.take(Samples.approved(plan), expecting: [])
        #expect(!acts(record))
        record.takeRecords(expecting: [.stepEnded])
        #expect(record.work.isEmpty)
        #expect(record.incident.pending.isEmpty)
        #expect(record.incident.tickets.isEmpty)
    }

    @Test("A plan that nobody approved in time runs nothing and calls people")
    func lapsed() {
        var record = IncidentRecord.proposed(plan)
        #expect(record.engine.wake(after: Samples.start + .seconds(10)) == plan.plan.expires)
        record.now = plan.plan.expires
        #expect(!acts(record))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(
            record.incident.steps[1]?.text
                == "plan \(plan.id.short) lapsed before anybody approved it"
        )
        record.take(Samples.approved(plan))
        #expect(record.work.isEmpty)
    }

    @Test("An approval of a plan that has lapsed runs nothing")
    func approvedTooLate() {
        var record = IncidentRecord.proposed(plan)
        record.now = plan.plan.expires
        record.take(Samples.approved(plan))
        #expect(!acts(record))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(record.incident.steps[1]?.outcome == .failed)
    }

    @Test("A plan that lapses while its hosts take turns goes no further")
    func lapsedBetweenHosts() {
        let both = Samples.plan(on: [Samples.web1, Samples.web2])
        var record = IncidentRecord.proposed(both)
        record.take(Samples.approved(both))
        record.take(Samples.ticketed(1, both, on: Samples.web1))
        record.now = both.plan.expires
        record.take(Samples.reported(1, .done, on: Samples.web1))
        #expect(!acts(record))
        record.takeRecords(expecting: [.rolloutStopped, .actionDecided])
        #expect(record.work == [.conclude(Samples.ticket(1), keep: false)])
        record.take(Samples.reported(1, .rolledBack, on: Samples.web1))
        record.takeRecords(expecting: [.stepEnded, .escalated])
        #expect(record.incident.steps[1]?.outcome == .failed)
    }

    @Test("A signature over a runbook whose hosts can't confirm anything by themselves is not enough")
    func unconfirmed() throws {
        var runbook = Samples.runbook(asks: false)
        runbook.steps[0] = Samples.runbook().steps[0]
        let record = IncidentRecord.proposed(
            plan,
            match: Samples.matched(runbook, signature: Samples.signature)
        )
        let pending = try #require(record.incident.pending.first)
        #expect(pending.why.count == 1)
        #expect(pending.why.first?.contains("see by itself") == true)
    }

    @Test("A signature over the runbook stands for the approval while nothing speaks against it")
    func preApproved() {
        let match = Samples.matched(Samples.runbook(asks: false), signature: Samples.signature)
        let record = IncidentRecord.proposed(plan, match: match)
        #expect(record.incident[plan.id]?.decision == .present)
        #expect(record.work == [.issueTicket(plan: plan.id, host: Samples.web2)])
    }

    @Test("One person alone sets a plan going that needs more, and the others are called once")
    func breakGlass() throws {
        var both = plan
        both.plan.approvals = 2
        var record = IncidentRecord.proposed(both)
        let use = BreakGlass(signer: "dana", reason: "nobody answers", signature: [8])
        record.take(Samples.approved(both))
        #expect(!acts(record) && record.incident.pending.count == 1)
        record.take(.glassBroken(plan: both.id, use: use, by: "dana"))
        #expect(record.incident.pending.isEmpty && record.incident[both.id]?.isUndecided == false)
        #expect(record.engine.outstanding(now: record.now).contains(.tell(.glassBroken(plan: both.id))))
        #expect(acts(record))
        // What was decided stays: a later rejection stops nothing, a second use changes nothing.
        record.take(.approvalRejected(plan: both.id, by: "eve", reason: ""))
        let other = BreakGlass(signer: "eve", reason: "me too", signature: [9])
        record.take(.glassBroken(plan: both.id, use: other, by: "eve"))
        record.take(Samples.ticketed(1, both))
        let ticket = try #require(record.incident.ticket(Samples.ticket(1)))
        #expect(ticket.breakGlass == use && ticket.approvals.map(\.signer) == ["dana"])
        record.take(
            .notified(
                purpose: .glassBroken(plan: both.id),
                channel: "",
                text: "",
                delivered: true,
                reason: ""
            )
        )
        #expect(!record.engine.outstanding(now: record.now).contains(.tell(.glassBroken(plan: both.id))))
    }

    @Test("What was rejected is not set going by one person alone")
    func breakGlassAfterRejection() {
        var record = IncidentRecord.proposed(plan)
        record.take(.approvalRejected(plan: plan.id, by: "eve", reason: "wrong host"))
        let use = BreakGlass(signer: "dana", reason: "nobody answers", signature: [8])
        record.take(.glassBroken(plan: plan.id, use: use, by: "dana"))
        #expect(record.incident[plan.id]?.mayRun == false)
    }

    @Test("Any doubt turns a signature into a request for approval")
    func doubts() throws {
        var lapsed = Samples.signature
        lapsed.says.expires = Samples.start
        let silent = Samples.runbook(asks: false)
        let cases: [(match: IncidentEvent, doubts: [String], why: String)] = [
            (Samples.matched(silent), [], "nobody signed the runbook beforehand"),
            (
                Samples.matched(silent, doubts: ["the cause is only likely"], signature: Samples.signature),
                [], "the cause is only likely"
            ),
            (
                Samples.matched(silent, signature: Samples.signature), ["web-9 did not answer"],
                "web-9 did not answer"
            ),
            (
                Samples.matched(silent, signature: lapsed), [],
                "the signature of ana lapsed at \(Samples.start)"
            ),
            (
                Samples.matched(signature: Samples.signature), [],
                "the runbook asks for approval of this step"
            ),
        ]
        for (match, doubts, why) in cases {
            let record = IncidentRecord.proposed(plan, match: match, doubts: doubts)
            let pending = try #require(record.incident.pending.first)
            #expect(pending.why == [why])
            #expect(pending.decision == .open)
            #expect(record.work.isEmpty)
        }
    }

    @Test("A step that can't be taken back needs somebody who declared that")
    func irreversible() {
        var runbook = Samples.runbook(asks: false)
        var signature = Samples.signature
        guard case .mitigate(var mitigation) = runbook.steps[1].action else {
            Issue.record("the second step is no mitigation")
            return
        }
        mitigation.rollback = nil
        runbook.steps[1].action = .mitigate(mitigation)
        let without = IncidentRecord.proposed(plan, match: Samples.matched(runbook, signature: signature))
        #expect(
            without.incident[plan.id]?.why == ["the step can't be taken back and nobody declared that"]
        )
        signature.says.irreversible = [1: "sessions end"]
        let with = IncidentRecord.proposed(plan, match: Samples.matched(runbook, signature: signature))
        #expect(with.incident[plan.id]?.decision == .present)
    }

    @Test("A plan that needs two people waits for the second, and one person counts once")
    func two() {
        var plan = IncidentSamples.plan()
        plan.plan.approvals = 2
        var record = IncidentRecord.proposed(plan)
        for _ in 0..<2 {
            record.take(IncidentSamples.approved(plan, signer: "dana"))
            #expect(record.work.isEmpty)
            #expect(record.incident.pending.map(\.sealed.id) == [plan.id])
        }
        record.take(
            IncidentSamples.approved(plan, signer: "ana"),
            expecting: [.issueTicket(plan: plan.id, host: IncidentSamples.web2)]
        )
        #expect(record.incident.pending.isEmpty)
    }

    @Test("One of two approvals does not keep somebody from turning the plan down")
    func twoRejected() {
        var plan = IncidentSamples.plan()
        plan.plan.approvals = 2
        var record = IncidentRecord.proposed(plan)
        record.take(IncidentSamples.approved(plan, signer: "dana"))
        record.take(.approvalRejected(plan: plan.id, by: "ana", reason: "no"))
        record.takeRecords()
        #expect(record.incident.steps[1]?.outcome == .failed)
        #expect(record.work.isEmpty)
    }
}
