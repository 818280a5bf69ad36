import FoundationEssentials
import MusterCore
import MusterIdentity
import MusterIncident

/// The stored form of events: JSON bodies with sorted keys, and the hashes that chain them.
package struct EventCoding: Sendable {
    private let upcasters: EventUpcasters

    package init(upcasters: EventUpcasters = .all) { self.upcasters = upcasters }

    /// The body's bytes.
    package func bytes(_ body: IncidentEvent) throws(StoreError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(body))
        } catch {
            throw StoreError(.failed, "could not write an event of kind \(body.kind.rawValue)", cause: error)
        }
    }

    /// Reads the bytes of a body of any version.
    package func body(
        _ bytes: [UInt8],
        kind: String,
        version: Int
    ) throws(StoreError) -> IncidentEvent {
        guard let known = IncidentEvent.Kind(rawValue: kind) else {
            throw StoreError(.corrupt, "an event is of the unknown kind \"\(kind)\"; install a newer Muster")
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
            throw error as? StoreError
                ?? StoreError(.corrupt, "an event of kind \(kind) can't be understood", cause: error)
        }
    }

    /// The hash of an event: over the domain's prefix, then each field with its length before it.
    package static func hash(
        version: Int,
        id: String,
        incident: String,
        sequence: Int,
        previous: [UInt8],
        at: Int64,
        kind: String,
        body: [UInt8]
    ) -> Digest {
        var bytes = SigningDomain.event
        func add(_ field: [UInt8]) {
            bytes += bigEndian(UInt64(field.count))
            bytes += field
        }
        add(bigEndian(UInt64(bitPattern: Int64(version))))
        add(Array(id.utf8))
        add(Array(incident.utf8))
        add(bigEndian(UInt64(bitPattern: Int64(sequence))))
        add(previous)
        add(bigEndian(UInt64(bitPattern: at)))
        add(Array(kind.utf8))
        add(body)
        return SHA256.hash(bytes)
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }
}
