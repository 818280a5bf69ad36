import MusterCore
import MusterIdentity
import MusterWire
import MusterYAML

/// The real hashes, signatures and formats behind the judge's rules.
package struct SignedTicketReader: TicketReading, Sendable {
    package init() {}

    package func planID(of bytes: [UInt8]) -> PlanID { Sealing.planID(bytes) }

    package func digest(of bytes: [UInt8]) -> Digest { SHA256.hash(bytes) }

    package func plan(from bytes: [UInt8]) -> Plan? { try? WireCodec.plan(from: bytes) }

    package func isApproved(_ plan: PlanID, signature: [UInt8], key: [UInt8]) -> Bool {
        SigningKey.verify(signature: signature, of: Sealing.approvalBytes(plan: plan), publicKey: key)
    }

    package func isBreakGlass(_ use: BreakGlass, for plan: PlanID, key: [UInt8]) -> Bool {
        let bytes = Sealing.breakGlassBytes(plan: plan, reason: use.reason)
        return SigningKey.verify(signature: use.signature, of: bytes, publicKey: key)
    }

    package func isPreApproved(_ preApproval: PreApproval, key: [UInt8]) -> Bool {
        let bytes = Sealing.preApprovalBytes(
            runbook: preApproval.runbook,
            declaration: preApproval.declaration
        )
        return SigningKey.verify(signature: preApproval.signature, of: bytes, publicKey: key)
    }

    package func declaration(from bytes: [UInt8]) throws(PolicyRefusal) -> PreApprovalDeclaration {
        do throws(WireError) {
            return try WireCodec.declaration(from: bytes)
        } catch {
            throw PolicyRefusal("the pre-approval can't be read: \(error.message)")
        }
    }

    package func runbook(from bytes: [UInt8]) throws(PolicyRefusal) -> Runbook {
        do throws(DocumentError) {
            return try Runbook(document: try YAMLReader.read(bytes, name: "runbook"))
        } catch {
            throw PolicyRefusal("the signed runbook can't be read: \(error.description)")
        }
    }
}
