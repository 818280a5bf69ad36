/// The smallest deviation of a series that means anything, so that one that stood still is not called changed for
/// a trifle.
///
/// A part of the usual level and a least amount, by the unit that the series' name ends with.
package struct NoiseFloor: Hashable, Sendable {
    private let share: Double
    private let least: Double

    package init(of name: String) {
        if name.hasSuffix("_ratio") {
            (share, least) = (0, 0.01)
        } else if name.hasSuffix("_bytes_per_second") {
            (share, least) = (0.1, 50_000)
        } else if name.hasSuffix("_bytes") {
            (share, least) = (0.02, 1_000_000)
        } else {
            (share, least) = (0.1, 0.5)
        }
    }

    /// In the unit of the series; above 0.
    package func at(level: Double) -> Double { abs(level) * share + least }
}
