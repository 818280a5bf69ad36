import MusterCore

/// The clock of one host is set wrong, and the payment service refuses what comes from there.
struct ClockSkew: Scenario {
    let name = ScenarioName(known: "clock-skew")
    let hosts = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: Self.sick, duty: .web, accessLogFormat: .json),
        HostPlan(name: Self.desk, duty: .peer),
    ]
    let kindExpected: CauseKind? = .clockSkew
    let expected = "the clock of web-2 is 95 s ahead"
    let place = CausePlace.hosts([Self.sick])

    private static let sick = "web-2"
    private static let desk = "pay-1"
    private static let port = 9090
    /// More than the payment service allows.
    private static let offset = Duration.seconds(95)

    private let state = State()

    private final class State {
        var clock: FakeClock?
        var url = ""
    }

    func prepare(on stage: Stage) throws {
        let sick = try stage.host(Self.sick)
        sick.clock = try FakeClock(of: sick)
        state.clock = sick.clock
        let host = try stage.host(Self.desk)
        let port = host.network.room == nil ? try FreePort.find(on: host.network.address) : Self.port
        state.url = "http://\(host.network.address):\(port)"
        let child = try stage.start(
            "payments",
            [
                stage.programs.drill, "payments", "--address", host.network.address, "--port", "\(port)",
                "--log", Self.log(host),
            ],
            on: host.name
        )
        try Interruption.wait(
            upTo: .seconds(20),
            for: "the payment service; see \(host.folder)/logs/payments.out"
        ) {
            guard child.isRunning else {
                throw DrillError(.process, "the payment service ended; see \(host.folder)/logs/payments.out")
            }
            var connection = HTTPConnection(address: host.network.address, port: port, timeout: .seconds(2))
            defer { connection.close() }
            return connection.send(method: "GET", path: "/healthz", headers: [], body: [])?.status == 200
        }
        stage.narrator.say(
            "The shop asks the payment service at \(state.url) before each payment; it refuses requests made more than "
                + "\(PaymentDesk.leeway.spoken) before or after they arrive."
        )
    }

    private static func log(_ host: DemoHost) -> String { "\(host.folder)/logs/payments.log" }

    func configure(_ shop: inout ShopConfiguration, of host: DemoHost, on stage: Stage) throws {
        shop.payments = .init(url: "\(state.url)/authorise")
    }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation {
        guard host.plan.duty == .web else {
            return HostObservation(
                services: ["payments"],
                logs: [.init(path: Self.log(host), service: "payments")]
            )
        }
        return HostObservation(dependencies: [
            "{ name: payments, kind: http, url: \"\(state.url)/healthz\", timeout: 2s, every: 2s, services: [shop] }"
        ])
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        guard let clock = state.clock else {
            preconditionFailure("the clock is set before the scenario was prepared")
        }
        stage.narrator.say("Fault: the clock of web-2 is set \(Self.offset.spoken) ahead.")
        try clock.set(ahead: Self.offset)
        return try CheckoutAlert.wait(on: stage)
    }
}
