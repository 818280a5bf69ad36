import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// How much each kind of evidence counts, in log-odds: 1 makes a cause about 2.7 times as likely.
package struct CauseWeights: Hashable, Sendable {
    /// Something that is no candidate at all.
    package var none = 1.5
    package var places = PlaceWeights()
    package var calibration = CauseCalibration()
    /// A change in the moment of the onset; decays with its distance.
    package var changeNear = 2.2
    package var changeDecayMinutes = 20.0
    package var changeAfterOnset = 4.0
    /// Clocks and the estimate of the onset may be off by this much.
    package var clockSlackMinutes = 0.25
    /// Factor on nearness while nothing is seen to be wrong.
    package var withoutSymptom = 0.4
    /// What diffs have to do with the symptom: what is more than chance, by this, and at most so much.
    package var relation = 0.6
    package var relationChance = 1.5
    package var relationMax = 3.0
    package var relationAgainstMax = 2.0
    /// Against a change while the requests of the service were seen, and all is well with them.
    package var serviceWell = 1.5
    package var sameService = 0.7
    package var otherService = 1.0
    package var exactlySick = 3.0
    package var partlySick = 1.0
    package var onHealthy = 1.0
    package var elsewhere = 2.0
    package var difference = 1.5
    package var newLogs = 0.6
    package var logs = 1.5
    package var dependency = 4.0
    package var resource = 2.2
    package var inOrder = 0.5
    package var lateMax = 2.0

    /// Least probability of a cause that stands out.
    package var standsOut = 0.5
    /// How many times as probable as the next it must be.
    package var lead = 1.5
    package var sure = 0.75
    /// Similarity to something known from which an incident is no novelty.
    package var familiar = KnowledgePolicy().similarityMin
    /// How much the past must speak against a cause, in log-odds, for it not to be known.
    package var refuted = 0.3
    package var coverageMin = 0.5
    package var coverageSure = 0.8

    package init() {}

    /// The share of its probability that a cause keeps when only a part of the hosts answered.
    package func cap(coverage: Double) -> Double { 0.1 + 0.9 * min(max(coverage, 0), 1) }

    /// How often a kind of change turns out to be a cause, apart from any evidence.
    package func prior(of kind: Change.Kind) -> Double {
        switch kind {
        case .deploy: 0.3
        case .config, .flag: 0.2
        case .package: 0
        case .other: -0.5
        // More often what people did about it than what brought it about.
        case .restart: -1
        }
    }
}

/// e to the power of a score, kept in a range that sums without overflow.
func exp(_ score: Double) -> Double { Glibc.exp(min(max(score, -50), 50)) }
