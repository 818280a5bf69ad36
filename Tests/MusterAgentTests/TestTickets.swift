import MusterCore
import MusterIdentity
import MusterWire

@testable import MusterAgent

/// Everything that it takes to make tickets as people, runbooks and a coordinator make them.
struct TestTickets {
    static let now = Timestamp(nanoseconds: 1_800_000_000_000_000_000)
    static let statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    static let runbook = """
        trigger:
          alert: "pool"
        steps:
          - action: verify_hypothesis
            check: "SELECT 38"
            threshold: "> max_connections * 0.8"
          - action: mitigate
            command: "\(statement)"
            target: orders
            requires_approval: false

        """

    let agent: AgentID
    let ana: SigningKey
    let bob: SigningKey
    var policy = HostPolicy()

    init(agent: AgentID? = nil) throws {
        self.agent = try agent ?? TLSKey.generate().publicKeyID
        ana = try SigningKey.generate()
        bob = try SigningKey.generate()
        policy.observeOnly = false
        policy.approvers = [
            PolicyKey(name: "ana", key: ana.publicKey), PolicyKey(name: "bob", key: bob.publicKey),
        ]
        var rollBack = PolicyAction(name: "rollback_shop", argv: ["/bin/echo", "--to={to}"])
        rollBack.parameters = ["to": .version]
        policy.actions = [rollBack, PolicyAction(name: "fail", argv: ["/bin/false"])]
        policy.sql = [PolicySQL(target: "orders", allow: .preapproved)]
        policy.allowsPreApproval = true
        policy.preApprovedRunbooks = [SHA256.hash(Array(Self.runbook.utf8))]
        policy.runbookSigners = [PolicyKey(name: "ana", key: ana.publicKey)]
    }

    var judge: TicketJudge { TicketJudge(policy: policy, agent: agent, reading: SignedTicketReader()) }

    /// Why the host refuses; nil when it does not.
    func refusal(_ ticket: Ticket, now: Timestamp = now, runs: Int = 0) -> String? {
        do throws(PolicyRefusal) {
            _ = try judge.judge(ticket, now: now) { _ in runs }
            return nil
        } catch {
            return error.reason
        }
    }

    func plan(
        _ action: Action = .command(name: "rollback_shop", parameters: ["to": "4520"]),
        rollback: Action? = nil,
        commitWithin: Duration = .zero,
        proposer: String = "muster",
        targets: [AgentID]? = nil,
        runbook: String = runbook,
        step: Int = 1,
        at now: Timestamp = now
    ) -> Plan {
        Plan(
            incident: IncidentID(at: now),
            runbook: "pool",
            runbookDigest: SHA256.hash(Array(runbook.utf8)),
            step: step,
            action: action,
            targets: (targets ?? [agent]).map { HostReference(id: $0, name: "web-1") },
            rollback: rollback,
            irreversible: "",
            notBefore: now,
            expires: now + .seconds(600),
            proposer: proposer,
            evidence: [],
            commitWithin: commitWithin,
            summary: "test"
        )
    }

    /// A ticket that `signers` have approved.
    func ticket(_ plan: Plan, signers: [String] = ["ana"], agent: AgentID? = nil) throws -> Ticket {
        let sealed = try WireCodec.sealed(plan) { Sealing.planID($0) }
        let approvals = try signers.map { name in
            let key = name == "ana" ? ana : bob
            return Approval(signer: name, signature: try key.sign(Sealing.approvalBytes(plan: sealed.id)))
        }
        return Ticket(
            id: TicketID(at: Self.now),
            plan: sealed,
            agent: agent ?? self.agent,
            expires: plan.expires,
            approvals: approvals,
            preApproval: nil
        )
    }

    /// A ticket that rests on a signature over the runbook.
    func preApproved(
        _ plan: Plan,
        runbook: String = runbook,
        irreversible: [Int: String] = [1: "sessions end"],
        expires: Timestamp = now + .seconds(3600),
        selector: String = ""
    ) throws -> Ticket {
        let declaration = WireCodec.declaration(
            PreApprovalDeclaration(expires: expires, irreversible: irreversible, selector: selector)
        )
        let bytes = Array(runbook.utf8)
        var ticket = try ticket(plan, signers: [])
        ticket.preApproval = PreApproval(
            runbook: bytes,
            declaration: declaration,
            signer: "ana",
            signature: try ana.sign(Sealing.preApprovalBytes(runbook: bytes, declaration: declaration))
        )
        return ticket
    }
}
