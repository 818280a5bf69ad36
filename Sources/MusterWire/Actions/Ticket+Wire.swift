import FoundationEssentials
import MusterCore

extension WireTicket {
    /// The message of a ticket; carries the plan's bytes as they are.
    package init(_ ticket: Ticket) {
        self.init()
        id = ticket.id.description
        plan = Data(ticket.plan.bytes)
        agentID = ticket.agent.description
        expiresAtNs = ticket.expires.nanoseconds
        approvals = ticket.approvals.map {
            var approval = WireApproval()
            approval.signer = $0.signer
            approval.signature = Data($0.signature)
            return approval
        }
        if let preApproval = ticket.preApproval {
            var wire = WirePreApproval()
            wire.runbook = Data(preApproval.runbook)
            wire.declaration = Data(preApproval.declaration)
            wire.signer = preApproval.signer
            wire.signature = Data(preApproval.signature)
            self.preApproval = wire
        }
        if let breakGlass = ticket.breakGlass {
            var wire = WireBreakGlass()
            wire.signer = breakGlass.signer
            wire.reason = breakGlass.reason
            wire.signature = Data(breakGlass.signature)
            self.breakGlass = wire
        }
    }
}

extension Ticket {
    /// Reads a ticket and the plan inside it; checks limits, not permission.
    ///
    /// `identify` is the hash over the plan's bytes (`Sealing.planID`): the id is never taken from the wire.
    package init(_ wire: WireTicket, identify: ([UInt8]) -> PlanID) throws(WireError) {
        try Fields.check(wire.approvals.count, max: 16, "approvals")
        try Fields.check(wire.preApproval.runbook.count, max: 64 << 10, "runbook")
        let bytes = Array(wire.plan)
        let plan = try WireCodec.plan(from: bytes)
        var approvals: [Approval] = []
        for approval in wire.approvals {
            approvals.append(
                Approval(
                    signer: approval.signer,
                    signature: try Self.signature(approval.signature, of: approval.signer)
                )
            )
        }
        var preApproval: PreApproval?
        if wire.hasPreApproval {
            preApproval = PreApproval(
                runbook: Array(wire.preApproval.runbook),
                declaration: Array(wire.preApproval.declaration),
                signer: wire.preApproval.signer,
                signature: try Self.signature(wire.preApproval.signature, of: wire.preApproval.signer)
            )
        }
        var breakGlass: BreakGlass?
        if wire.hasBreakGlass {
            try Fields.check(
                wire.breakGlass.reason.utf8.count,
                max: BreakGlass.reasonBytesMax,
                "break-glass reason"
            )
            breakGlass = BreakGlass(
                signer: wire.breakGlass.signer,
                reason: wire.breakGlass.reason,
                signature: try Self.signature(wire.breakGlass.signature, of: wire.breakGlass.signer)
            )
        }
        self.init(
            id: try Fields.identifier(wire.id, "ticket id"),
            plan: SealedPlan(id: identify(bytes), bytes: bytes, plan: plan),
            agent: try Fields.digest(text: wire.agentID, "agent id"),
            expires: Timestamp(nanoseconds: wire.expiresAtNs),
            approvals: approvals,
            preApproval: preApproval,
            breakGlass: breakGlass
        )
    }

    private static func signature(_ bytes: Data, of signer: String) throws(WireError) -> [UInt8] {
        guard bytes.count == 64 else {
            throw WireError(
                .malformed,
                "the signature of \"\(signer.prefix(64))\" must be 64 bytes, found \(bytes.count)"
            )
        }
        return Array(bytes)
    }
}
