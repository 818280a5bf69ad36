import MusterCore

/// A shop on two hosts whose payments need an internal HTTP service on a third, and what goes wrong with that.
struct PaymentsScenario: Scenario {
    let name: ScenarioName
    let kindExpected: CauseKind?
    let expected: String
    let place: CausePlace
    /// Life of the service's certificate; nil for plain HTTP.
    var certificateLife: Duration?
    /// The service is called by this name, which a name server on a host of its own knows.
    var domain: String?
    /// Whether it can only be played in network namespaces.
    var needsNamespaces = false
    /// What the alert rule watches.
    var alert = Alert.errors
    /// Breaks it.
    let fault: @Sendable (Surroundings) throws -> Void

    enum Alert: Sendable {
        /// Checkouts fail.
        case errors
        /// Checkouts take longer than this.
        case latency(Duration)
    }

    /// What a fault can reach.
    struct Surroundings {
        let stage: Stage
        let service: NginxServer
        let process: ChildProcess
        let certificate: ServerCertificate?
    }

    private static let hostName = "pay-1"
    private static let port = 9090

    /// Filled when the service is up; a scenario is played once.
    private let state = State()

    private final class State {
        var surroundings: Surroundings?
    }

    init(
        _ name: String,
        _ kindExpected: CauseKind,
        _ expected: String,
        at place: CausePlace = .hosts([Self.hostName]),
        fault: @escaping @Sendable (Surroundings) throws -> Void
    ) {
        self.name = ScenarioName(known: name)
        self.kindExpected = kindExpected
        self.expected = expected
        self.place = place
        self.fault = fault
    }

    var hosts: [HostPlan] {
        var hosts = [
            HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
            HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
            HostPlan(name: Self.hostName, duty: .peer),
        ]
        if domain != nil { hosts.append(HostPlan(name: "dns-1", duty: .peer)) }
        return hosts
    }

    func prepare(on stage: Stage) throws {
        let host = try stage.host(Self.hostName)
        guard !needsNamespaces || host.network.room != nil else {
            throw DrillError(
                .missing,
                "\(name.rawValue) needs network namespaces: run it as root, without --loopback"
            )
        }
        var certificate: ServerCertificate?
        if let certificateLife {
            certificate = try ServerCertificate(
                in: "\(host.folder)/etc",
                address: host.network.address,
                life: certificateLife
            )
        }
        let service = try NginxServer(on: host, port: Self.port, certificate: certificate)
        let process = try service.start(
            """
            location = /healthz { return 200 "ok\\n"; }
            location = /authorise { default_type application/json; return 200 '{"authorised":true}'; }
            """,
            on: stage
        )
        state.surroundings = Surroundings(
            stage: stage,
            service: service,
            process: process,
            certificate: certificate
        )
        stage.narrator.say(
            "The shop asks the payment service at \(service.url) (nginx on pay-1) before each payment."
        )
    }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        guard let surroundings = state.surroundings else { return }
        shop.payments = .init(
            url: "\(surroundings.service.url)/authorise",
            caFile: surroundings.certificate?.file
        )
    }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation {
        guard let surroundings = state.surroundings else { return HostObservation() }
        switch host.plan.duty {
        case .web:
            let authority = surroundings.certificate.map { ", ca_file: \"\($0.file)\"" } ?? ""
            return HostObservation(dependencies: [
                "{ name: payments, kind: http, url: \"\(surroundings.service.url)/healthz\"\(authority), "
                    + "timeout: 2s, every: 2s, services: [shop] }"
            ])
        case .peer where host.name == Self.hostName:
            return surroundings.service.observation(service: "payments")
        default: return HostObservation()
        }
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        guard let surroundings = state.surroundings else {
            preconditionFailure("the scenario \(name.rawValue) is broken before it was prepared")
        }
        try fault(surroundings)
        try AlertRule.wait("failing checkouts", holds: .seconds(12)) {
            stage.traffic.count(last: .seconds(8), endpoint: .checkout).ratio > 0.05
        }
        let count = stage.traffic.count(last: .seconds(8), endpoint: .checkout)
        stage.narrator.say(
            "Alert rule: \(count.failed) of \(count.requests) checkouts failed in the last 8 s."
        )
        return AlertmanagerWebhook(
            name: "HighErrorRate",
            labels: ["service": "shop", "severity": "critical", "route": "/api/checkout"],
            summary: "shop /api/checkout error ratio \(count.ratio.percentText)",
            starts: WallClock.now()
        )
    }
}
