/// What the API needs of the rest of the coordinator.
package struct APIServices: Sendable {
    package var operations: any Operations
    package var fleet: any Fleet
    package var administration: any FleetAdministration
    package var map: ServiceMapper
    package var operators: OperatorStore
    package var audit: AuditLog

    package init(
        operations: any Operations,
        fleet: any Fleet,
        administration: any FleetAdministration,
        map: ServiceMapper,
        operators: OperatorStore,
        audit: AuditLog
    ) {
        self.operations = operations
        self.fleet = fleet
        self.administration = administration
        self.map = map
        self.operators = operators
        self.audit = audit
    }
}
