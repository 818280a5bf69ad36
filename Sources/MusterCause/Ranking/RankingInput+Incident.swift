import MusterCore
import MusterIncident

extension RankingInput {
    /// What is known of an incident, with findings that may not be in its record yet.
    ///
    /// The calls in an inquiry that is still under way count as if they were recorded.
    package init(
        _ incident: Incident,
        findings: [Finding],
        inquiry: Inquiry? = nil,
        hosts: [HostHealth],
        coverage: Coverage,
        unseen: [String],
        knowledge: Knowledge
    ) {
        let calls = incident.calls + (inquiry?.calls ?? []).filter { !incident.calls.contains($0) }
        let looked = incident.looked + (inquiry?.looked ?? []).filter { !incident.looked.contains($0) }
        self.init(
            findings: findings,
            onset: incident.context?.onset ?? incident.opened,
            service: incident.service,
            alertText: incident.title,
            related: incident.related.union(Self.needed(by: incident.service, calls)),
            hosts: hosts,
            coverage: coverage,
            unseen: unseen,
            knowledge: knowledge,
            calls: calls,
            observed: looked
        )
    }

    /// All that a service calls, directly or by way of others.
    static func needed(by service: String, _ calls: [ServiceCall]) -> Set<String> {
        guard !service.isEmpty else { return [] }
        let callees = Dictionary(grouping: calls, by: \.caller)
        var needed: Set<String> = []
        var border = [service]
        while let next = border.popLast() {
            for call in callees[next] ?? []
            where call.callee != service && needed.insert(call.callee).inserted {
                border.append(call.callee)
            }
        }
        return needed
    }
}
