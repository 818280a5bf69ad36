#if canImport(Glibc)
import Glibc
#endif

/// Turns the share that the first hypothesis has of all weights into how often such a hypothesis is right.
///
/// Platt scaling (1999): a straight line on the scale of log-odds. It was fitted to recorded incidents with known
/// causes together with moments of healthy systems, of which whatever is named first is wrong; both in equal numbers,
/// since an alert may be false. `Tests/Benchmarks/run causes` fits it anew and prints what it is worth on cases that
/// the fit has not seen.
package struct CauseCalibration: Hashable, Sendable {
    package var intercept = -0.26
    package var slope = 1.82

    package init() {}

    /// 0 to 1, larger for larger shares.
    package func probability(share: Double) -> Double {
        let share = min(max(share, 1e-4), 1 - 1e-4)
        return 1 / (1 + Glibc.exp(-(intercept + slope * Glibc.log(share / (1 - share)))))
    }
}
