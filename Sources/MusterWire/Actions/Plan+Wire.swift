import FoundationEssentials
import MusterCore
import SwiftProtobuf

/// Plans and declarations as the bytes that are hashed and signed.
///
/// The bytes are made once; everything afterwards carries them as they are. A plan with a field that this
/// version does not know is refused: it might be a limit that someone approved and we would not keep.
package enum WireCodec {
    /// Largest plan in bytes.
    package static let planBytesMax = 256 << 10
    /// Largest declaration in bytes.
    package static let declarationBytesMax = 64 << 10

    /// Makes the bytes of a plan.
    package static func seal(_ plan: Plan) -> [UInt8] { bytes(of: WirePlan(plan)) }

    /// Makes the bytes of a plan and reads them back, so that the value is exactly what the bytes say.
    ///
    /// `identify` is the hash over the bytes (`Sealing.planID`).
    package static func sealed(
        _ plan: Plan,
        identify: ([UInt8]) -> PlanID
    ) throws(WireError) -> SealedPlan {
        let bytes = seal(plan)
        return SealedPlan(id: identify(bytes), bytes: bytes, plan: try self.plan(from: bytes))
    }

    /// Reads a plan.
    package static func plan(from bytes: [UInt8]) throws(WireError) -> Plan {
        try Fields.check(bytes.count, max: planBytesMax, "plan")
        let wire: WirePlan
        do {
            wire = try WirePlan(serializedBytes: bytes)
        } catch {
            throw WireError(.malformed, "the plan's bytes are no plan")
        }
        return try Plan(wire)
    }

    /// Makes the bytes of a declaration.
    package static func declaration(_ declaration: PreApprovalDeclaration) -> [UInt8] {
        var wire = WirePreApprovalDeclaration()
        wire.expiresAtNs = declaration.expires.nanoseconds
        for (step, reason) in declaration.irreversible { wire.irreversible[Fields.small(step)] = reason }
        wire.selector = declaration.selector
        return bytes(of: wire)
    }

    /// Reads a declaration.
    package static func declaration(from bytes: [UInt8]) throws(WireError) -> PreApprovalDeclaration {
        try Fields.check(bytes.count, max: declarationBytesMax, "declaration")
        let wire: WirePreApprovalDeclaration
        do {
            wire = try WirePreApprovalDeclaration(serializedBytes: bytes)
        } catch {
            throw WireError(.malformed, "the declaration's bytes are no declaration")
        }
        try refuseUnknown(wire, "declaration")
        return PreApprovalDeclaration(
            expires: Timestamp(nanoseconds: wire.expiresAtNs),
            irreversible: Dictionary(uniqueKeysWithValues: wire.irreversible.map { (Int($0.key), $0.value) }),
            selector: wire.selector
        )
    }

    static func refuseUnknown(_ message: some Message, _ name: String) throws(WireError) {
        guard message.unknownFields.data.isEmpty else {
            throw WireError(.unknownField, "the \(name) has a field that this version does not know")
        }
    }

    private static func bytes(of message: some Message) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do {
            return try message.serializedBytes(options: options)
        } catch {
            // A proto3 message has no required field; only one beyond 2 GiB can fail.
            preconditionFailure("\(type(of: message)) could not be serialised: \(error)")
        }
    }
}

extension WirePlan {
    init(_ plan: Plan) {
        self.init()
        incidentID = plan.incident.description
        runbook = plan.runbook
        runbookSha256 = Data(plan.runbookDigest.bytes)
        step = Fields.small(plan.step)
        action = WireAction(plan.action)
        targets = plan.targets.map {
            var target = WirePlanTarget()
            target.agentID = $0.id.description
            target.name = $0.name
            return target
        }
        if let rollback = plan.rollback { self.rollback = WireAction(rollback) }
        irreversible = plan.irreversible
        notBeforeNs = plan.notBefore.nanoseconds
        expiresAtNs = plan.expires.nanoseconds
        proposer = plan.proposer
        evidence = plan.evidence
        commitWithinSeconds = UInt32(clamping: Int64(plan.commitWithin.inSeconds.rounded(.up)))
        summary = Fields.clipped(plan.summary, max: 512)
        if let rollout = plan.rollout { self.rollout = WireRollout(rollout) }
        approvals = Fields.small(plan.approvals ?? 0)
        if let verification = plan.verification { self.verification = WireVerification(verification) }
        if let precondition = plan.precondition {
            self.precondition = WireVerification(HostVerification(check: precondition, within: .zero))
        }
    }
}

extension WireVerification {
    init(_ verification: HostVerification) {
        self.init()
        withinMs = UInt32(clamping: Int64(verification.within.inMilliseconds))
        switch verification.check {
        case .sql(let statement, let target, let condition):
            var wire = WireStatementCheck()
            wire.statement = statement
            wire.target = target
            wire.condition = condition.text
            check = .statement(wire)
        case .command(let name, let parameters):
            var wire = WireCommandAction()
            wire.name = name
            wire.parameters = parameters
            check = .command(wire)
        }
    }
}

extension HostVerification {
    init(_ wire: WireVerification) throws(WireError) {
        try WireCodec.refuseUnknown(wire, "plan's verification")
        let check: Check
        switch wire.check {
        case nil: throw WireError(.unknownKind, "this version does not know the kind of verification")
        case .statement(let statement):
            try WireCodec.refuseUnknown(statement, "verification's statement")
            try Fields.check(statement.statement.utf8.count, max: 16 << 10, "SQL statement")
            try Fields.check(statement.target.utf8.count, max: 128, "SQL target")
            try Fields.check(
                statement.condition.utf8.count,
                max: HostVerification.conditionBytesMax,
                "condition"
            )
            do throws(ExpressionError) {
                let condition = try ExpressionParser.condition(statement.condition)
                check = .sql(statement: statement.statement, target: statement.target, condition: condition)
            } catch {
                throw WireError(.malformed, "the verification's condition: \(error.description)")
            }
        case .command(let command):
            guard
                case .command(let name, let parameters) = try Action(WireAction.with { $0.command = command })
            else { throw WireError(.malformed, "the verification's command") }
            check = .command(name: name, parameters: parameters)
        }
        self.init(check: check, within: .milliseconds(Int64(wire.withinMs)))
    }
}

extension WireRollout {
    init(_ rollout: Rollout) {
        self.init()
        waves = rollout.waves.map { Fields.small($0) }
        soakMs = UInt32(clamping: Int64(rollout.soak.inMilliseconds))
        errorBudget = Fields.small(rollout.errorBudget)
        atOnce = Fields.small(rollout.atOnce)
        stopWhen = rollout.stopWhen
    }
}

extension Rollout {
    init(_ wire: WireRollout, hosts: Int) throws(WireError) {
        try WireCodec.refuseUnknown(wire, "plan's rollout")
        try Fields.check(wire.waves.count, max: Rollout.wavesMax, "waves")
        try Fields.check(wire.stopWhen.utf8.count, max: Rollout.stopWhenBytesMax, "stop_when")
        self.init(
            waves: wire.waves.map { Int($0) },
            soak: .milliseconds(Int64(wire.soakMs)),
            errorBudget: Int(wire.errorBudget),
            atOnce: Int(wire.atOnce),
            stopWhen: wire.stopWhen
        )
        if let complaint = complaint(hosts: hosts) { throw WireError(.malformed, complaint) }
    }
}

extension WireAction {
    init(_ action: Action) {
        self.init()
        switch action {
        case .command(let name, let parameters):
            var wire = WireCommandAction()
            wire.name = name
            wire.parameters = parameters
            kind = .command(wire)
        case .sql(let target, let statement):
            var wire = WireSqlAction()
            wire.target = target
            wire.statement = statement
            kind = .sql(wire)
        }
    }
}

extension Plan {
    init(_ wire: WirePlan) throws(WireError) {
        try WireCodec.refuseUnknown(wire, "plan")
        try Fields.check(wire.targets.count, max: 10_000, "targets")
        try Fields.check(wire.evidence.count, max: 64, "evidence")
        try Fields.check(wire.summary.utf8.count, max: 512, "summary")
        var targets: [HostReference] = []
        for target in wire.targets {
            try WireCodec.refuseUnknown(target, "plan's target")
            targets.append(
                HostReference(id: try Fields.digest(text: target.agentID, "target"), name: target.name)
            )
        }
        self.init(
            incident: try Fields.identifier(wire.incidentID, "incident id"),
            runbook: wire.runbook,
            runbookDigest: try Fields.digest(wire.runbookSha256, "runbook_sha256"),
            step: Int(wire.step),
            action: try Action(wire.action),
            targets: targets,
            rollback: wire.hasRollback ? try Action(wire.rollback) : nil,
            irreversible: wire.irreversible,
            notBefore: Timestamp(nanoseconds: wire.notBeforeNs),
            expires: Timestamp(nanoseconds: wire.expiresAtNs),
            proposer: wire.proposer,
            evidence: wire.evidence,
            commitWithin: .seconds(Int64(wire.commitWithinSeconds)),
            summary: wire.summary,
            rollout: wire.hasRollout ? try Rollout(wire.rollout, hosts: targets.count) : nil,
            approvals: wire.approvals == 0 ? nil : Int(wire.approvals),
            verification: wire.hasVerification ? try HostVerification(wire.verification) : nil,
            precondition: wire.hasPrecondition ? try HostVerification(wire.precondition).check : nil
        )
    }
}

extension Action {
    init(_ wire: WireAction) throws(WireError) {
        try WireCodec.refuseUnknown(wire, "action")
        switch wire.kind {
        case nil: throw WireError(.unknownKind, "this version does not know the kind of action")
        case .command(let command):
            try WireCodec.refuseUnknown(command, "command")
            try Fields.check(command.name.utf8.count, max: 64, "command's name")
            try Fields.check(command.parameters.count, max: 32, "command's parameters")
            self = .command(name: command.name, parameters: command.parameters)
        case .sql(let sql):
            try WireCodec.refuseUnknown(sql, "SQL action")
            try Fields.check(sql.target.utf8.count, max: 128, "SQL target")
            try Fields.check(sql.statement.utf8.count, max: 16 << 10, "SQL statement")
            self = .sql(target: sql.target, statement: sql.statement)
        }
    }
}
