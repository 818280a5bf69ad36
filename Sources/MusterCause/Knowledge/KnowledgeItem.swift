import MusterCore
import MusterIncident

/// A cause as people confirmed it, with what its incidents looked like and what fixed them.
package struct KnowledgeItem: Hashable, Sendable, Codable {
    /// A kind of cause that Muster said first in incidents of this one, wrongly.
    package struct Mistake: Hashable, Sendable, Codable {
        package var kind: CauseKind
        package var count: Int

        package init(kind: CauseKind, count: Int) {
            self.kind = kind
            self.count = count
        }
    }

    package var id: KnowledgeID
    /// Nil for a false alarm.
    package var cause: CauseKind?
    /// The cause in words; empty when nobody gave any.
    package var text: String
    /// What fixed it last; nil when that is not known.
    package var fix: String?
    package var service: String
    package var signature: IncidentSignature
    /// Incidents in which people confirmed it.
    package var seen: Int
    /// Incidents in which it was recalled, and people confirmed this cause, or another one.
    package var right: Int
    package var wrong: Int
    package var mistakes: [Mistake]
    /// When its first and its last incident were opened.
    package var first: Timestamp
    package var last: Timestamp
    /// Its newest incidents, newest first.
    package var incidents: [IncidentID]
    /// Who changed it by hand last; nil when nobody did.
    package var editor: String?

    /// Most incidents that it names, most kinds of mistakes, and most bytes of its texts.
    package static let incidentsMax = 8
    package static let mistakesMax = 8
    package static let textBytesMax = 1_024

    package init(_ lesson: Lesson) {
        id = lesson.incident
        cause = lesson.cause
        text = Self.bounded(lesson.text)
        fix = lesson.fix.map(Self.bounded)
        service = Self.bounded(lesson.service)
        signature = lesson.signature
        (seen, right, wrong) = (1, 0, 0)
        mistakes = []
        (first, last) = (lesson.opened, lesson.opened)
        incidents = [lesson.incident]
        note(lesson.said, against: lesson.cause)
    }

    /// Takes another incident of the same cause in.
    mutating func take(_ lesson: Lesson) {
        signature = signature.merged(with: lesson.signature, weight: min(seen, Self.memory))
        seen += 1
        (first, last) = (min(first, lesson.opened), max(last, lesson.opened))
        // The newest words are the best known ones.
        if !lesson.text.isEmpty { text = Self.bounded(lesson.text) }
        if let newer = lesson.fix { fix = Self.bounded(newer) }
        incidents = Array(([lesson.incident] + incidents).prefix(Self.incidentsMax))
        note(lesson.said, against: lesson.cause)
    }

    /// Incidents whose looks count at most: what changes over the years is forgotten.
    private static let memory = 20

    private mutating func note(_ said: CauseKind?, against cause: CauseKind?) {
        guard let said, said != cause, said != .unknown else { return }
        if let index = mistakes.firstIndex(where: { $0.kind == said }) {
            mistakes[index].count += 1
        } else if mistakes.count < Self.mistakesMax {
            mistakes.append(Mistake(kind: said, count: 1))
        }
    }

    /// What is left of its weight: half of it after each half-life since it was seen last.
    package func weight(at now: Timestamp, halfLife: Duration) -> Double {
        let age = max(0, (now - last).inSeconds)
        return exp(-age / max(1, halfLife.inSeconds) * 0.693_147_180_559_945_3)
    }

    /// How well it has done when it was recalled, 0 to 1; 1 while nothing speaks against it.
    package var reliability: Double { Double(right + 1) / Double(right + wrong + 1) }

    /// Text of at most ``textBytesMax``.
    static func bounded(_ text: String) -> String {
        var text = text[...]
        while text.utf8.count > textBytesMax { text.removeLast() }
        return String(text)
    }

    /// What is wrong with one that comes from elsewhere; nil when nothing is.
    package var problem: String? {
        guard [text, fix ?? "", service, editor ?? ""].allSatisfy({ $0.utf8.count <= Self.textBytesMax })
        else {
            return "a text is longer than \(Self.textBytesMax) bytes"
        }
        let counts = [seen, right, wrong] + mistakes.map(\.count)
        guard counts.allSatisfy({ 0...1_000_000 ~= $0 }), seen > 0 else {
            return "a count is not from 0 to 1000000, or it was never seen"
        }
        guard incidents.count <= Self.incidentsMax, mistakes.count <= Self.mistakesMax else {
            return "more than \(Self.incidentsMax) incidents or \(Self.mistakesMax) mistakes"
        }
        return signature.entries.isEmpty ? "the signature is empty" : nil
    }
}

/// What a closed incident teaches.
package struct Lesson: Hashable, Sendable {
    package var incident: IncidentID
    package var opened: Timestamp
    package var service: String
    package var signature: IncidentSignature
    /// Nil for a false alarm.
    package var cause: CauseKind?
    package var text: String
    package var fix: String?
    /// The kind that Muster said first.
    package var said: CauseKind?
    /// What was recalled for it.
    package var recalled: [KnowledgeID]
}

extension Incident {
    /// What it teaches; nil while it is not closed, and when nobody said what it was.
    package var lesson: Lesson? {
        guard closed != nil, let judgement, isFalseAlarm || judgement.kind.map({ $0 != .unknown }) ?? false
        else { return nil }
        return Lesson(
            incident: id,
            opened: opened,
            service: service,
            signature: IncidentSignature(self),
            cause: isFalseAlarm ? nil : judgement.kind,
            text: confirmedCause,
            fix: isFalseAlarm ? judgement.fix : fix,
            said: ranking?.hypotheses.first?.kind,
            recalled: recollection?.matches.map(\.id) ?? []
        )
    }
}
