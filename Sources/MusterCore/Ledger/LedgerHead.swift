/// How far a host's action ledger has come: what others remember of it, to see when it was put back.
package struct LedgerHead: Hashable, Sendable, Codable {
    /// When it was begun: by joining, or by root.
    package var begun: Timestamp
    /// Steps since then.
    package var steps: UInt64
    /// Of the chain over all records up to the last of these steps.
    package var digest: Digest

    package init(begun: Timestamp, steps: UInt64, digest: Digest) {
        self.begun = begun
        self.steps = steps
        self.digest = digest
    }

    /// Whether a ledger that was seen like this can't be the one that looked like `known` before.
    package func isPutBack(from known: LedgerHead) -> Bool {
        guard begun == known.begun else { return begun < known.begun }
        return steps < known.steps || (steps == known.steps && digest != known.digest)
    }

    /// For people: `12 steps since 2026-11-25T10:00:00Z`.
    package var text: String { "\(steps) steps since \(begun)" }
}
