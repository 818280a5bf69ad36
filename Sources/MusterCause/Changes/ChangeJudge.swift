import MusterCore

/// Names the change that caused an incident, or says that none of them did.
///
/// Each change collects evidence on a scale of log-odds: what it is, how, when and where it went live, and what its
/// diff has to do with the symptom. "None of these" collects signs of causes outside. A softmax makes them
/// probabilities. What services are called counts nowhere.
package struct ChangeJudge {
    package static func rank(
        _ window: ChangeWindow,
        against symptom: Symptom,
        weights: ChangeWeights = ChangeWeights()
    ) -> ChangeRanking {
        let names = ServiceNames(symptom.services.union(window.deploys.map(\.service)))
        let index = SymptomIndex(symptom, names: names)
        let parsed = window.commits.map { ParsedChange($0, names: names) }
        let relation = ChangeRelation(index, window: parsed, weights: weights)
        let delivery = ChangeDelivery(window, symptom, names: names, weights: weights)
        var changes = parsed.map { change -> RankedChange in
            var reasons = delivery.reasons(of: change, speaks: relation.namesChanged(by: change))
            if !weights.without.contains(.nature), let nature = nature(of: change, weights) {
                reasons.append(nature)
            }
            reasons += relation.reasons(of: change)
            return ranked(change.change.id, reasons)
        }
        let outside = OutsideSigns.reasons(of: symptom, index, names: names, weights: weights)
        var none = ranked("none", outside)
        none.score += weights.none
        changes.sort { ($1.score, $0.id) < ($0.score, $1.id) }
        let highest = max(none.score, changes.first?.score ?? none.score)
        let total = changes.reduce(exp(none.score - highest)) { $0 + exp($1.score - highest) }
        for index in changes.indices {
            changes[index].probability = exp(changes[index].score - highest) / total
        }
        none.probability = exp(none.score - highest) / total
        return ChangeRanking(changes: changes, none: none)
    }

    /// What the diffs alone have to do with a symptom, for changes that are weighed elsewhere too.
    package static func relations(
        of changes: [CodeChange],
        to symptom: Symptom,
        weights: ChangeWeights = ChangeWeights()
    ) -> [String: [ChangeReason]] {
        let names = ServiceNames(symptom.services)
        let parsed = changes.map { ParsedChange($0, names: names) }
        let relation = ChangeRelation(SymptomIndex(symptom, names: names), window: parsed, weights: weights)
        let pairs = parsed.map { change in
            let reasons =
                relation.reasons(of: change)
                + (change.hasDiff ? [nature(of: change, weights)].compactMap { $0 } : [])
            return (change.change.id, ranked(change.change.id, reasons).reasons)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func ranked(_ id: String, _ reasons: [ChangeReason]) -> RankedChange {
        RankedChange(
            id: id,
            probability: 0,
            score: reasons.reduce(0) { $0 + $1.weight },
            reasons: reasons.sorted { (abs($1.weight), $0.text) < (abs($0.weight), $1.text) }
        )
    }

    private static func nature(of change: ParsedChange, _ weights: ChangeWeights) -> ChangeReason? {
        let (weight, text): (Double, String) =
            switch change.nature {
            case .inertFiles(let kinds):
                (weights.inertFiles, "only \(Set(kinds.map(\.rawValue)).sorted().joined(separator: ", "))")
            case .elsewhere: (weights.elsewhere, "not of production")
            case .comments: (weights.comments, "only comments")
            case .telemetry: (weights.telemetry, "only logs and metrics")
            case .formatting: (weights.formatting, "only formatting")
            case .unseen: (weights.unseenDiff, "its diff is not known")
            case .effective: (0, "")
            }
        guard weight != 0 else { return nil }
        // A file that never runs has no diff to miss.
        let unseen = !change.hasDiff && change.isCosmetic ? weights.unseenDiff : 0
        return ChangeReason(mechanism: .nature, weight: weight + unseen, text: text)
    }
}
