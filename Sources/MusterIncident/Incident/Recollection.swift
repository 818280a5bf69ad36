import MusterCore

/// What the knowledge of past incidents said of one incident at a moment.
///
/// Stored with the incident: its ranking rests on it, and the knowledge goes on changing.
package struct Recollection: Hashable, Sendable, Codable {
    /// A cause that was confirmed before, in an incident like this one.
    package struct Match: Hashable, Sendable, Codable {
        /// Of the piece of knowledge.
        package var id: KnowledgeID
        /// 0 to 1: how alike the incidents are.
        package var similarity: Double
        /// What it was; nil for a false alarm.
        package var cause: CauseKind?
        package var text: String
        /// What fixed it; nil when that is not known.
        package var fix: String?
        /// How often it was confirmed.
        package var seen: Int
        /// When it was opened last.
        package var last: Timestamp

        package init(
            id: KnowledgeID,
            similarity: Double,
            cause: CauseKind?,
            text: String,
            fix: String?,
            seen: Int,
            last: Timestamp
        ) {
            self.id = id
            self.similarity = similarity
            self.cause = cause
            self.text = text
            self.fix = fix
            self.seen = seen
            self.last = last
        }
    }

    /// How much more or less likely a kind of cause is by what was seen before, in log-odds.
    package struct Prior: Hashable, Sendable, Codable {
        package var kind: CauseKind
        package var shift: Double

        package init(kind: CauseKind, shift: Double) {
            self.kind = kind
            self.shift = shift
        }
    }

    /// The most alike first; at most three.
    package var matches: [Match]
    /// In the order of the kinds' names.
    package var priors: [Prior]
    /// The greatest similarity to anything known, also below what makes a match.
    package var nearest: Double
    /// Pieces of knowledge that it was compared with.
    package var compared: Int

    package init(matches: [Match], priors: [Prior], nearest: Double, compared: Int) {
        self.matches = matches
        self.priors = priors
        self.nearest = nearest
        self.compared = compared
    }

    /// Whether another one says the same to people and to the ranking, but for the last digits.
    package func isLike(_ other: Recollection?) -> Bool {
        guard let other, matches.map(\.id) == other.matches.map(\.id),
            priors.map(\.kind) == other.priors.map(\.kind)
        else { return false }
        return zip(matches, other.matches).allSatisfy { abs($0.similarity - $1.similarity) < 0.05 }
            && zip(priors, other.priors).allSatisfy { abs($0.shift - $1.shift) < 0.05 }
            && abs(nearest - other.nearest) < 0.05
    }

    /// One sentence for each match.
    package var lines: [String] { matches.map(\.line) }
}

extension Recollection.Match {
    /// `seen 2 times before, last 2026-11-02: pool-exhausted: leaked connections; fixed by runbook pool (87% alike)`.
    package var line: String {
        let times = seen == 1 ? "once" : "\(seen) times"
        var line =
            "seen \(times) before, last \(last.description.prefix(10)): \(cause?.rawValue ?? "a false alarm")"
        if !text.isEmpty { line += ": \(text)" }
        line += fix.map { "; fixed by \($0)" } ?? "; what fixed it is not recorded"
        return line + " (\(similarity.percentText) alike)"
    }
}

/// Names a piece of knowledge: the incident that it was learned from first.
package typealias KnowledgeID = IncidentID
