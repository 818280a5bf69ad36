import MusterCore

/// The exact bytes that plans are known by and that people sign.
package enum Sealing {
    /// The id of a plan: SHA-256 over the plan's prefix and its bytes.
    package static func planID(_ bytes: [UInt8]) -> PlanID { SHA256.hash(SigningDomain.plan + bytes) }

    /// What an approver signs.
    package static func approvalBytes(plan: PlanID) -> [UInt8] { SigningDomain.approve + plan.bytes }

    /// What somebody signs who sets a plan going alone, for this reason.
    package static func breakGlassBytes(plan: PlanID, reason: String) -> [UInt8] {
        SigningDomain.breakGlass + plan.bytes + Array(reason.utf8)
    }

    /// What is signed to approve a runbook beforehand.
    ///
    /// `runbook` are the file's exact bytes, `declaration` those of the serialised declaration.
    package static func preApprovalBytes(runbook: [UInt8], declaration: [UInt8]) -> [UInt8] {
        SigningDomain.preApprove + SHA256.hash(runbook).bytes + declaration
    }

    /// What an agent signs of an answer that may become evidence.
    package static func evidenceBytes(
        question: QuestionID,
        agent: AgentID,
        taken: Timestamp,
        digest: Digest
    ) -> [UInt8] {
        let time = UInt64(bitPattern: taken.nanoseconds)
        return SigningDomain.evidence + Array(question.description.utf8) + agent.bytes
            + (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * UInt64($0))) } + digest.bytes
    }

    /// What an offline root signs to say who may approve: `content` are the exact bytes of the list.
    package static func approverListBytes(_ content: [UInt8]) -> [UInt8] {
        SigningDomain.approverList + content
    }
}
