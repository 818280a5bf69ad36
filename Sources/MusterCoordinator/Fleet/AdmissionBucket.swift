import MusterCore

/// Lets handshakes in at a steady rate, with a burst: a token bucket.
///
/// Protects the coordinator when every agent comes back at once; those turned away retry with jitter.
struct AdmissionBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var last: Duration = .zero

    /// Starts full.
    init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = Double(burst)
        self.tokens = Double(burst)
    }

    /// Takes one token at `now`, counted from any fixed moment; false when there is none.
    mutating func take(at now: Duration) -> Bool {
        tokens = min(burst, tokens + max(0, (now - last).inSeconds) * perSecond)
        last = max(last, now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
