/// Hashes, signatures and formats that a host needs to judge a ticket.
///
/// The rules live in ``TicketJudge``, which does no cryptography of its own; the agent passes the real thing.
package protocol TicketReading {
    /// The id of a plan's bytes.
    func planID(of bytes: [UInt8]) -> PlanID
    /// SHA-256 of a file's bytes.
    func digest(of bytes: [UInt8]) -> Digest
    /// Reads a plan's bytes; nil when they are no plan of this version.
    func plan(from bytes: [UInt8]) -> Plan?
    /// Whether the signature over the plan was made by the key.
    func isApproved(_ plan: PlanID, signature: [UInt8], key: [UInt8]) -> Bool
    /// Whether the signature over the plan and the reason was made by the key.
    func isBreakGlass(_ use: BreakGlass, for plan: PlanID, key: [UInt8]) -> Bool
    /// Whether the signature over runbook and declaration was made by the key.
    func isPreApproved(_ preApproval: PreApproval, key: [UInt8]) -> Bool
    /// Reads a declaration; throws a sentence for the report.
    func declaration(from bytes: [UInt8]) throws(PolicyRefusal) -> PreApprovalDeclaration
    /// Reads a runbook file; throws a sentence for the report.
    func runbook(from bytes: [UInt8]) throws(PolicyRefusal) -> Runbook
}
