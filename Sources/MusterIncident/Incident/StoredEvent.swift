import MusterCore

/// One link of an incident's record, as it was stored.
///
/// `hash` is SHA-256 over ``SigningDomain/event`` and the canonical bytes of all other stored fields, among
/// them `prevHash`; changing, removing or reordering a stored event therefore breaks every later link.
package struct StoredEvent: Hashable, Sendable, Codable, Identifiable {
    package var id: EventID
    package var incident: IncidentID
    /// Version of the body's schema as it was stored; `body` is already in today's shape.
    package var v: Int
    /// From 1, without gaps.
    package var seq: Int
    /// Hash of the event before; ``Digest/zero`` for the first.
    package var prevHash: Digest
    package var hash: Digest
    package var at: Timestamp
    package var kind: IncidentEvent.Kind
    package var body: IncidentEvent

    package init(
        id: EventID,
        incident: IncidentID,
        v: Int,
        seq: Int,
        prevHash: Digest,
        hash: Digest,
        at: Timestamp,
        body: IncidentEvent
    ) {
        self.id = id
        self.incident = incident
        self.v = v
        self.seq = seq
        self.prevHash = prevHash
        self.hash = hash
        self.at = at
        self.kind = body.kind
        self.body = body
    }
}
