import MusterCause
import MusterCore
import MusterIdentity
import MusterIncident
import MusterRecord

@testable import MusterCoordinator

/// Incidents in memory: keeps what it is told, and refuses what the real one would.
actor MemoryOperations: Operations {
    private(set) var alerts: [(raw: [UInt8], format: AlertFormat, sender: String)] = []
    private(set) var changeBodies: [(raw: [UInt8], format: ChangeFormat, sender: String)] = []
    private(set) var approvals: [(plan: PlanID, approval: Approval, by: String)] = []
    private(set) var brokenGlasses: [(use: BreakGlass, by: String)] = []
    private var details: [IncidentID: IncidentDetail] = [:]
    private var postMortems: [IncidentID: String] = [:]
    private var records: [IncidentID: [RecordedEvent]] = [:]
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

    /// Adds an incident's record as it would be stored.
    func add(_ events: [RecordedEvent], of incident: IncidentID) { records[incident] = events }

    func recordHeader(of incident: IncidentID) async throws(OperationError) -> RecordHeader {
        guard let last = records[incident]?.last, let head = Digest(bytes: last.hash) else {
            throw OperationError(.notFound, "there is no incident \(incident)")
        }
        return RecordHeader(
            incident: incident,
            coordinator: "test",
            exported: .zero,
            policy: IncidentPolicy(),
            events: last.sequence,
            head: head
        )
    }

    /// Two at a time.
    func recorded(
        of incident: IncidentID,
        after sequence: Int,
        upTo last: Int
    ) async throws(OperationError) -> [RecordedEvent] {
        let events = records[incident] ?? []
        return Array(events.filter { $0.sequence > sequence && $0.sequence <= last }.prefix(2))
    }

    func evidence(of header: RecordHeader) async throws(OperationError) -> [Digest] { [] }

    func answer(_ digest: Digest) async throws(OperationError) -> KeptAnswer? { nil }

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

    func dryRun(_ plan: SealedPlan) async -> [PlanTrialGroup] { [] }

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
        _ request: CloseRequest,
        by operatorName: String
    ) async throws(OperationError) {
        guard var detail = details[incident] else { throw OperationError(.notFound, "no such incident") }
        guard detail.summary.status != .closed else { throw OperationError(.conflict, "closed already") }
        detail.summary.status = .closed
        detail.summary.cause = request.cause ?? detail.summary.cause
        closings.append((request, operatorName))
        details[incident] = detail
    }

    /// How incidents were closed, and by whom.
    private(set) var closings: [(request: CloseRequest, by: String)] = []

    func accuracy(since: Timestamp) async -> AccuracyReport {
        AccuracyReport([], since: since, manualMinutes: nil, runbooks: [])
    }

    func alertRules(since: Timestamp) async -> AlertReport { AlertReport([], since: since) }

    func runbookRecords() async -> [RunbookRecord] { [] }

    private var frozen: [Freeze] = []

    func freezes() async -> [Freeze] { frozen }

    func freeze(
        _ request: FreezeRequest,
        by operatorName: String
    ) async throws(OperationError) -> FreezeReceipt {
        guard (request.service == nil) == (request.all == true) else {
            throw OperationError(.malformed, "either a service or all")
        }
        let freeze = Freeze(
            service: request.service,
            by: operatorName,
            reason: request.reason,
            since: .zero
        )
        frozen.append(freeze)
        return FreezeReceipt(freeze: freeze, reach: FreezeReach())
    }

    func thaw(_ request: ThawRequest, by operatorName: String) async throws(OperationError) -> FreezeReach {
        guard frozen.contains(where: { $0.service == request.service }) else {
            throw OperationError(.notFound, "no such freeze")
        }
        frozen.removeAll { $0.service == request.service }
        return FreezeReach()
    }

    func postMortem(_ id: IncidentID) async -> String? { postMortems[id] }

    func changes(window: TimeWindow) async -> [Change] { [] }
}
