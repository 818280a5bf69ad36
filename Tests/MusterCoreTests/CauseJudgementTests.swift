import MusterCore
import MusterIncident
import Testing

@Suite("Judging the first hypothesis") struct CauseJudgementTests {
    private func ranked(_ kinds: [(CauseKind, String)], _ verdict: Verdict = .likely) -> Incident {
        var record = IncidentRecord()
        record.take(IncidentSamples.opened)
        record.take(IncidentSamples.context)
        let hypotheses = kinds.enumerated().map { place, cause in
            Hypothesis(
                kind: cause.0,
                cause: "",
                hosts: [IncidentSamples.web2],
                service: cause.1,
                change: nil,
                probability: 0.5 / Double(place + 1),
                evidence: [],
                against: []
            )
        }
        let coverage = Coverage(asked: 1, outcomes: ["ok": 1])
        let ranking = Ranking(verdict: verdict, hypotheses: hypotheses, coverage: coverage, unseen: [])
        record.take(.hypothesisRanked(ranking: ranking, round: 1))
        return record.incident
    }

    @Test(
        "Exact is kind and place, partly one of them or among the first three, else wrong",
        arguments: [
            (CauseKind.dns, String?.none, AccuracyGrade.exact), (.dns, "shop", .exact),
            (.dns, "WEB-2", .exact),
            (.dns, "search", .partly), (.cpu, "shop", .partly), (.cpu, nil, .partly), (.memory, nil, .partly),
            (.memory, "elsewhere", .wrong), (.disk, nil, .wrong), (.certificate, "elsewhere", .wrong),
        ]
    )
    func grades(_ kind: CauseKind, _ place: String?, _ expected: AccuracyGrade) {
        let incident = ranked([(.dns, "shop"), (.cpu, "shop"), (.memory, "search"), (.disk, "shop")])
        #expect(incident.grade(against: kind, at: place) == expected)
    }

    @Test("Without a hypothesis there is nothing to grade; a false alarm makes whoever named a cause wrong")
    func none() {
        #expect(ranked([]).grade(against: .dns, at: nil) == .none)
        #expect(IncidentRecord().incident.grade(against: .dns, at: nil) == .none)
        #expect(ranked([(.dns, "shop")]).gradeOfFalseAlarm == .wrong)
        #expect(ranked([(.dns, "shop")], .unknown).gradeOfFalseAlarm == .none)
        #expect(IncidentRecord().incident.gradeOfFalseAlarm == .none)
    }

    @Test("What nobody has seen before is escalated, and no signature made beforehand covers a plan for it")
    func novel() throws {
        typealias Samples = IncidentSamples
        func record(_ verdict: Verdict) -> (record: IncidentRecord, begins: [IncidentEvent.Kind]) {
            var record = IncidentRecord()
            let match = Samples.matched(Samples.runbook(asks: false), signature: Samples.signature)
            for body in [Samples.alert(), Samples.opened, Samples.context, Samples.ranked(verdict), match] {
                record.take(body)
            }
            let begins = record.takeRecords()
            record.take(.stepEnded(step: 0, outcome: .passed, text: "38 > 32", values: [:]))
            record.takeRecords()
            record.take(.planProposed(plan: Samples.plan(), doubts: []))
            return (record, begins)
        }
        var (strange, begins) = record(.novel)
        #expect(begins == [.escalated, .stepStarted])
        #expect(strange.incident.escalated == "nothing like this was seen before; people are needed")
        strange.takeRecords(expecting: [.approvalRequested])
        #expect(strange.incident.pending.first?.why == ["nothing like this was seen before"])
        (strange, begins) = record(.known)
        #expect(begins == [.stepStarted])
        strange.takeRecords(expecting: [.approvalPresent])
    }

    @Test("An alert is counted once each time it fires and is resolved")
    func tally() throws {
        var record = IncidentRecord()
        record.take(IncidentSamples.opened)
        record.take(IncidentSamples.alert())
        record.take(IncidentSamples.alert())
        record.take(IncidentSamples.alert(.resolved))
        record.take(IncidentSamples.alert(fingerprint: "b"))
        record.take(IncidentSamples.alert())
        let tally = try #require(record.incident.firings["HighErrorRate"])
        #expect(tally.fired == 3 && tally.resolved == 1 && tally.brief == 1)
    }
}
