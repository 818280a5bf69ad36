import MusterCore
import MusterIdentity
import MusterIncident
import MusterWire

/// Incidents for tests of what shows them.
enum IncidentSamples {
    static let opened = Timestamp(nanoseconds: 1_795_000_000_000_000_000)

    /// One with a plan that waits, and a finding of each way.
    static func waiting(
        title: String = "High error rate on shop",
        cause: String = "deploy #4521"
    ) throws -> IncidentDetail {
        let id = IncidentID(at: opened)
        let host = HostReference(id: SHA256.hash(Array("web-2".utf8)), name: "web-2")
        let coverage = Coverage(asked: 3, outcomes: ["ok": 3])
        let finding = Finding(
            id: FindingID(at: opened),
            kind: .change,
            text: "8 minutes after \(cause)",
            hosts: [host],
            service: "shop",
            subject: "",
            onset: opened,
            effect: 0.9,
            coverage: coverage
        )
        let plan = Plan(
            incident: id,
            runbook: "bad-deploy",
            runbookDigest: .zero,
            step: 1,
            action: .command(name: "rollback_release", parameters: ["to": "4520"]),
            targets: [host],
            rollback: .command(name: "rollback_release", parameters: ["to": "4521"]),
            irreversible: "",
            notBefore: opened,
            expires: opened + .seconds(3600),
            proposer: "muster",
            evidence: [],
            commitWithin: .seconds(120),
            summary: "put release 4520 back on web-2"
        )
        return IncidentDetail(
            summary: IncidentSummary(
                id: id,
                title: title,
                service: "shop",
                severity: "critical",
                status: .awaitingApproval,
                opened: opened,
                resolved: nil,
                owner: nil,
                verdict: .likely,
                cause: cause,
                probability: 0.8
            ),
            timeline: [
                TimelineEntry(event: EventID(at: opened), seq: 1, at: opened, kind: .opened, text: title)
            ],
            alerts: [],
            context: nil,
            findings: [finding],
            ranking: Ranking(
                verdict: .likely,
                hypotheses: [
                    Hypothesis(
                        kind: .badDeploy,
                        cause: cause,
                        hosts: [host],
                        service: "shop",
                        change: nil,
                        probability: 0.8,
                        evidence: [finding.id],
                        against: []
                    )
                ],
                coverage: coverage,
                unseen: []
            ),
            runbook: "bad-deploy",
            pendingPlans: [try WireCodec.sealed(plan, identify: Sealing.planID)],
            doubts: ["the runbook asks for approval of this step"],
            actions: [],
            postMortemAvailable: false
        )
    }
}
