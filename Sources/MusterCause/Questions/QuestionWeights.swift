import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// What choosing the next question rests on.
///
/// Judgement, as in ``CauseWeights``; that changes make up most of the causes is what Google found for its own services
/// (Beyer et al., Site Reliability Engineering, 2016, ch. 6: "roughly 70% of outages are due to changes in a live
/// system"); half is taken, because changes of the service itself were asked for before.
package struct QuestionWeights: Hashable, Sendable {
    /// Share of what was not seen that lies with each region, before those without hosts are left out.
    package var service = 0.3
    package var related = 0.35
    package var rest = 0.1
    package var unreachable = 0.25
    /// Share of changes among the causes that were not seen.
    package var changes = 0.5
    /// Share of services that are sick by themselves.
    package var defects = 0.1
    /// How often a cause turns out to be one that looks alike.
    package var confusion = 0.25
    /// How often an answer shows a cause that is not there.
    package var falseSigns = 0.04
    /// Less is not worth asking for, whatever it takes.
    package var bitsMin = 0.002
    /// Nor is what brings less for each unit of cost: one bit may take an answer from memory of 100 000 hosts, or the logs
    /// of 1000.
    package var bitsPerCostMin = 1e-5
    /// What is worth less than this share of the best, for what it takes, waits for the answers to that.
    package var laterBelow = 0.05

    package init() {}

    package func share(of region: Belief.Region) -> Double {
        switch region {
        case .service: service
        case .related: related
        case .rest: rest
        }
    }
}

func log2(_ value: Double) -> Double { Glibc.log2(value) }
