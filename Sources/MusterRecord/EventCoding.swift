import FoundationEssentials
import MusterCore
import MusterIncident

/// The stored form of events: JSON bodies with sorted keys.
package struct EventCoding: Sendable {
    private let upcasters: EventUpcasters

    package init(upcasters: EventUpcasters = .all) { self.upcasters = upcasters }

    /// The body's bytes.
    package func bytes(_ body: IncidentEvent) throws(IncidentRecordError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(body))
        } catch {
            throw IncidentRecordError(
                .failed,
                "could not write an event of kind \(body.kind.rawValue)",
                cause: error
            )
        }
    }

    /// Reads the bytes of a body of any version.
    package func body(
        _ bytes: [UInt8],
        kind: String,
        version: Int
    ) throws(IncidentRecordError) -> IncidentEvent {
        guard let known = IncidentEvent.Kind(rawValue: kind) else {
            throw IncidentRecordError(
                .corrupt,
                "an event is of the unknown kind \"\(kind)\"; install a newer Muster"
            )
        }
        do {
            let decoder = JSONDecoder()
            if upcasters.isCurrent(version) {
                return try decoder.decode(IncidentEvent.self, from: Data(bytes))
            }
            let old = try decoder.decode(JSONValue.self, from: Data(bytes))
            let new = try upcasters.current(old, kind: known, version: version)
            return try decoder.decode(IncidentEvent.self, from: try JSONEncoder().encode(new))
        } catch {
            throw error as? IncidentRecordError
                ?? IncidentRecordError(.corrupt, "an event of kind \(kind) can't be understood", cause: error)
        }
    }

    /// The event in today's shape.
    package func stored(_ event: RecordedEvent) throws(IncidentRecordError) -> StoredEvent {
        guard let id = EventID(event.id), let incident = IncidentID(event.incident),
            let previous = Digest(bytes: event.previous), let hash = Digest(bytes: event.hash)
        else {
            throw IncidentRecordError(.corrupt, "event \(event.id) is damaged")
        }
        return StoredEvent(
            id: id,
            incident: incident,
            v: event.version,
            seq: event.sequence,
            prevHash: previous,
            hash: hash,
            at: Timestamp(nanoseconds: event.at),
            body: try body(event.body, kind: event.kind, version: event.version)
        )
    }
}
