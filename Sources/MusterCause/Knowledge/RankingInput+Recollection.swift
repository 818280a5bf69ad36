import MusterCore
import MusterIncident

extension RankingInput.Knowledge {
    /// With what was recalled of past incidents; as it is when nothing was.
    package func with(_ recollection: Recollection?) -> RankingInput.Knowledge {
        guard let recollection else { return self }
        var copy = self
        copy.priors = Dictionary(recollection.priors.map { ($0.kind, $0.shift) }) { first, _ in first }
        copy.confirmed = Set(recollection.matches.compactMap(\.cause))
        copy.nearest = recollection.nearest
        return copy
    }
}

extension Recollection {
    /// What it says as evidence: one finding for each kind of cause that the past makes more or less likely.
    ///
    /// Their subject is the kind; what they weigh stands in the ``priors``.
    package func findings(at now: Timestamp) -> [Finding] {
        priors.map { prior in
            let like = matches.filter { $0.cause == prior.kind }
            let text =
                if let first = like.first, prior.shift > 0 {
                    "an incident like this was \(prior.kind.rawValue) before: \(first.line)"
                } else if prior.shift > 0 {
                    "incidents like this were \(prior.kind.rawValue) before"
                } else {
                    "for incidents like this \(prior.kind.rawValue) was said before, and people found another cause"
                }
            return Finding(
                id: FindingID(at: now),
                kind: .past,
                text: text,
                hosts: [],
                service: "",
                subject: prior.kind.rawValue,
                onset: nil,
                effect: min(1, abs(prior.shift) / KnowledgePolicy().shiftMax),
                coverage: Coverage(asked: 0, outcomes: [:])
            )
        }
    }
}
