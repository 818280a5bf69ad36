/// A value that was estimated, with bounds that hold the true one in 95 of 100 cases.
package struct EstimatedValue: Hashable, Sendable, Codable {
    package var value: Double
    package var low: Double
    package var high: Double

    package init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }

    /// `340 (331 to 352)`; the value alone when the bounds are the same.
    package var text: String {
        let value = value.text(decimals: 0)
        let (low, high) = (low.text(decimals: 0), high.text(decimals: 0))
        return low == high ? value : "\(value) (\(low) to \(high))"
    }
}
