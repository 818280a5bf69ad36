import MusterCore

/// Chooses what to ask next: what makes it least uncertain what the cause is, for what it takes of the fleet.
package struct QuestionChoice: Sendable {
    /// A question with what it is worth.
    package struct Choice: Hashable, Sendable {
        /// Its place among the questions that were offered.
        package var index: Int
        package var prospect: Prospect
        package var bits: Double

        package var bitsPerCost: Double { bits / max(prospect.cost, 1e-9) }
    }

    /// To be asked now, at the same time.
    package private(set) var asked: [Choice] = []
    /// Not worth what they take, the most telling first.
    package private(set) var left: [Choice] = []

    /// Chooses among what could be asked; equals are taken in the order in which they are offered.
    ///
    /// The best is taken, then the best of what would be left if it found nothing, and so on: two questions that tell the same
    /// are not asked both. What is worth far less than the best waits, because the answers may make it needless.
    package init(
        of prospects: [Prospect],
        belief: Belief,
        weights: QuestionWeights = QuestionWeights()
    ) {
        var belief = belief
        var rest = Array(prospects.enumerated())
        var best: Double?
        while !rest.isEmpty {
            let choices = rest.map {
                Choice(index: $0, prospect: $1, bits: $1.bits(in: belief, weights: weights))
            }
            guard let next = choices.max(by: { ($0.bitsPerCost, $1.index) < ($1.bitsPerCost, $0.index) }),
                Self.isWorthIt(next, weights), next.bitsPerCost >= (best ?? 0) * weights.laterBelow
            else { break }
            best = best ?? next.bitsPerCost
            asked.append(next)
            rest.removeAll { $0.offset == next.index }
            belief = belief.after(nothingFrom: next.prospect)
        }
        left = rest.map { Choice(index: $0, prospect: $1, bits: $1.bits(in: belief, weights: weights)) }
            .sorted { ($0.bits, $1.index) > ($1.bits, $0.index) }
    }

    private static func isWorthIt(_ choice: Choice, _ weights: QuestionWeights) -> Bool {
        choice.bits >= weights.bitsMin && choice.bitsPerCost >= weights.bitsPerCostMin
    }
}
