import MusterCore
import MusterIncident

/// What the API needs of the rest of the coordinator.
package struct APIServices: Sendable {
    package var operations: any Operations
    package var fleet: any Fleet
    package var administration: any FleetAdministration
    package var map: ServiceMapper
    package var operators: OperatorStore
    package var audit: AuditLog
    package var knowledge: KnowledgeDesk

    package init(
        operations: any Operations,
        fleet: any Fleet,
        administration: any FleetAdministration,
        map: ServiceMapper,
        operators: OperatorStore,
        audit: AuditLog,
        knowledge: KnowledgeDesk
    ) {
        self.operations = operations
        self.fleet = fleet
        self.administration = administration
        self.map = map
        self.operators = operators
        self.audit = audit
        self.knowledge = knowledge
    }
}

extension APIServices {
    /// Closes an incident for an operator, with an entry in the audit record.
    func close(_ incident: IncidentID, _ request: CloseRequest, by caller: Caller) async throws {
        let detail = [
            request.falseAlarm == true ? "a false alarm" : nil, request.kind.map { "cause: \($0.rawValue)" },
            request.place.map { "at \($0)" }, request.cause.map { "in words: \($0)" },
            request.fix.map { "fixed by: \($0)" }, request.grade.map { "grade: \($0.rawValue)" },
        ].compactMap(\.self).joined(separator: "; ")
        try await audit.record("incident.close", of: incident.description, by: caller, detail: detail) {
            try await operations.close(incident, request, by: caller.name)
        }
    }
}
