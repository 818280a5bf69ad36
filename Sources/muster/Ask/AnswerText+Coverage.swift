import MusterCore
import MusterIncident

extension AnswerText {
    /// How a question ended on a host, and why.
    static func text(_ host: HostOutcome) -> String {
        let reason = host.outcome.reason.isEmpty ? "" : ": \(host.outcome.reason)"
        return Terminal.clean("\(host.host.name) \(host.outcome.kind.rawValue)\(reason)")
    }

    /// What a sample makes likely for all hosts.
    static func text(_ total: Extrapolation) -> String {
        let (estimate, low, high) = (rounded(total.estimate), rounded(total.low), rounded(total.high))
        return """
            about \(estimate) \(total.what) on all \(total.population) hosts (95%: \(low) to \(high), \
            from \(total.hosts) hosts chosen at random)
            """
    }

    private static func rounded(_ value: Double) -> String { Words.number(value.rounded()) }
}
