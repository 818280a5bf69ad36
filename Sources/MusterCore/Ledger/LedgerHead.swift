/// How far a host's action ledger has come: what others remember of it, to see when it was put back.
package struct LedgerHead: Hashable, Comparable, Sendable, Codable {
    /// When it was begun: by joining, or by root.
    package var begun: Timestamp
    /// Steps since then.
    package var steps: UInt64

    package init(begun: Timestamp, steps: UInt64) {
        self.begun = begun
        self.steps = steps
    }

    package static func < (left: LedgerHead, right: LedgerHead) -> Bool {
        (left.begun, left.steps) < (right.begun, right.steps)
    }

    /// For people: `12 steps since 2026-11-25T10:00:00Z`.
    package var text: String { "\(steps) steps since \(begun)" }
}
