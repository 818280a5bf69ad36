import MusterCore

/// One thing that goes wrong: what is there, how it breaks, and what Muster should find.
///
/// A stage calls ``prepare(on:)``, then ``configure(_:of:on:)`` and ``observation(of:on:)`` for each host, then, after
/// a while of an ordinary day, ``breakIt(on:)``. Whatever a scenario starts through the stage ends with it.
protocol Scenario {
    var name: ScenarioName { get }
    /// The pretended hosts, first to last.
    var hosts: [HostPlan] { get }
    /// Nil when there is no fault: nothing must be found then, and nothing done.
    var kindExpected: CauseKind? { get }
    /// The cause in words.
    var expected: String { get }
    /// Where the cause lies.
    var place: CausePlace { get }
    /// How far Muster must get.
    var goal: DrillGoal { get }

    /// Brings up what this scenario needs besides, before the shops start.
    func prepare(on stage: Stage) throws

    /// Changes what the shop of a host with the duty `web` is told at its start.
    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws

    /// What the shop of a host is started by; nothing for itself.
    func launcher(of host: DemoHost) -> [String]

    /// What the agent of a host looks at besides what its duty brings.
    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation

    /// Where the traffic goes.
    func targets(on stage: Stage) -> [Traffic.Target]

    /// Breaks it, waits until an alert rule would fire, and says what the alert says.
    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook

    /// Whether the first hypothesis is the cause that the drill brought about.
    func isRight(_ report: DrillReport) -> Bool
}

extension Scenario {
    var goal: DrillGoal { .diagnosed }

    func prepare(on stage: Stage) throws {}

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {}

    func launcher(of host: DemoHost) -> [String] { [] }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation { HostObservation() }

    func targets(on stage: Stage) -> [Traffic.Target] {
        stage.hosts.filter { $0.plan.duty == .web }.map {
            Traffic.Target(address: $0.network.address, port: $0.shopPort)
        }
    }

    /// Kind and place; without a fault, that Muster says that nothing stands out.
    func isRight(_ report: DrillReport) -> Bool {
        guard let kindExpected else { return report.verdict == .unknown && report.acted.isEmpty }
        return report.kindFound == kindExpected && place.holds(report)
    }
}

/// How far Muster must get in a drill.
enum DrillGoal: Sendable {
    /// A runbook ends the harm, and Muster verifies that.
    case resolved
    /// The right verdict is enough: no runbook is made for it.
    case diagnosed
}

/// Where the cause of a drill lies.
enum CausePlace: Sendable {
    case anywhere
    /// Exactly these hosts.
    case hosts(Set<String>)
    case service(String)
    /// Reference of the change.
    case change(String)

    func holds(_ report: DrillReport) -> Bool {
        switch self {
        case .anywhere: true
        case .hosts(let names): Set(report.hostsFound) == names
        case .service(let name): report.serviceFound == name
        case .change(let reference): report.changeFound == reference
        }
    }
}

/// What one pretended host is for.
struct HostPlan: Sendable {
    enum Duty: String, Sendable {
        /// Serves the demo shop.
        case web
        /// Runs PostgreSQL; at most one.
        case db
        /// Stands before other hosts; the scenario starts what does so.
        case proxy
        /// Serves what others depend on; the scenario starts it.
        case peer
    }

    var name: String
    var duty: Duty
    var accessLogFormat = AccessLogFormat.combined
}

/// What an agent looks at on a pretended host, besides what the host's duty brings.
struct HostObservation: Sendable {
    /// A path or pattern with the service that it belongs to; empty when that is not known.
    struct File: Sendable {
        var path: String
        var service = ""
    }

    var services: [String] = []
    var logs: [File] = []
    /// Watched configuration files.
    var watch: [File] = []
    /// Entries of `dependencies` as in `agent.yaml`, each in braces: `{ name: cache, kind: tcp, … }`.
    var dependencies: [String] = []
}
