import MusterCore

/// One thing that goes wrong: what is there, how it breaks, and what Muster should find.
protocol Scenario {
    var name: ScenarioName { get }
    /// The pretended hosts, first to last.
    var hosts: [HostPlan] { get }
    var kindExpected: CauseKind { get }
    /// The cause in words; known once it is broken.
    var expected: String { get }

    /// Breaks it, waits until an alert rule would fire, and says what the alert says.
    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook

    /// Whether the first hypothesis is the cause that the drill brought about.
    func isRight(_ report: DrillReport) -> Bool
}

extension ScenarioName {
    /// The scenario of this name.
    func scenario(_ options: DrillOptions) -> any Scenario {
        switch self {
        case .badDeploy: BadDeploy()
        case .poolExhaustion: PoolExhaustion(realTime: options.realTime)
        }
    }
}

/// What one pretended host is for.
struct HostPlan: Sendable {
    enum Duty: String, Sendable {
        case web
        case db
    }

    var name: String
    var duty: Duty
    var accessLogFormat = AccessLogFormat.combined
}
