import MusterCore
import MusterIncident
import Synchronization

/// What reports count of every incident: made from the record at the start, and kept in step with it.
final class FactsBook: Sendable {
    private let facts = Mutex<[IncidentID: IncidentFacts]>([:])

    /// Takes in an incident's newest state.
    func put(_ incident: Incident) {
        let new = incident.facts
        facts.withLock { $0[incident.id] = new }
    }

    /// In the order of the ids.
    var all: [IncidentFacts] { facts.withLock { Array($0.values) }.sorted { $0.id < $1.id } }
}
