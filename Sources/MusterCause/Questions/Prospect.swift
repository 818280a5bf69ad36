import MusterCore

/// A question that may be asked next: where it looks, what its answer can tell, and what it takes.
package struct Prospect: Hashable, Sendable {
    /// `dependencies`; one name may be asked of several regions.
    package var name: String
    package var regions: Set<Belief.Region>
    package var hosts: Int
    /// What it takes of one host; 1 is an answer from memory.
    package var costPerHost: Double
    /// How often its answer shows a cause of a kind that is there, 0 to 1.
    package var tells: [CauseKind: Double]
    /// Whether it looks closer at what is ranked, and shows nothing else.
    package var isCloser: Bool

    package init(
        _ name: String,
        regions: Set<Belief.Region>,
        hosts: Int,
        costPerHost: Double,
        tells: [CauseKind: Double],
        isCloser: Bool = false
    ) {
        self.name = name
        self.regions = regions
        self.hosts = hosts
        self.costPerHost = costPerHost
        self.tells = tells
        self.isCloser = isCloser
    }

    package var cost: Double { Double(hosts) * costPerHost }

    /// How often its answer shows a cause.
    func sensitivity(to cause: Belief.Cause) -> Double {
        guard cause.isRanked == isCloser, let region = cause.region, regions.contains(region) else {
            return 0
        }
        return tells[cause.kind] ?? 0
    }

    /// How much less uncertain its answer makes what the cause is: the mutual information of both, in bits.
    ///
    /// An answer shows one kind of cause or nothing; now and then it shows one that is not there.
    package func bits(in belief: Belief, weights: QuestionWeights = QuestionWeights()) -> Double {
        let kinds = tells.keys.sorted { $0.rawValue < $1.rawValue }
        guard !kinds.isEmpty else { return 0 }
        let wrong = weights.falseSigns / Double(kinds.count)
        var outcomes = Array(repeating: 0.0, count: kinds.count + 1)
        var likelihoods: [[Double]] = []
        for cause in belief.causes {
            let shows = sensitivity(to: cause)
            var row = kinds.map { $0 == cause.kind && shows > 0 ? max(shows, wrong) : wrong }
            row.append(max(0, 1 - row.reduce(0, +)))
            for place in row.indices { outcomes[place] += cause.probability * row[place] }
            likelihoods.append(row)
        }
        var bits = 0.0
        for (cause, row) in zip(belief.causes, likelihoods) {
            for (likelihood, outcome) in zip(row, outcomes) where likelihood > 0 && outcome > 0 {
                bits += cause.probability * likelihood * log2(likelihood / outcome)
            }
        }
        return max(0, bits)
    }
}
