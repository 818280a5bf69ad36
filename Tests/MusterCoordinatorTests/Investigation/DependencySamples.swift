import MusterCore

@testable import MusterCoordinator

/// Hosts that look at dependencies, and what they saw.
enum DependencySamples {
    static let now = Timestamp(seconds: 1_795_400_000)
    static let coverage = Coverage(asked: 3, outcomes: ["ok": 3])

    static func fleetHost(_ name: String, address: String, state: FleetHostState = .connected) -> FleetHost {
        var host = FleetHost(id: id(name), name: name)
        host.address = address
        host.state = state
        return host
    }

    static func reference(_ name: String) -> HostReference { HostReference(id: id(name), name: name) }

    private static func id(_ name: String) -> AgentID {
        let bytes = Array(name.utf8.prefix(32))
        return AgentID(bytes: bytes + Array(repeating: 0, count: 32 - bytes.count)) ?? .zero
    }

    /// Two hosts of a shop, and a third that serves what they need.
    static let hosts = [
        fleetHost("web-1", address: "10.0.0.1"), fleetHost("web-2", address: "10.0.0.2"),
        fleetHost("pay-1", address: "10.0.0.3"),
    ]

    static func check(
        _ reason: String = "",
        kind: String = "http",
        name: String = "payments",
        target: String = "http://10.0.0.3:9090/healthz",
        values: [String: Double] = [:]
    ) -> DependencyCheck {
        var check = DependencyCheck(name: name, kind: kind, target: target)
        check.healthy = reason.isEmpty
        check.reason = reason
        check.values = values
        check.services = ["shop"]
        return check
    }

    static func answers(
        _ checks: [(host: String, check: DependencyCheck)]
    ) -> [(host: HostReference, answer: Answer)] {
        checks.map { name, check in
            var answer = DependenciesAnswer()
            answer.checks = [check]
            return (reference(name), .dependencies(answer))
        }
    }

    /// What is known of the far ends when `pay-1` says that it listens there, or that nothing does.
    static func far(listening: Bool?, waiting: Int = 0, hosts: [FleetHost] = hosts) -> FarEnds {
        var far = FarEnds(hosts: hosts)
        guard let listening else { return far }
        var sockets = SocketsAnswer()
        if listening {
            sockets.listening = [
                ListeningSocket(
                    address: "0.0.0.0",
                    port: 9090,
                    pid: 1,
                    process: "nginx",
                    backlog: waiting,
                    backlogMax: 0
                )
            ]
        }
        far.take([(reference("pay-1"), .sockets(sockets))])
        return far
    }
}
