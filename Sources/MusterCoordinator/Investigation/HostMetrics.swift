import MusterCore

/// What one host measured lately.
struct HostMetrics: Sendable {
    let host: HostReference
    let series: [MetricSeries]
    /// Whether it has measured for less than the window that was asked for: it can't tell what is usual.
    let isYoung: Bool

    /// How late the first point of a host that measured before the window may be.
    private static let late = Duration.seconds(3)

    init(host: HostReference, series: [MetricSeries], window: TimeWindow) {
        self.host = host
        self.series = series
        let first = series.compactMap(\.at.first).min()
        isYoung = first.map { $0 > window.from + Self.late } ?? true
    }

    /// The answers to one question for metrics.
    static func read(_ interview: Interview, _ name: String = "metrics") -> [HostMetrics] {
        guard case .metrics(let window, _)? = interview.all(name).first?.probe else { return [] }
        return interview.answers(name).compactMap { host, answer in
            guard case .metrics(let metrics) = answer else { return nil }
            return HostMetrics(host: host, series: metrics.series, window: window)
        }
    }
}
