import MusterCore
import MusterIdentity

/// One link of an incident's record exactly as it is stored: all that its hash covers, and the hash.
package struct RecordedEvent: Hashable, Sendable {
    /// Of the body's schema when it was stored.
    package var version: Int
    package var id: String
    package var incident: String
    /// From 1, without gaps.
    package var sequence: Int
    /// Hash of the event before; 32 zero bytes for the first.
    package var previous: [UInt8]
    package var hash: [UInt8]
    /// Nanoseconds since 1970.
    package var at: Int64
    package var kind: String
    /// JSON, byte for byte as it was stored.
    package var body: [UInt8]

    package init(
        version: Int,
        id: String,
        incident: String,
        sequence: Int,
        previous: [UInt8],
        hash: [UInt8] = [],
        at: Int64,
        kind: String,
        body: [UInt8]
    ) {
        self.version = version
        self.id = id
        self.incident = incident
        self.sequence = sequence
        self.previous = previous
        self.hash = hash
        self.at = at
        self.kind = kind
        self.body = body
    }

    /// What the hash must be: over the domain's prefix, then each field with its length before it.
    package func computedHash() -> Digest {
        var bytes = SigningDomain.event
        bytes.reserveCapacity(bytes.count + body.count + 256)
        func add(_ field: [UInt8]) {
            bytes += Self.bigEndian(UInt64(field.count))
            bytes += field
        }
        add(Self.bigEndian(UInt64(bitPattern: Int64(version))))
        add(Array(id.utf8))
        add(Array(incident.utf8))
        add(Self.bigEndian(UInt64(bitPattern: Int64(sequence))))
        add(previous)
        add(Self.bigEndian(UInt64(bitPattern: at)))
        add(Array(kind.utf8))
        add(body)
        return SHA256.hash(bytes)
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }
}
