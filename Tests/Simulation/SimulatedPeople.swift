import MusterCore
import MusterIdentity
import MusterIncident
import MusterTesting
import MusterWire
import MusterYAML

@testable import MusterAgent

/// Those who approve, with their keys, which decide nothing that happens.
struct SimulatedPeople: Sendable {
    let keys: [String: SigningKey]

    init() throws { keys = ["ana": try .generate(), "bob": try .generate()] }

    func sign(_ plan: PlanID, as name: String) throws -> Approval {
        guard let key = keys[name] else { throw AgentError(.system, "\(name) has no key") }
        return Approval(signer: name, signature: try key.sign(Sealing.approvalBytes(plan: plan)))
    }

    /// What the hosts allow: the cases' action and its way back, and pre-approved what is signed beforehand.
    ///
    /// With `settles` a host can tell after a crash whether an action took effect.
    func policy(for cases: [SimulatedCase], settles: Bool) -> String {
        func key(_ name: String) -> String { Base64.text(keys[name]?.publicKey ?? []) }
        let digests = cases.filter { $0.signature != nil }.map { "\"\($0.digest)\"" }
        let runbooks =
            digests.isEmpty
            ? ""
            : """
            runbooks:
              preapproval: true
              signers:
                - { name: ana, key: "\(key("ana"))" }
              sha256: [\(digests.joined(separator: ", "))]
            """
        return """
            approvers:
              - { name: ana, key: "\(key("ana"))" }
              - { name: bob, key: "\(key("bob"))" }
            actions:
              - name: set
                argv: ["/bin/true", "{to}"]
                parameters: { to: { kind: version } }
                allow: preapproved
                rate_per_hour: 20
            \(settles ? "    settled_by: is" : "")
              - name: is
                argv: ["/bin/true", "is", "{to}"]
                parameters: { to: { kind: version } }
                class: observe
              - { name: healthy, argv: ["/bin/true", "healthy"], class: observe }
            \(runbooks)

            """
    }

    /// What an intruder would like to have done.
    func evil(_ plan: Plan, number: Int) -> Plan {
        var plan = plan
        plan.action = .command(name: "set", parameters: ["to": "evil-\(number)"])
        return plan
    }
}

/// One incident of a simulated world: what is to be done, and what people will say about it.
struct SimulatedCase {
    let number: Int
    let incident: IncidentID
    let source: String
    let digest: Digest
    let runbook: Runbook
    /// Somebody signed the runbook beforehand.
    let signature: RunbookSignature?
    /// Of the hosts, by their numbers, in the plan's order.
    let targets: [Int]
    let rollout: Rollout
    let approvals: Int
    let commitWithin: Duration
    let life: Duration

    /// The value that its action sets.
    var value: String { "case-\(number)" }
    /// The value that its way back sets.
    var back: String { "case-\(number)-back" }

    init(number: Int, hosts: Int, people: SimulatedPeople, _ random: inout SplitMix64) throws {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        self.number = number
        incident = IncidentID(uuid: UUIDv7(at: Simulation.epoch, random: (random.next(), random.next())))
        let isSigned = below(3) == 0
        let (hasRollback, hasVerification) = (below(5) > 0, below(3) == 0)
        let (value, back) = ("case-\(number)", "case-\(number)-back")
        let undoing =
            hasRollback ? "rollback: { run: set, with: { to: \(back) } }" : "irreversible: sessions end"
        let looking = hasRollback && hasVerification ? "verify: { run: healthy, within: 30s }" : ""
        let verifying =
            below(4) == 0 ? "" : "  - { action: verify_resolution, check: \"Errors < 2%\", timeout: 1m }"
        source = """
            trigger: { alert: "case \(number)" }
            steps:
              - { action: verify_hypothesis, check: "SELECT 38", threshold: "> 30" }
              - action: mitigate
                run: set
                with: { to: \(value) }
                \(undoing)
                requires_approval: \(!isSigned)
                \(looking)
            \(verifying)

            """
        digest = SHA256.hash(Array(source.utf8))
        runbook = try Runbook(document: try YAMLReader.read(Array(source.utf8), name: value))
        if isSigned, let ana = people.keys["ana"] {
            let says = PreApprovalDeclaration(
                expires: Simulation.epoch + .seconds(36_000),
                irreversible: [:],
                selector: ""
            )
            let declaration = WireCodec.declaration(says)
            let bytes = Sealing.preApprovalBytes(runbook: Array(source.utf8), declaration: declaration)
            signature = RunbookSignature(
                signer: "ana",
                declaration: declaration,
                says: says,
                signature: try ana.sign(bytes)
            )
        } else {
            signature = nil
        }
        var numbers = Array(0..<hosts)
        numbers.shuffle(using: &random)
        let count = 1 + below(hosts)
        targets = Array(numbers.prefix(count))
        var waves = Set((0..<below(4)).map { _ in 1 + below(count) })
        waves.insert(count)
        rollout = Rollout(
            waves: waves.sorted(),
            soak: .seconds(below(15)),
            errorBudget: below(3),
            atOnce: 1 + below(count),
            stopWhen: below(4) == 0 ? "Errors > 20%" : ""
        )
        approvals = isSigned ? 1 : 1 + below(2)
        commitWithin = hasRollback ? .seconds(10 + below(80)) : .zero
        life = .seconds(200 + below(600))
    }

    /// The plan as the coordinator seals it; with a number from 1 on when it is tried again, on these hosts.
    func plan(
        hosts: [HostReference],
        at now: Timestamp,
        retry: Int,
        on again: [HostReference]?
    ) throws -> SealedPlan {
        guard let step = runbook.steps[1].mitigation else { throw AgentError(.system, "no step to take") }
        let value = retry == 0 ? value : "\(value)-again-\(retry)"
        let targets = again ?? targets.map { hosts[$0] }
        var rollout = rollout
        if again != nil { rollout = Rollout(waves: [targets.count], atOnce: targets.count) }
        let plan = Plan(
            incident: incident,
            runbook: value,
            runbookDigest: digest,
            step: 1,
            action: .command(name: "set", parameters: ["to": value]),
            targets: targets,
            rollback: step.rollback.map { _ in .command(name: "set", parameters: ["to": "\(value)-back"]) },
            irreversible: step.irreversible ?? "",
            notBefore: now,
            expires: now + life,
            proposer: "muster",
            evidence: [],
            commitWithin: step.verification.map { max($0.within, commitWithin) } ?? commitWithin,
            summary: value,
            rollout: rollout,
            approvals: approvals,
            verification: step.verification
        )
        return try WireCodec.sealed(plan) { Sealing.planID($0) }
    }
}
