import MusterCore

/// What reports count of one incident.
package struct IncidentFacts: Hashable, Sendable {
    package var id: IncidentID
    package var opened: Timestamp
    /// How often each alert rule fired and was resolved, by its name.
    package var firings: [String: AlertTally]
    /// An alert joined it because it flaps.
    package var isDamped: Bool
    /// Somebody closed it.
    package var isClosed: Bool
    package var isFalseAlarm: Bool
    /// What Muster said last; nil when it said nothing.
    package var verdict: Verdict?
    /// Of the most probable cause; nil when there is none.
    package var probability: Double?
    /// Nil while nobody has judged it.
    package var grade: AccuracyGrade?
    /// From the alert to the first hypothesis, and to the first sight of an action that helped.
    package var toHypothesis: Duration?
    package var toFix: Duration?
    /// Something like it was known when it was opened.
    package var isRepeat: Bool
    /// People confirmed one of the causes that were recalled; nil while nobody has judged it.
    package var isRepeatConfirmed: Bool?
}

extension Incident {
    /// What reports count of it.
    package var facts: IncidentFacts {
        let recalled = Set(recollection?.matches.map(\.cause) ?? [])
        var isConfirmed: Bool?
        if isFalseAlarm {
            isConfirmed = recalled.contains(nil)
        } else if let kind = judgement?.kind {
            isConfirmed = recalled.contains(kind)
        }
        return IncidentFacts(
            id: id,
            opened: opened,
            firings: firings,
            isDamped: damped != nil,
            isClosed: closed != nil,
            isFalseAlarm: isFalseAlarm,
            verdict: ranking?.verdict,
            probability: ranking?.hypotheses.first?.probability,
            grade: judgement?.grade,
            toHypothesis: firstHypothesis.map { $0 - opened },
            toFix: fixVerified.map { $0 - opened },
            isRepeat: !recalled.isEmpty,
            isRepeatConfirmed: recalled.isEmpty ? nil : isConfirmed
        )
    }
}
