import MusterCore
import MusterIncident

/// A bad release on web-2 of the shop, and the runbook that takes it back.
enum IncidentSamples {
    static let start = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
    static let id = IncidentID(uuid: UUIDv7(at: start, random: (0, 1)))
    static let web1 = HostReference(id: digest(11), name: "web-1")
    static let web2 = HostReference(id: digest(12), name: "web-2")
    static let owner = Owner(team: "checkout", channel: "#checkout", escalation: ["ana", "bob"])

    static func digest(_ byte: UInt8) -> Digest {
        Digest(bytes: [UInt8](repeating: byte, count: 32)) ?? .zero
    }

    static func ticket(_ number: UInt64) -> TicketID {
        TicketID(uuid: UUIDv7(at: start, random: (0, number)))
    }

    static func stored(_ sequence: Int, _ body: IncidentEvent, at moment: Timestamp = start) -> StoredEvent {
        StoredEvent(
            id: EventID(uuid: UUIDv7(at: moment, random: (0, UInt64(truncatingIfNeeded: sequence)))),
            incident: id,
            v: IncidentEvent.version,
            seq: sequence,
            prevHash: .zero,
            hash: .zero,
            at: moment,
            body: body
        )
    }

    // MARK: What is found

    static func alert(_ status: Alert.Status = .firing, fingerprint: String = "a") -> IncidentEvent {
        .alertReceived(
            alert: Alert(
                source: "test",
                fingerprint: fingerprint,
                name: "HighErrorRate",
                status: status,
                starts: start,
                ends: nil,
                labels: ["service": "shop"],
                annotations: [:]
            ),
            intake: 1
        )
    }

    static let opened = IncidentEvent.opened(
        title: "HighErrorRate",
        service: "shop",
        severity: "page",
        owner: owner
    )

    static let context = IncidentEvent.contextCollected(
        context: IncidentContext(
            onset: start,
            took: .seconds(1),
            lines: ["checkout fails"],
            blast: nil,
            endpoints: [],
            hosts: [],
            dependencies: [],
            changes: [],
            coverage: Coverage(asked: 2, outcomes: ["ok": 2])
        )
    )

    static func ranked(_ verdict: Verdict = .known, round: Int = 1) -> IncidentEvent {
        let cause = Hypothesis(
            kind: .badDeploy,
            cause: "deploy #4521 on web-2",
            hosts: [web2],
            service: "shop",
            change: nil,
            probability: 0.9,
            evidence: [],
            against: []
        )
        let coverage = Coverage(asked: 2, outcomes: ["ok": 2])
        let ranking = Ranking(verdict: verdict, hypotheses: [cause], coverage: coverage, unseen: [])
        return .hypothesisRanked(ranking: ranking, round: round)
    }

    // MARK: What is done about it

    static func runbook(asks: Bool = true, verifies: Bool = true) -> Runbook {
        let sick = Condition(comparison: .greater, right: .share(0.02), text: "> 2%")
        let well = Condition(comparison: .less, right: .share(0.02), text: "< 2%")
        let mitigation = RunbookMitigation(
            action: .command(name: "rollback", parameters: ["to": "{change.before}"]),
            hosts: .culprit,
            rollback: .command(name: "deploy", parameters: ["to": "{change.after}"]),
            irreversible: nil,
            requiresApproval: asks
        )
        // Who acts without asking needs something that the host can confirm by itself.
        let first: RunbookCheck =
            asks
            ? .signal(name: "Error ratio", condition: sick)
            : .sql(statement: "SELECT 1", target: "", condition: sick)
        var actions: [RunbookStep.Action] = [.verifyHypothesis(first), .mitigate(mitigation)]
        if verifies {
            let check = RunbookCheck.signal(name: "Error ratio", condition: well)
            actions.append(.verifyResolution(check, timeout: .seconds(60)))
        }
        actions.append(.notify(message: "{service} is well again"))
        return Runbook(
            name: "bad-deploy",
            trigger: RunbookTrigger(alert: nil, cause: .badDeploy, confidence: .high),
            steps: actions.map { RunbookStep(action: $0, position: DocumentPosition(line: 1, column: 1)) }
        )
    }

    static func matched(
        _ runbook: Runbook = runbook(),
        doubts: [String] = [],
        signature: RunbookSignature? = nil
    ) -> IncidentEvent {
        .runbookMatched(
            match: RunbookMatch(
                runbook: runbook,
                digest: digest(1),
                source: "steps: []",
                because: "the cause is a bad deploy",
                doubts: doubts,
                signature: signature
            )
        )
    }

    /// Ana's word, given beforehand and good for an hour.
    static let signature = RunbookSignature(
        signer: "ana",
        declaration: [1],
        says: PreApprovalDeclaration(expires: start + .seconds(3600), irreversible: [:], selector: ""),
        signature: [2]
    )

    /// Good for ten minutes.
    static func plan(on hosts: [HostReference] = [web2], number: UInt8 = 1) -> SealedPlan {
        let plan = Plan(
            incident: id,
            runbook: "bad-deploy",
            runbookDigest: digest(1),
            step: 1,
            action: .command(name: "rollback", parameters: ["to": "4520"]),
            targets: hosts,
            rollback: .command(name: "deploy", parameters: ["to": "4521"]),
            irreversible: "",
            notBefore: start,
            expires: start + .seconds(600),
            proposer: "muster",
            evidence: [],
            commitWithin: .seconds(120),
            summary: "roll back"
        )
        return SealedPlan(id: digest(100 + number), bytes: [number], plan: plan)
    }

    static func approved(_ plan: SealedPlan, signer: String = "dana") -> IncidentEvent {
        .approvalGiven(plan: plan.id, approval: Approval(signer: signer, signature: [7]), by: signer)
    }

    static func ticketed(
        _ number: UInt64,
        _ plan: SealedPlan,
        on host: HostReference = web2
    ) -> IncidentEvent {
        .actionTicketed(ticket: ticket(number), plan: plan.id, host: host, expires: plan.plan.expires)
    }

    static func reported(
        _ number: UInt64,
        _ state: ActionState,
        on host: HostReference = web2,
        reason: String = "",
        count: Int = 0
    ) -> IncidentEvent {
        let report = ActionReport(
            ticket: ticket(number),
            plan: plan().id,
            state: state,
            at: start,
            reason: reason,
            count: count
        )
        return .actionReported(report: report, host: host)
    }
}
