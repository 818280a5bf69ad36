import MusterCore

/// nginx stands before the shop on two hosts, and the shop is gone from both.
struct UpstreamDead: Scenario {
    let name = ScenarioName(known: "nginx-upstream-dead")
    let hosts = [
        HostPlan(name: "web-1", duty: .web, accessLogFormat: .combined),
        HostPlan(name: "web-2", duty: .web, accessLogFormat: .json),
        HostPlan(name: Self.front, duty: .proxy),
    ]
    let kindExpected: CauseKind? = .dependencyDown
    let expected = "the shop behind nginx is gone from web-1 and web-2"
    let place = CausePlace.hosts(["web-1", "web-2"])

    private static let front = "front-1"
    private static let service = "shop-front"

    /// Made before the shops are there; nginx connects when it is asked.
    private let state = State()

    private final class State {
        var server: NginxServer?
    }

    func prepare(on stage: Stage) throws {
        let server = try NginxServer(on: try stage.host(Self.front), port: 80)
        let upstreams = stage.hosts.filter { $0.plan.duty == .web }.map {
            "server \($0.network.address):\($0.shopPort);"
        }
        try server.start(
            """
            location / {
                proxy_pass http://shop;
                proxy_connect_timeout 1s;
                proxy_read_timeout 3s;
            }
            """,
            before: "upstream shop { \(upstreams.joined(separator: " ")) }",
            on: stage
        )
        state.server = server
    }

    func targets(on stage: Stage) -> [Traffic.Target] {
        guard let server = state.server else { return [] }
        return [.init(address: server.host.network.address, port: server.port)]
    }

    func observation(of host: DemoHost, on stage: Stage) throws -> HostObservation {
        guard host.name == Self.front, let server = state.server else { return HostObservation() }
        var observation = server.observation(service: Self.service)
        observation.dependencies = stage.hosts.filter { $0.plan.duty == .web }.map {
            "{ name: shop on \($0.name), kind: http, url: \"http://\($0.network.address):\($0.shopPort)/healthz\", "
                + "timeout: 2s, every: 2s, services: [\(Self.service)] }"
        }
        return observation
    }

    func breakIt(on stage: Stage) throws -> AlertmanagerWebhook {
        stage.narrator.say("Fault: a script that means something else kills the shop on web-1 and web-2.")
        for host in stage.hosts where host.plan.duty == .web { host.killShop() }
        return try CheckoutAlert.wait(on: stage, service: Self.service)
    }
}
