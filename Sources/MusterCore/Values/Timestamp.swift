/// A moment: nanoseconds since 1970-01-01T00:00:00Z, on the clock of whoever wrote it down.
///
/// Covers September 1677 to April 2262. Written and read as RFC 3339 in UTC, also in JSON.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package init(seconds: Double) {
        let clamped = min(max(seconds, -9.2e9), 9.2e9)
        self.nanoseconds = Int64(clamped * 1e9)
    }

    package static let zero = Timestamp(nanoseconds: 0)

    package var seconds: Double { Double(nanoseconds) / 1e9 }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates instead of overflowing: an agent's clock may say anything.
    package static func + (left: Timestamp, right: Duration) -> Timestamp {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return Timestamp(nanoseconds: overflow ? (right.nanoseconds > 0 ? .max : .min) : sum)
    }

    /// Saturates instead of overflowing.
    package static func - (left: Timestamp, right: Duration) -> Timestamp {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return Timestamp(nanoseconds: overflow ? (right.nanoseconds > 0 ? .min : .max) : difference)
    }

    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return .nanoseconds(overflow ? (left > right ? .max : .min) : difference)
    }
}

extension Duration {
    /// Whole nanoseconds, saturating at about 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds > 0 ? .max : .min }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds > 0 ? .max : .min) : sum
    }

    /// Seconds as a number, for arithmetic and print.
    package var inSeconds: Double { Double(nanoseconds) / 1e9 }

    /// Milliseconds as a number, for arithmetic and print.
    package var inMilliseconds: Double { Double(nanoseconds) / 1e6 }
}
