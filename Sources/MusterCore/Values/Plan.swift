/// What shall happen on which hosts, as people approve it.
///
/// The engines work on this value; what is signed and sent are the bytes that were made of it once
/// (``SealedPlan``). Nothing re-serialises it.
package struct Plan: Hashable, Sendable, Codable {
    package var incident: IncidentID
    package var runbook: String
    /// SHA-256 of the runbook file's bytes.
    package var runbookDigest: Digest
    /// Index of the step in the runbook's list.
    package var step: Int
    package var action: Action
    /// Resolved identities; a host that is not in it refuses.
    package var targets: [HostReference]
    /// How to take it back; nil when it can't be or when nobody said.
    package var rollback: Action?
    /// Why it can't be taken back; empty when it can.
    package var irreversible: String
    package var notBefore: Timestamp
    package var expires: Timestamp
    /// An operator's name or `muster`.
    package var proposer: String
    /// Ids of findings and events that it rests on.
    package var evidence: [String]
    /// How long the host waits for a commit before it rolls back by itself.
    ///
    /// Zero when there is no rollback.
    package var commitWithin: Duration
    /// One sentence for the approver.
    package var summary: String
    /// How it spreads over the targets, in their order; nil in plans from before there were waves.
    package var rollout: Rollout?
    /// Different people who have to approve it; nil for one.
    ///
    /// A host's policy may want more.
    package var approvals: Int?

    /// What each host looks at by itself after it has acted; nil when the coordinator tells it whether to keep the effect.
    package var verification: HostVerification?
    /// What each host must see with its own eyes right before it acts; nil for nothing.
    package var precondition: HostVerification.Check?

    /// Different people who have to approve it, at least.
    package var approvalsNeeded: Int { max(1, approvals ?? 1) }

    /// How it spreads over the targets.
    package var spread: Rollout { rollout ?? Rollout(hosts: targets.count) }

    package init(
        incident: IncidentID,
        runbook: String,
        runbookDigest: Digest,
        step: Int,
        action: Action,
        targets: [HostReference],
        rollback: Action?,
        irreversible: String,
        notBefore: Timestamp,
        expires: Timestamp,
        proposer: String,
        evidence: [String],
        commitWithin: Duration,
        summary: String,
        rollout: Rollout? = nil,
        approvals: Int? = nil,
        verification: HostVerification? = nil,
        precondition: HostVerification.Check? = nil
    ) {
        self.incident = incident
        self.runbook = runbook
        self.runbookDigest = runbookDigest
        self.step = step
        self.action = action
        self.targets = targets
        self.rollback = rollback
        self.irreversible = irreversible
        self.notBefore = notBefore
        self.expires = expires
        self.proposer = proposer
        self.evidence = evidence
        self.commitWithin = commitWithin
        self.summary = summary
        self.rollout = rollout
        self.approvals = approvals
        self.verification = verification
        self.precondition = precondition
    }
}

/// What a host looks at by itself, again and again, after it has acted.
///
/// When it holds in time the effect is kept, whoever else is there to say so or not; when it does not, it is taken back.
package struct HostVerification: Hashable, Sendable, Codable {
    /// Most bytes of a condition in one plan.
    package static let conditionBytesMax = 256

    package enum Check: Hashable, Sendable, Codable {
        /// A read-only statement on a database target (empty for the only one), whose first value is compared.
        case sql(statement: String, target: String, condition: Condition)
        /// An action of the host's policy of the class `observe`; it holds when it ends with 0.
        case command(name: String, parameters: [String: String])
    }

    package var check: Check
    /// Counted from the end of the action.
    package var within: Duration

    package init(check: Check, within: Duration) {
        self.check = check
        self.within = within
    }

    /// For people: `shop_healthy() within 1m`.
    package var text: String { "\(check.text) within \(within.spoken)" }
}

extension HostVerification.Check {
    /// For people: `shop_healthy()` or `SELECT … < 5`.
    package var text: String {
        switch self {
        case .sql(let statement, _, let condition): "\(statement) \(condition.text)"
        case .command(let name, let parameters):
            Action.command(name: name, parameters: parameters).summary
        }
    }
}

/// One action on one host.
package enum Action: Hashable, Sendable, Codable {
    /// A command that the host's own policy names.
    case command(name: String, parameters: [String: String])
    /// A statement run by the acting role of a database target.
    case sql(target: String, statement: String)

    /// For people: `rollback_shop(to: 4520)` or `SQL on orders: SELECT …`.
    package var summary: String {
        switch self {
        case .command(let name, let parameters):
            let list = parameters.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            return "\(name)(\(list.joined(separator: ", ")))"
        case .sql(let target, let statement):
            return "SQL\(target.isEmpty ? "" : " on \(target)"): \(statement)"
        }
    }
}

/// A plan with the exact bytes that its id is the hash of.
package struct SealedPlan: Hashable, Sendable, Codable {
    package var id: PlanID
    package var bytes: [UInt8]
    package var plan: Plan

    package init(id: PlanID, bytes: [UInt8], plan: Plan) {
        self.id = id
        self.bytes = bytes
        self.plan = plan
    }
}

/// A person's signature over a plan.
package struct Approval: Hashable, Sendable, Codable {
    /// Name as the host's policy lists it.
    package var signer: String
    /// 64 bytes of Ed25519.
    package var signature: [UInt8]

    package init(signer: String, signature: [UInt8]) {
        self.signer = signer
        self.signature = signature
    }
}

/// A person's signature to set a plan going alone, with the reason that everybody will read.
///
/// It signs other bytes than an ``Approval``, so that neither can be made of the other.
package struct BreakGlass: Hashable, Sendable, Codable {
    /// Most bytes of a reason.
    package static let reasonBytesMax = 1024

    /// Name as the host's policy lists it.
    package var signer: String
    /// Why nobody else could be waited for.
    package var reason: String
    /// 64 bytes of Ed25519.
    package var signature: [UInt8]

    package init(signer: String, reason: String, signature: [UInt8]) {
        self.signer = signer
        self.reason = reason
        self.signature = signature
    }

    /// Whether a reason says something, on one line, within the limit.
    package static func isReason(_ text: String) -> Bool {
        text.utf8.count <= reasonBytesMax && text.unicodeScalars.contains { $0.properties.isAlphabetic }
            && !text.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }
}

/// A person's signature over a runbook file, made beforehand.
package struct PreApproval: Hashable, Sendable, Codable {
    /// The runbook file's exact bytes.
    package var runbook: [UInt8]
    /// The serialised declaration's exact bytes.
    package var declaration: [UInt8]
    package var signer: String
    package var signature: [UInt8]

    package init(runbook: [UInt8], declaration: [UInt8], signer: String, signature: [UInt8]) {
        self.runbook = runbook
        self.declaration = declaration
        self.signer = signer
        self.signature = signature
    }
}

/// What the signer of a runbook says about it.
package struct PreApprovalDeclaration: Hashable, Sendable, Codable {
    package var expires: Timestamp
    /// Steps declared irreversible, by index, with the reason.
    package var irreversible: [Int: String]
    /// Host selector that it is limited to; empty for any host that lists the signer.
    package var selector: String

    package init(expires: Timestamp, irreversible: [Int: String], selector: String) {
        self.expires = expires
        self.irreversible = irreversible
        self.selector = selector
    }
}

/// Permission for one host to carry out a plan once.
package struct Ticket: Hashable, Sendable, Codable {
    package var id: TicketID
    package var plan: SealedPlan
    package var agent: AgentID
    /// Never after the plan's own.
    package var expires: Timestamp
    package var approvals: [Approval]
    package var preApproval: PreApproval?
    package var breakGlass: BreakGlass?

    package init(
        id: TicketID,
        plan: SealedPlan,
        agent: AgentID,
        expires: Timestamp,
        approvals: [Approval],
        preApproval: PreApproval?,
        breakGlass: BreakGlass? = nil
    ) {
        self.id = id
        self.plan = plan
        self.agent = agent
        self.expires = expires
        self.approvals = approvals
        self.preApproval = preApproval
        self.breakGlass = breakGlass
    }
}

/// Prefixes that keep signatures and hashes of different things apart.
///
/// Each ends in a NUL byte.
package enum SigningDomain {
    package static let plan = Array("muster/plan/v1\0".utf8)
    package static let approve = Array("muster/approve/v1\0".utf8)
    package static let preApprove = Array("muster/preapprove/v1\0".utf8)
    package static let breakGlass = Array("muster/breakglass/v1\0".utf8)
    package static let event = Array("muster/event/v1\0".utf8)
    package static let evidence = Array("muster/evidence/v1\0".utf8)
    package static let approverList = Array("muster/approvers/v1\0".utf8)
}
