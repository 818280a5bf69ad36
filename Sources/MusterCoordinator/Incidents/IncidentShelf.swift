import MusterCore
import MusterIncident
import Synchronization

/// The newest state of every incident, for quick looks; made from the record and nothing else.
final class IncidentShelf: Sendable {
    private struct State {
        var summaries: [IncidentID: IncidentSummary] = [:]
        var tickets: [TicketID: IncidentID] = [:]
        /// Hosts on which an incident acts, for those that do.
        var held: [IncidentID: Set<AgentID>] = [:]
    }

    private let state = Mutex(State())

    /// Puts an incident's newest state up.
    func put(_ incident: Incident) {
        let summary = incident.summary
        let open = incident.unsettled.map(\.id)
        let held = incident.held
        state.withLock { state in
            state.summaries[incident.id] = summary
            state.held[incident.id] = held.isEmpty ? nil : held
            // Lost actions may still be settled by their host later.
            for ticket in open + incident.tickets.filter(\.lost).map(\.id) {
                state.tickets[ticket] = incident.id
            }
        }
    }

    /// Newest first.
    var summaries: [IncidentSummary] {
        state.withLock { Array($0.summaries.values) }.sorted { ($0.opened, $0.id) > ($1.opened, $1.id) }
    }

    /// Other incidents that act on one of the hosts or on the service, in the order of their ids.
    func holders(of hosts: Set<AgentID>, service: String, but incident: IncidentID) -> [IncidentSummary] {
        state.withLock { state in
            state.held.keys.sorted().compactMap { id in
                guard id != incident, let held = state.held[id], let summary = state.summaries[id] else {
                    return nil
                }
                let isSame = !service.isEmpty && summary.service == service
                return isSame || !held.isDisjoint(with: hosts) ? summary : nil
            }
        }
    }

    /// The incident that a ticket belongs to; nil when the ticket is not ours.
    func incident(of ticket: TicketID) -> IncidentID? { state.withLock { $0.tickets[ticket] } }
}
