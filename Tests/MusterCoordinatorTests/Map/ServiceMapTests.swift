import MusterCore
import MusterIdentity
import MusterIncident
import Testing

@testable import MusterCoordinator

@Suite("The map of services")
struct ServiceMapTests {
    private static let start = Timestamp(seconds: 1_795_600_000)

    @Test(
        "What a service calls is told from the nearest on, by way of others too; circles and the bound end it"
    )
    func calls() {
        var map = ServiceMap()
        let web = Self.sockets("10.0.0.1", listening: [(80, "web")], to: [("web", "10.0.0.2", 81, 3)])
        let cart = Self.sockets(
            "10.0.0.2",
            listening: [(81, "cart")],
            to: [("cart", "10.0.0.3", 5432, 1), ("cart", "10.0.0.1", 80, 1)]
        )
        let other = Self.sockets("10.0.0.4", to: [("mail", "10.0.0.9", 25, 1)])
        for (name, answer) in [("a", web), ("b", cart), ("d", other)] {
            map.take(answer, of: Self.host(name), address: answer.addresses[0], at: Self.start)
        }
        let calls = map.calls(of: "web", max: 10)
        #expect(
            calls == [
                ServiceCall(caller: "web", callee: "cart"),
                ServiceCall(caller: "cart", callee: "10.0.0.3:5432"),
                ServiceCall(caller: "cart", callee: "web"),
            ]
        )
        #expect(map.calls(of: "web", max: 1) == [ServiceCall(caller: "web", callee: "cart")])
        #expect(map.calls(of: "nobody", max: 10).isEmpty)
    }

    @Test(
        "A port on which nothing listens any more is remembered for an hour, unless something listens again"
    )
    func closed() {
        var map = ServiceMap()
        func look(_ listening: [(Int, String)], after seconds: Int) -> [KnownListener] {
            map.take(
                Self.sockets("10.0.0.1", listening: listening),
                of: Self.host("a"),
                address: "10.0.0.1",
                at: Self.start + .seconds(seconds)
            )
            return map.listeners(of: Self.host("a").id)
        }
        #expect(look([(80, "web"), (81, "cart")], after: 0).map(\.port) == [80, 81])
        #expect(
            look([(80, "web")], after: 60) == [
                KnownListener(port: 80, name: "web", last: Self.start + .seconds(60)),
                KnownListener(port: 81, name: "cart", last: Self.start),
            ]
        )
        #expect(look([(80, "web")], after: 120).map(\.last) == [Self.start + .seconds(120), Self.start])
        #expect(
            look([(80, "web"), (81, "cart")], after: 180).map(\.last.nanoseconds).allSatisfy {
                $0 > Self.start.nanoseconds
            }
        )
        _ = look([(80, "web")], after: 240)
        #expect(look([(80, "web")], after: 4_000).map(\.port) == [80])
        #expect(map.listeners(of: Self.host("b").id).isEmpty)
    }

    private static func host(_ name: String) -> HostReference {
        HostReference(id: SHA256.hash(Array(name.utf8)), name: name)
    }

    private static func sockets(
        _ address: String,
        listening: [(Int, String)] = [],
        to peers: [(String, String, Int, Int)] = [],
        from clients: [(String, String, Int)] = []
    ) -> SocketsAnswer {
        var answer = SocketsAnswer()
        answer.addresses = [address]
        for (port, service) in listening {
            var row = ListeningSocket(
                address: "0.0.0.0",
                port: port,
                pid: 1,
                process: "p",
                backlog: 0,
                backlogMax: 0
            )
            row.service = service
            answer.listening.append(row)
        }
        for (service, remote, port, count) in peers {
            var row = PeerCount(
                process: "p",
                remoteAddress: remote,
                remotePort: port,
                localPort: 0,
                outgoing: true,
                count: count
            )
            row.service = service
            answer.peers.append(row)
        }
        for (service, remote, port) in clients {
            var row = PeerCount(
                process: "p",
                remoteAddress: remote,
                remotePort: 0,
                localPort: port,
                outgoing: false,
                count: 1
            )
            row.service = service
            answer.peers.append(row)
        }
        return answer
    }

    /// nginx on two hosts, checkout on one, PostgreSQL on one; checkout also talks to a stranger and to itself.
    private static func shop() -> ServiceMap {
        var map = ServiceMap()
        for (index, web) in ["web-1", "web-2"].enumerated() {
            map.take(
                sockets(
                    "10.0.0.\(index + 1)",
                    listening: [(80, "nginx")],
                    to: [("nginx", "10.0.0.3", 8080, 4)],
                    from: [("nginx", "198.51.100.7", 80)]
                ),
                of: host(web),
                address: "",
                at: start
            )
        }
        map.take(
            sockets(
                "10.0.0.3",
                listening: [(8080, "checkout"), (6379, "redis")],
                to: [
                    ("checkout", "10.0.0.4", 5432, 20), ("checkout", "203.0.113.9", 443, 2),
                    ("checkout", "127.0.0.1", 6379, 3),
                ],
                from: [("checkout", "10.0.0.1", 8080), ("checkout", "10.0.0.2", 8080)]
            ),
            of: host("app-1"),
            address: "",
            at: start
        )
        // Its agent dials in from the address that its clients use; its own sockets name none.
        var database = sockets(
            "",
            listening: [(5432, "postgresql")],
            from: [("postgresql", "10.0.0.3", 5432)]
        )
        database.addresses = []
        map.take(database, of: host("db-1"), address: "10.0.0.4", at: start)
        return map
    }

    @Test("both ends of a connection are one edge, and hosts without an agent are outside")
    func joins() {
        let view = Self.shop().view(around: nil, depth: 8, hosts: 5)
        #expect(
            view.edges.map { "\($0.from) \($0.to) \($0.connections) \($0.hostsFrom) \($0.hostsTo)" } == [
                "checkout postgresql 20 1 1", "nginx checkout 8 2 1", "checkout redis 3 1 1",
                "198.51.100.7 nginx 2 0 2", "checkout 203.0.113.9:443 2 1 0",
            ]
        )
        #expect(
            view.services.filter { !$0.isOutside }.map { "\($0.name) \($0.hostCount) \($0.ports)" } == [
                "checkout 1 [8080]", "nginx 2 [80]", "postgresql 1 [5432]", "redis 1 [6379]",
            ]
        )
        #expect(view.services.filter(\.isOutside).map(\.name) == ["198.51.100.7", "203.0.113.9:443"])
        #expect(view.hostsSeen == 4 && view.hosts == 5 && view.dropped == 0)
    }

    @Test("what is around a service ends after so many steps")
    func depth() {
        let map = Self.shop()
        let near = map.view(around: "postgresql", depth: 1, hosts: 4)
        #expect(near.services.map(\.name) == ["checkout", "postgresql"])
        #expect(near.edges.map(\.from) == ["checkout"])
        let far = map.view(around: "postgresql", depth: 2, hosts: 4)
        #expect(far.services.map(\.name) == ["203.0.113.9:443", "checkout", "nginx", "postgresql", "redis"])
        #expect(map.view(around: "unheard-of", depth: 2, hosts: 4).services.isEmpty)
        #expect(map.dependencies(of: "checkout") == [Self.host("db-1").id, Self.host("app-1").id])
    }

    @Test("edges keep when they were first and last seen, and are forgotten after a day")
    func ages() {
        var map = Self.shop()
        let later = Self.start + .seconds(600)
        let answer = Self.sockets(
            "10.0.0.1",
            listening: [(80, "nginx")],
            to: [("nginx", "10.0.0.3", 8080, 9)]
        )
        map.take(answer, of: Self.host("web-1"), address: "", at: later)
        let edge = map.view(around: "nginx", depth: 1, hosts: 4).edges.first { $0.to == "checkout" }
        #expect(edge?.first == Self.start && edge?.last == later)
        #expect(edge?.connections == 13, "nine of one host, and the four that the other had")
        let tomorrow = Self.start + .seconds(90_000)
        for name in ["web-1", "web-2"] {
            map.take(Self.sockets("10.0.0.9"), of: Self.host(name), address: "", at: tomorrow)
        }
        #expect(!map.view(around: nil, depth: 8, hosts: 4).edges.contains { $0.from == "nginx" })
        map.keep([Self.host("app-1").id])
        #expect(map.hostsSeen == 1)
    }

    @Test(
        "an address that several hosts have is nobody's, and what a host says of itself does not beat what is seen"
    )
    func addresses() {
        var map = ServiceMap()
        for (index, name) in ["app-1", "app-2"].enumerated() {
            var sockets = Self.sockets(
                "172.17.0.1",
                listening: [(6379, "redis")],
                to: [("checkout", "172.17.0.1", 6379, 1), ("checkout", "10.0.0.4", 5432, 1)]
            )
            // It claims to be the database.
            if index == 1 { sockets.addresses.append("10.0.0.4") }
            map.take(sockets, of: Self.host(name), address: "10.0.0.\(index + 1)", at: Self.start)
        }
        map.take(
            Self.sockets(
                "172.17.0.1",
                listening: [(5432, "postgresql")],
                to: [("backup", "172.18.0.9", 22, 1)]
            ),
            of: Self.host("db-1"),
            address: "10.0.0.4",
            at: Self.start
        )
        let edges = map.view(around: nil, depth: 8, hosts: 3).edges
        let redis = edges.first { $0.to == "redis" }
        #expect(redis?.hostsFrom == 2 && redis?.hostsTo == 2, "each talks to its own")
        #expect(edges.contains { $0.from == "checkout" && $0.to == "postgresql" && $0.hostsFrom == 1 })
        #expect(edges.contains { $0.to == "172.18.0.9:22" })
    }

    @Test("names beyond their limit are not kept")
    func longNames() {
        var map = ServiceMap()
        let long = String(repeating: "x", count: 100_000)
        map.take(
            Self.sockets(
                "10.0.0.1",
                listening: [(80, long)],
                to: [("a", long, 1, 1), (long, "10.0.0.2", 2, 1)]
            ),
            of: Self.host("liar"),
            address: "",
            at: Self.start
        )
        let view = map.view(around: nil, depth: 8, hosts: 1)
        #expect(view.edges.map(\.to) == ["10.0.0.2:2"] && view.services.map(\.name) == ["10.0.0.2:2", "?"])
    }

    @Test("a host that talks to thousands takes no more room than any other")
    func bounds() {
        var map = ServiceMap()
        for round in 0..<3 {
            let peers = (0..<2_000).map { ("scanner", "10.\(round).\($0 / 250).\($0 % 250)", 22, 1) }
            map.take(
                Self.sockets("10.9.9.9", to: peers),
                of: Self.host("loud"),
                address: "",
                at: Self.start + .seconds(round * 60)
            )
        }
        let view = map.view(around: nil, depth: 8, hosts: 1)
        #expect(view.edges.count == ServiceMap.Limits().perHostMax)
        #expect(view.edges.allSatisfy { $0.to.hasPrefix("10.2.") }, "the latest stay")
    }
}
