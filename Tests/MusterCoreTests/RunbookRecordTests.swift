import MusterCore
import MusterIncident
import Testing

/// What counts for and against a runbook.
@Suite struct RunbookRecordTests {
    private typealias Samples = IncidentSamples

    private func outcome(_ record: IncidentRecord) -> RunbookRun.Outcome? {
        record.incident.runbookRun?.outcome
    }

    /// As far as an action that was verified and kept.
    private func kept() -> IncidentRecord {
        var record = IncidentRecord.done()
        record.take(.verified(step: 2, passed: true, text: "Error ratio is 0%", values: [:]))
        record.takeRecords()
        record.take(Samples.reported(1, .committed))
        record.takeRecords()
        return record
    }

    @Test("A run that was verified and kept went well, once the runbook is over")
    func succeeded() {
        var record = kept()
        #expect(outcome(record) == nil)
        let told = IncidentEvent.notified(
            purpose: .step(3),
            channel: "",
            text: "well again",
            delivered: true,
            reason: ""
        )
        record.take(told)
        record.takeRecords()
        let run = record.incident.runbookRun
        #expect(run?.outcome == .succeeded)
        #expect(run?.name == "bad-deploy" && run?.digest == Samples.digest(1) && run?.at == Samples.start)
        record.take(.closed(by: "dana", confirmedCause: ""))
        #expect(outcome(record) == .succeeded)
    }

    @Test("A run that did not help and was taken back failed")
    func takenBack() {
        var record = IncidentRecord.done()
        record.take(.verified(step: 2, passed: false, text: "Error ratio is 12%", values: [:]))
        record.takeRecords()
        record.take(Samples.reported(1, .rolledBack))
        record.takeRecords()
        #expect(outcome(record) == .failed)
    }

    @Test("What its host refused, what nobody approved and what lapsed says nothing about the runbook")
    func nothingRan() {
        let plan = Samples.plan()
        var record = IncidentRecord.proposed(plan)
        record.take(Samples.approved(plan))
        record.take(Samples.ticketed(1, plan))
        record.take(Samples.reported(1, .refused, reason: "frozen"))
        record.takeRecords()
        #expect(record.incident.runbookFailed)
        #expect(outcome(record) == nil)
        var rejected = IncidentRecord.proposed(plan)
        rejected.take(.approvalRejected(plan: plan.id, by: "dana", reason: "no"))
        rejected.takeRecords()
        #expect(outcome(rejected) == nil)
    }

    @Test("A false alarm counts against whatever wanted to act, and against nothing else")
    func falseAlarm() {
        let closed = IncidentEvent.closed(by: "dana", confirmedCause: "", falseAlarm: true)
        var waiting = IncidentRecord.proposed()
        #expect(outcome(waiting) == nil)
        waiting.take(closed)
        #expect(outcome(waiting) == .falseAlarm)
        var acted = kept()
        acted.take(closed)
        #expect(outcome(acted) == .falseAlarm)
        #expect(acted.events.last?.body.text == "Closed by dana as a false alarm")
        // Its own check kept it from acting: it did what it is for.
        var checked = IncidentRecord()
        for body in [
            Samples.alert(), Samples.opened, Samples.context, Samples.ranked(), Samples.matched(),
        ] {
            checked.take(body)
        }
        checked.takeRecords()
        checked.take(.stepEnded(step: 0, outcome: .failed, text: "Error ratio is 1%", values: [:]))
        checked.take(closed)
        #expect(outcome(checked) == nil)
    }

    @Test(
        "Too few runs say nothing, and enough of them have to be good enough",
        arguments: [
            (0, 0, 0, false), (0, 2, 0, false), (0, 3, 0, true), (2, 1, 0, true), (2, 0, 1, true),
            (4, 1, 0, false), (3, 1, 0, true), (3, 0, 0, false),
        ]
    )
    func bar(_ succeeded: Int, _ failed: Int, _ falseAlarms: Int, _ doubts: Bool) {
        var record = RunbookRecord(name: "pool", digest: Samples.digest(1), last: Samples.start)
        (record.succeeded, record.failed, record.falseAlarms) = (succeeded, failed, falseAlarms)
        let doubt = record.doubt(RunbookBar())
        let runs = succeeded + failed + falseAlarms
        #expect(doubt == (doubts ? "runbook pool went well in \(succeeded) of \(runs) runs" : nil))
    }

    @Test("An event from before there were false alarms is read as before, and says so again")
    func oldEvents() {
        var record = IncidentRecord.proposed()
        record.take(.closed(by: "dana", confirmedCause: "a bad release"))
        #expect(!record.incident.isFalseAlarm && record.incident.confirmedCause == "a bad release")
        #expect(record.events.last?.body.text == "Closed by dana; confirmed cause: a bad release")
    }
}
