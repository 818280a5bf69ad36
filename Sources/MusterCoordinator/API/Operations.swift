import MusterCause
import MusterCore
import MusterIncident
import MusterRecord

/// What the coordinator does with incidents, as the API, the web pages and tests call it.
///
/// Every call that changes something returns only after the change is on disk.
package protocol Operations: Sendable {
    /// Takes in one delivery of alerts; the same bytes again are a duplicate and change nothing.
    ///
    /// - Parameters:
    ///   - raw: The body as it came.
    ///   - format: Which shape it has.
    ///   - sender: Name of the token that brought it, for the record.
    /// - Returns: What became of it.
    /// - Throws: `malformed` when the body is not of that shape, `busy` when the sender must try again later.
    func receiveAlerts(
        raw: [UInt8],
        format: AlertFormat,
        from sender: String
    ) async throws(OperationError) -> IntakeReceipt

    /// Takes in one change as another system tells it.
    func receiveChange(
        raw: [UInt8],
        format: ChangeFormat,
        from sender: String
    ) async throws(OperationError) -> ChangeID

    /// Takes in one change that an operator tells.
    func recordChange(_ change: Change, by operatorName: String) async throws(OperationError) -> ChangeID

    /// All incidents, newest first.
    func incidents() async -> [IncidentSummary]

    /// Everything about one incident; nil when there is none with this id.
    func incident(_ id: IncidentID) async -> IncidentDetail?

    /// The stored events of an incident after a sequence number, oldest first.
    func eventsSince(incident: IncidentID, sequence: Int) async -> [StoredEvent]

    /// What an export of an incident's record begins with.
    ///
    /// - Throws: `notFound`; `unavailable` when the newest event can't be read.
    func recordHeader(of incident: IncidentID) async throws(OperationError) -> RecordHeader

    /// The next stretch of an incident's events as they are stored, up to a sequence number; empty at the end.
    func recorded(
        of incident: IncidentID,
        after sequence: Int,
        upTo last: Int
    ) async throws(OperationError) -> [RecordedEvent]

    /// Digests of the kept answers that follow an export's events, in their order.
    func evidence(of header: RecordHeader) async throws(OperationError) -> [Digest]

    /// A kept answer; nil when it is not kept any more.
    func answer(_ digest: Digest) async throws(OperationError) -> KeptAnswer?

    /// A plan with its exact bytes; nil when the incident has none with this id.
    func plan(_ id: PlanID, of incident: IncidentID) async -> SealedPlan?

    /// What the hosts of a plan would do with it now; those that do not say are left out.
    func dryRun(_ plan: SealedPlan) async -> [PlanTrialGroup]

    /// Puts a person's signature on a plan, which sets it going when it has all it needs.
    ///
    /// - Throws: `notFound`, `conflict` when it was decided or lapsed already, `denied` when this person may
    ///   not (proposer and approver must differ) or the signature does not fit.
    func approve(
        _ plan: PlanID,
        of incident: IncidentID,
        approval: Approval,
        by operatorName: String
    ) async throws(OperationError)

    /// Sets a plan going for one person alone, also one of their own, and calls the others.
    ///
    /// - Throws: as ``approve(_:of:approval:by:)``; hosts whose policy does not allow it refuse all the same.
    func breakGlass(
        _ plan: PlanID,
        of incident: IncidentID,
        use: BreakGlass,
        by operatorName: String
    ) async throws(OperationError)

    /// Turns a plan down.
    func reject(
        _ plan: PlanID,
        of incident: IncidentID,
        reason: String,
        by operatorName: String
    ) async throws(OperationError)

    /// Halts a plan that is being carried out, lets it go on, or ends it.
    ///
    /// - Throws: `notFound`; `conflict` when it is not under way.
    func steer(
        _ plan: PlanID,
        of incident: IncidentID,
        _ order: RolloutOrder,
        reason: String,
        by operatorName: String
    ) async throws(OperationError)

    /// Closes an incident, with the cause as people found it in the end, and learns from that.
    ///
    /// - Throws: `malformed`; `notFound`; `conflict` when it is closed already.
    func close(
        _ incident: IncidentID,
        _ request: CloseRequest,
        by operatorName: String
    ) async throws(OperationError)

    /// How right Muster was about the incidents opened since then.
    func accuracy(since: Timestamp) async -> AccuracyReport

    /// Which alert rules are noise, by the incidents opened since then.
    func alertRules(since: Timestamp) async -> AlertReport

    /// How the runs of each runbook went, by name.
    func runbookRecords() async -> [RunbookRecord]

    /// The freezes that are on, oldest first.
    func freezes() async -> [Freeze]

    /// Stops every automatic action of a service or of all; a second one for the same takes the first one's place.
    ///
    /// Returns when no incident that it concerns begins anything by itself any more.
    ///
    /// - Throws: `malformed`; `conflict` when there are too many.
    func freeze(
        _ request: FreezeRequest,
        by operatorName: String
    ) async throws(OperationError) -> FreezeReceipt

    /// Lifts a freeze.
    ///
    /// - Throws: `malformed`; `notFound` when there is none.
    func thaw(_ request: ThawRequest, by operatorName: String) async throws(OperationError) -> FreezeReach

    /// The post-mortem in Markdown; nil when there is no such incident or it is not written yet.
    func postMortem(_ id: IncidentID) async -> String?

    /// Changes known to the coordinator inside a window, oldest first.
    func changes(window: TimeWindow) async -> [Change]
}

/// Shapes of alert deliveries.
package enum AlertFormat: String, Sendable, Codable, CaseIterable {
    /// Alertmanager's webhook, version 4.
    case alertmanager
    /// Muster's own plain JSON.
    case json
}

/// Shapes of change events.
package enum ChangeFormat: String, Sendable, Codable, CaseIterable {
    /// PagerDuty's change events, version 2.
    case pagerduty
    /// Muster's own plain JSON: a ``Change``, of which only `kind` and `summary` must be there.
    case json
}

/// What became of one delivery of alerts.
package struct IntakeReceipt: Hashable, Sendable, Codable {
    /// Alerts that were news.
    package var accepted: Int
    /// Alerts that were known already.
    package var duplicates: Int
    /// Incidents that the delivery opened or added to.
    package var incidents: [IncidentID]

    package init(accepted: Int, duplicates: Int, incidents: [IncidentID]) {
        self.accepted = accepted
        self.duplicates = duplicates
        self.incidents = incidents
    }
}
