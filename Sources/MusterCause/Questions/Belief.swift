import MusterCore

/// What the cause may be, and how probable each is: what is ranked, what it may be confused with, and what was not seen.
package struct Belief: Sendable {
    /// Where a cause lies, seen from the service that is in trouble.
    package enum Region: String, Hashable, Sendable, CaseIterable {
        /// On the hosts of the service itself.
        case service
        /// On hosts of what it depends on.
        case related
        /// Anywhere else in the fleet.
        case rest
    }

    /// One of the things that it may be.
    package struct Cause: Hashable, Sendable {
        package var kind: CauseKind
        /// Nil where no question reaches.
        package var region: Region?
        /// Whether it is a ranked hypothesis, or what one of them may turn out to be.
        package var isRanked: Bool
        package var probability: Double
    }

    /// They add up to 1.
    package private(set) var causes: [Cause]

    /// Entropy, in bits.
    package var uncertainty: Double {
        causes.reduce(0) { $0 - ($1.probability > 0 ? $1.probability * log2($1.probability) : 0) }
    }

    package init(causes: [Cause]) {
        let total = causes.reduce(0) { $0 + $1.probability }
        self.causes = causes.filter { $0.probability > 0 }.map { cause in
            var cause = cause
            cause.probability /= total
            return cause
        }
    }

    /// What follows from a ranking.
    ///
    /// What its hypotheses leave of 1 is what was not seen yet: it lies in one of the `regions`, which are those that have
    /// hosts, or where no question reaches. `priors` are how much the past shifts a kind, in log-odds; `region` tells
    /// where a hypothesis lies.
    package init(
        _ ranking: Ranking,
        regions: Set<Region>,
        priors: [CauseKind: Double] = [:],
        weights: QuestionWeights = QuestionWeights(),
        region: (Hypothesis) -> Region
    ) {
        var causes: [Cause] = []
        for hypothesis in ranking.hypotheses where hypothesis.kind != .unknown {
            let place = region(hypothesis)
            let rivals = hypothesis.change == nil ? hypothesis.kind.lookalikes : []
            let confused = rivals.isEmpty ? 0 : weights.confusion * hypothesis.probability
            func add(_ kind: CauseKind, _ probability: Double) {
                causes.append(Cause(kind: kind, region: place, isRanked: true, probability: probability))
            }
            add(hypothesis.kind, hypothesis.probability - confused)
            for rival in rivals { add(rival, confused / Double(rivals.count)) }
        }
        let rest = max(0, 1 - ranking.hypotheses.reduce(0) { $0 + $1.probability })
        let places = regions.map { ($0, weights.share(of: $0)) }.sorted { $0.0.rawValue < $1.0.rawValue }
        let all = places.reduce(weights.unreachable) { $0 + $1.1 }
        let kinds = Self.kinds(priors, weights)
        for (place, share) in places {
            for (kind, part) in kinds {
                let probability = rest * share / all * part
                causes.append(Cause(kind: kind, region: place, isRanked: false, probability: probability))
            }
        }
        let beyond = rest * weights.unreachable / all
        causes.append(Cause(kind: .unknown, region: nil, isRanked: false, probability: beyond))
        self.init(causes: causes)
    }

    /// How often what was not seen turns out to be of a kind.
    private static func kinds(
        _ priors: [CauseKind: Double],
        _ weights: QuestionWeights
    ) -> [(kind: CauseKind, share: Double)] {
        let changes: Set<CauseKind> = [.badDeploy, .badConfig, .flag]
        let known = CauseKind.allCases.filter { $0 != .unknown }
        let others = Double(known.count - changes.count - 1)
        let odds = known.map { kind in
            let share =
                if changes.contains(kind) {
                    weights.changes / Double(changes.count)
                } else if kind == .defect {
                    weights.defects
                } else {
                    (1 - weights.changes - weights.defects) / others
                }
            return (kind, share * exp(priors[kind] ?? 0))
        }
        let total = odds.reduce(0) { $0 + $1.1 }
        return odds.map { ($0.0, $0.1 / total) }
    }

    /// What is left to believe after a question found nothing of what it can tell.
    package func after(nothingFrom prospect: Prospect) -> Belief {
        Belief(
            causes: causes.map { cause in
                var cause = cause
                cause.probability *= 1 - prospect.sensitivity(to: cause)
                return cause
            }
        )
    }
}

extension CauseKind {
    /// Kinds that it can't be told from until somebody looks closer.
    package var lookalikes: [CauseKind] {
        let families: [[CauseKind]] = [
            [.dependencyDown, .dependencyHung, .network, .networkLoss],
            [.lockWait, .slowQuery, .poolExhausted],
            [.cpu, .noisyNeighbour],
        ]
        return families.first { $0.contains(self) }?.filter { $0 != self } ?? []
    }
}
