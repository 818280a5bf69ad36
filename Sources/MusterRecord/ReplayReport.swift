import MusterCore
import MusterIncident

/// What came of deciding an incident again from its record.
package struct ReplayReport: Hashable, Sendable, Codable {
    /// A place where today's Muster would have gone another way.
    package struct Difference: Hashable, Sendable, Codable {
        /// The event's number; one more than there are for what is missing at the end.
        package var seq: Int
        /// When it was stored; nil for what is missing at the end.
        package var at: Timestamp?
        /// Of the event that is recorded, or that is missing.
        package var kind: String
        package var recorded: String
        package var today: String
    }

    package var incident: IncidentID
    /// Version of the coordinator that exported the record.
    package var coordinator: String
    /// Events gone through.
    package var events = 0
    /// In the order of the record.
    package var differences: [Difference] = []
    /// Events with a ranking that rests on a table of hosts which the record does not hold: not ranked again.
    package var notRanked: [Int] = []
}
