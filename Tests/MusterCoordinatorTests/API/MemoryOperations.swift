import MusterCore
import MusterIdentity
import MusterIncident

@testable import MusterCoordinator

/// Incidents in memory: keeps what it is told, and refuses what the real one would.
actor MemoryOperations: Operations {
    private(set) var alerts: [(raw: [UInt8], format: AlertFormat, sender: String)] = []
    private(set) var changeBodies: [(raw: [UInt8], format: ChangeFormat, sender: String)] = []
    private(set) var approvals: [(plan: PlanID, approval: Approval, by: String)] = []
    private(set) var brokenGlasses: [(use: BreakGlass, by: String)] = []
    private var details: [IncidentID: IncidentDetail] = [:]
    private var postMortems: [IncidentID: String] = [:]
    private var decided: Set<PlanID> = []
    /// Refuses all deliveries while it is set.
    private var isBusy = false

    func beBusy() { isBusy = true }

    func add(_ detail: IncidentDetail, postMortem: String? = nil) {
        details[detail.summary.id] = detail
        postMortems[detail.summary.id] = postMortem
    }

    func receiveAlerts(
        raw: [UInt8],
        format: AlertFormat,
        from sender: String
    ) async throws(OperationError) -> IntakeReceipt {
        guard !isBusy else { throw OperationError(.busy, "the queue is full") }
        guard raw.first == UInt8(ascii: "{") else {
            throw OperationError(.malformed, "expected a JSON object")
        }
        let isKnown = alerts.contains { $0.raw == raw }
        alerts.append((raw, format, sender))
        return IntakeReceipt(accepted: isKnown ? 0 : 1, duplicates: isKnown ? 1 : 0, incidents: [])
    }

    func receiveChange(
        raw: [UInt8],
        format: ChangeFormat,
        from sender: String
    ) async throws(OperationError) -> ChangeID {
        changeBodies.append((raw, format, sender))
        return ChangeID(at: .zero)
    }

    func recordChange(_ change: Change, by operatorName: String) async throws(OperationError) -> ChangeID {
        ChangeID(at: change.at)
    }

    func incidents() async -> [IncidentSummary] { details.values.map(\.summary).sorted { $0.id > $1.id } }

    func incident(_ id: IncidentID) async -> IncidentDetail? { details[id] }

    func eventsSince(incident: IncidentID, sequence: Int) async -> [StoredEvent] { [] }

    func plan(_ id: PlanID, of incident: IncidentID) async -> SealedPlan? {
        details[incident]?.pendingPlans.first { $0.id == id }
    }

    func approve(
        _ plan: PlanID,
        of incident: IncidentID,
        approval: Approval,
        by operatorName: String
    ) async throws(OperationError) {
        guard await self.plan(plan, of: incident) != nil else {
            throw OperationError(.notFound, "no such plan")
        }
        guard decided.insert(plan).inserted else { throw OperationError(.conflict, "decided already") }
        approvals.append((plan, approval, operatorName))
    }

    func breakGlass(
        _ plan: PlanID,
        of incident: IncidentID,
        use: BreakGlass,
        by operatorName: String
    ) async throws(OperationError) {
        guard await self.plan(plan, of: incident) != nil else {
            throw OperationError(.notFound, "no such plan")
        }
        guard decided.insert(plan).inserted else { throw OperationError(.conflict, "decided already") }
        brokenGlasses.append((use, operatorName))
    }

    func reject(
        _ plan: PlanID,
        of incident: IncidentID,
        reason: String,
        by operatorName: String
    ) async throws(OperationError) {
        guard await self.plan(plan, of: incident) != nil else {
            throw OperationError(.notFound, "no such plan")
        }
        guard decided.insert(plan).inserted else { throw OperationError(.conflict, "decided already") }
    }

    func steer(
        _ plan: PlanID,
        of incident: IncidentID,
        _ order: RolloutOrder,
        reason: String,
        by operatorName: String
    ) async throws(OperationError) {
        guard await self.plan(plan, of: incident) != nil else {
            throw OperationError(.notFound, "no such plan")
        }
    }

    func close(
        _ incident: IncidentID,
        by operatorName: String,
        confirmedCause: String?
    ) async throws(OperationError) {
        guard var detail = details[incident] else { throw OperationError(.notFound, "no such incident") }
        guard detail.summary.status != .closed else { throw OperationError(.conflict, "closed already") }
        detail.summary.status = .closed
        detail.summary.cause = confirmedCause ?? detail.summary.cause
        details[incident] = detail
    }

    func postMortem(_ id: IncidentID) async -> String? { postMortems[id] }

    func changes(window: TimeWindow) async -> [Change] { [] }
}
