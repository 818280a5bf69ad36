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
    /// Breaks it.
    let fault: @Sendable (Surroundings) throws -> Void

    /// What a fault can reach.
    struct Surroundings {
        let stage: Stage
        let service: NginxServer
        let process: ChildProcess
        let certificate: ServerCertificate?
        let nameServer: ChildProcess?
    }

    private static let hostName = "pay-1"
    private static let nameServerName = "dns-1"
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
        if domain != nil { hosts.append(HostPlan(name: Self.nameServerName, duty: .peer)) }
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
        let nameServer = try domain.map { try startNameServer($0, of: host, on: stage) }
        let process = try service.start(
            """
            location = /healthz { return 200 "ok\\n"; }
            location = /authorise {
                default_type application/json;
                set $fails "";
                if (-f \(Self.faultFile(of: service))) { set $fails "y"; }
                if ($request_id ~ "^[0-5]") { set $fails "${fails}1"; }
                if ($fails = "y1") { return 500; }
                return 200 '{"authorised":true}';
            }
            """,
            on: stage
        )
        state.surroundings = Surroundings(
            stage: stage,
            service: service,
            process: process,
            certificate: certificate,
            nameServer: nameServer
        )
        stage.narrator.say(
            "The shop asks the payment service at \(url(service)) (nginx on pay-1) before each payment."
        )
    }

    /// While it is there six of 16 authorisations fail.
    static func faultFile(of service: NginxServer) -> String { "\(service.host.folder)/nginx-fault" }

    private func url(_ service: NginxServer) -> String {
        domain.map { "http://\($0):\(service.port)" } ?? service.url
    }

    /// A name server that knows one name, and hosts of the shop that ask it.
    private func startNameServer(_ domain: String, of host: DemoHost, on stage: Stage) throws -> ChildProcess
    {
        let program = "/usr/sbin/dnsmasq"
        guard Files.isExecutable(program) else {
            throw DrillError(.missing, "dnsmasq is not installed; try: apt-get install dnsmasq-base")
        }
        let own = try stage.host(Self.nameServerName)
        for web in stage.hosts where web.plan.duty == .web {
            let file = "\(web.folder)/resolv.conf"
            try Files.write("nameserver \(own.network.address)\noptions timeout:1 attempts:2\n", to: file)
            try web.command("/bin/mount", ["--bind", file, "/etc/resolv.conf"]).succeed()
        }
        return try stage.start(
            "dnsmasq",
            [
                program, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                "--pid-file",
                "--user=root", "--log-facility=-", "--bind-interfaces",
                "--listen-address=\(own.network.address)", "--address=/\(domain)/\(host.network.address)",
            ],
            on: own.name
        )
    }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        guard let surroundings = state.surroundings else { return }
        shop.payments = .init(
            url: "\(url(surroundings.service))/authorise",
            caFile: surroundings.certificate?.file
        )
    }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation {
        guard let surroundings = state.surroundings else { return HostObservation() }
        switch host.plan.duty {
        case .web:
            let authority = surroundings.certificate.map { ", ca_file: \"\($0.file)\"" } ?? ""
            return HostObservation(dependencies: [
                "{ name: payments, kind: http, url: \"\(url(surroundings.service))/healthz\"\(authority), "
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
        return try CheckoutAlert.wait(on: stage)
    }
}
