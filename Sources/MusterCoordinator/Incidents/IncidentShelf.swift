import MusterCore
import MusterIncident
import Synchronization

/// The newest state of every incident, for quick looks; made from the record and nothing else.
final class IncidentShelf: Sendable {
    private struct State {
        var summaries: [IncidentID: IncidentSummary] = [:]
        var tickets: [TicketID: IncidentID] = [:]
    }

    private let state = Mutex(State())

    /// Puts an incident's newest state up.
    func put(_ incident: Incident) {
        let summary = incident.summary
        let open = incident.unsettled.map(\.id)
        state.withLock { state in
            state.summaries[incident.id] = summary
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

    /// The incident that a ticket belongs to; nil when the ticket is not ours.
    func incident(of ticket: TicketID) -> IncidentID? { state.withLock { $0.tickets[ticket] } }
}
