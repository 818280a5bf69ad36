import GRDB
import MusterCause
import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

/// What nobody has seen before.
@Suite struct NoveltyTests {
    private static let start = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    private func incident(_ verdict: Verdict) -> Incident {
        let id = IncidentID(at: Self.start)
        let context = IncidentContext(
            onset: Self.start,
            took: .zero,
            lines: [],
            blast: nil,
            endpoints: [],
            hosts: [],
            dependencies: [],
            changes: [],
            coverage: Coverage()
        )
        let ranking = Ranking(verdict: verdict, hypotheses: [], coverage: Coverage(), unseen: [])
        let bodies: [IncidentEvent] = [
            .opened(title: "x", service: "shop", severity: "", owner: nil),
            .contextCollected(context: context), .hypothesisRanked(ranking: ranking, round: 1),
        ]
        var incident = Incident(id: id)
        for (index, body) in bodies.enumerated() {
            _ = incident.apply(
                StoredEvent(
                    id: EventID(at: Self.start),
                    incident: id,
                    v: 1,
                    seq: index + 1,
                    prevHash: .zero,
                    hash: .zero,
                    at: Self.start,
                    body: body
                )
            )
        }
        return incident
    }

    @Test(
        "More of the hosts' answers is kept of an incident while it is novel",
        arguments: [Verdict.novel, .unknown]
    )
    func evidence(_ verdict: Verdict) async throws {
        var check = DependencyCheck(name: "cache", kind: "tcp", target: "10.0.0.6:6379")
        check.healthy = false
        var answer = DependenciesAnswer()
        answer.checks = [check]
        let hosts = (1...40).map { ScriptedFleet.host("web-\($0)") }
        let answers = Dictionary(hosts.map { ($0.id, Answer.dependencies(answer)) }) { first, _ in first }
        let fleet = ScriptedFleet(hosts, answers: answers, seals: true)
        let triage = Triage(
            fleet: fleet,
            changes: ChangeStore(database: try DatabaseQueue()),
            changeWindow: .seconds(60),
            now: { Self.start }
        )
        let investigation = Investigation(fleet: fleet, triage: triage, now: { Self.start })
        let result = await investigation.run(
            incident(verdict),
            round: 2,
            knowledge: RankingInput.Knowledge(alertIsKnown: false, causes: [])
        )
        #expect(result.findings.map(\.kind) == [.dependency])
        #expect(result.evidence.items.count == (verdict == .novel ? 32 : 8))
        #expect(result.evidence.omitted == 40 - result.evidence.items.count)
    }
}
