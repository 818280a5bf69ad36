import MusterCore
import Testing

@testable import MusterCoordinator

/// What hosts see of a dependency, set beside what its own host says.
@Suite struct DependencyFindingsTests {
    private typealias Samples = DependencySamples
    private static let refused = Samples.check("http://10.0.0.3:9090: no connection: connection refused")
    private static let silent = Samples.check("http://10.0.0.3:9090: no connection within 2 s")

    private func findings(
        _ checks: [(host: String, check: DependencyCheck)],
        far: FarEnds = FarEnds(),
        losses: [HostReference: Double] = [:]
    ) -> [Finding] {
        DependencyFindings.findings(
            Samples.answers(checks),
            far: far,
            losses: losses,
            coverage: Samples.coverage,
            at: Samples.now
        )
    }

    @Test("Refused by all, and nothing listens there: it is down, and that is where it should run")
    func down() throws {
        let found = findings(
            [("web-1", Self.refused), ("web-2", Self.refused)],
            far: Samples.far(listening: false)
        )
        let finding = try #require(found.first)
        #expect(found.count == 1)
        #expect(finding.suggests == .dependencyDown)
        #expect(finding.place == [Samples.reference("pay-1")])
        #expect(finding.hosts.map(\.name) == ["web-1", "web-2"])
        #expect(finding.text.contains("nothing listens there"))
        #expect(finding.effect == 1)
    }

    @Test("Refused although it listens: something on the way refuses")
    func refusedOnTheWay() throws {
        let found = findings([("web-1", Self.refused)], far: Samples.far(listening: true))
        #expect(found.first?.suggests == .network)
    }

    @Test("Refused to one and not to the others: not the server")
    func refusedToOne() throws {
        let found = findings(
            [("web-1", Self.refused), ("web-2", Samples.check())],
            far: Samples.far(listening: nil)
        )
        #expect(found.first?.suggests == .network)
        #expect(found.first?.place == [Samples.reference("web-1")])
    }

    @Test(
        "No connection comes about: the far end's sockets tell which of three it is",
        arguments: [
            (true, 120, .dependencyHung), (true, 0, .network), (false, 0, .dependencyDown),
        ] as [(Bool, Int, CauseKind)]
    )
    func silence(listening: Bool, waiting: Int, kind: CauseKind) {
        let found = findings(
            [("web-1", Self.silent), ("web-2", Self.silent)],
            far: Samples.far(listening: listening, waiting: waiting)
        )
        #expect(found.first?.suggests == kind)
        #expect(found.first?.place == [Samples.reference("pay-1")])
    }

    @Test("A host that is gone altogether is down, not cut off")
    func hostGone() {
        let hosts = [Samples.hosts[0], Samples.fleetHost("pay-1", address: "10.0.0.3", state: .disconnected)]
        let found = findings([("web-1", Self.silent)], far: Samples.far(listening: nil, hosts: hosts))
        #expect(found.first?.suggests == .dependencyDown)
    }

    @Test("Who alone can't connect is cut off where it stands")
    func cutOff() {
        let found = findings(
            [("web-1", Samples.check()), ("web-2", Self.silent)],
            far: Samples.far(listening: true)
        )
        #expect(found.first?.suggests == .network)
        #expect(found.first?.place == [Samples.reference("web-2")])
    }

    @Test("Late connections beside segments that are sent again are lost packets; a wall loses all of them")
    func loss() {
        var slow = Samples.check(values: ["usual_connect_milliseconds": 0.4])
        slow.connectMilliseconds = 300
        let web = Samples.reference("web-1")
        #expect(findings([("web-1", slow)], losses: [web: 0]).first?.suggests == .networkDelay)
        slow.connectMilliseconds = 1030
        #expect(findings([("web-1", slow)], losses: [web: 0.2]).first?.suggests == .networkLoss)
        #expect(findings([("web-1", Self.silent)], losses: [web: 0.03]).first?.suggests == .network)
        #expect(findings([("web-1", Self.silent)], losses: [web: 0.3]).first?.suggests == .networkLoss)
    }

    @Test("Different troubles at one moment beside lost segments are lost packets")
    func mixedLoss() {
        let late = Samples.check(
            "no answer within 1 s; 3 s ago: it answered",
            values: ["recent_prompt": 1, "recent_unanswered": 1, "recent_resent_connections": 1]
        )
        var silent = Self.silent
        silent.values = ["recent_unconnected": 2, "recent_prompt": 1]
        let found = findings(
            [("web-1", late), ("web-2", silent)],
            far: Samples.far(listening: true),
            losses: [Samples.reference("web-1"): 0.05]
        )
        #expect(found.count == 1)
        #expect(found.first?.suggests == .networkLoss)
        #expect(found.first?.place == [Samples.reference("pay-1")])
        #expect(found.first?.text.contains("of the last 6 checks 2 got no connection") == true)
    }

    @Test(
        "Checks that go well just now do not hide that packets get lost; they do hide a wall that was there"
    )
    func pastTrouble() throws {
        let web = Samples.reference("web-1")
        let lossy = Samples.check(
            values: ["recent_prompt": 3, "recent_resent_connections": 2, "recent_unconnected": 1]
        )
        let finding = try #require(findings([("web-1", lossy)], losses: [web: 0.1]).first)
        #expect(finding.suggests == .networkLoss)
        #expect(finding.text.contains("packets between web-1 and http payments get lost; of the last 6"))
        let healed = Samples.check(values: ["recent_prompt": 1, "recent_unconnected": 7])
        #expect(findings([("web-1", healed)], losses: [web: 0]).isEmpty)
        let once = Samples.check(values: ["recent_prompt": 4, "recent_slow_answers": 1])
        #expect(findings([("web-1", once)], losses: [web: 0.1]).isEmpty)
    }

    @Test(
        "Packets that get lost for one of two hosts get lost on its side; a late check on the other does not tell"
    )
    func lossySide() {
        let lossy = Samples.check(
            "http://10.0.0.3:9090: no connection within 2 s",
            values: ["recent_prompt": 2, "recent_resent_connections": 2, "recent_unconnected": 2]
        )
        let losses = [Samples.reference("web-1"): 0.1, Samples.reference("web-2"): 0]
        let well = Samples.check()
        let late = Samples.check(values: ["recent_slow_answers": 1, "recent_prompt": 1])
        let one = findings([("web-1", lossy), ("web-2", well)], losses: losses)
        #expect(one.first?.place == [Samples.reference("web-1")])
        let both = findings(
            [("web-1", lossy), ("web-2", late)],
            far: FarEnds(hosts: Samples.hosts),
            losses: losses
        )
        #expect(both.first?.place == [Samples.reference("pay-1")])
    }

    @Test("All names that a host can't resolve are one trouble, and it is that host's")
    func names() {
        let checks = ["payments", "stock"].map {
            Samples.check(
                "http://\($0).internal: the name has no address",
                name: $0,
                target: "http://\($0).internal/"
            )
        }
        let found = findings([("web-1", checks[0]), ("web-1", checks[1])])
        #expect(found.count == 1)
        #expect(found.first?.suggests == .dns)
        #expect(found.first?.place == [Samples.reference("web-1")])
        #expect(found.first?.text.contains("the same of stock") == true)
    }

    @Test("Copies of one service that are all down are one trouble in several places")
    func copies() {
        let checks = ["web-1", "web-2"].map { name in
            Samples.check(
                "http://\(name):8080: no connection: connection refused",
                name: "shop on \(name)",
                target: "http://\(name):8080/healthz"
            )
        }
        let found = findings(
            [("pay-1", checks[0]), ("pay-1", checks[1])],
            far: FarEnds(hosts: Samples.hosts)
        )
        #expect(found.count == 1)
        #expect(found.first?.place?.map(\.name).sorted() == ["web-1", "web-2"])
        #expect(found.first?.suggests == .dependencyDown)
    }

    @Test("A closer look goes to the hosts at the far end, and to databases in trouble")
    func questions() {
        let far = FarEnds(hosts: Samples.hosts)
        let answers = Samples.answers([("web-1", Self.silent), ("web-2", Self.silent)])
        #expect(DependencyFindings.farEnds(of: answers, in: far).map(\.name) == ["pay-1"])
        #expect(
            DependencyFindings.farEnds(of: Samples.answers([("web-1", Samples.check())]), in: far).isEmpty
        )
        let locked = Samples.check(
            kind: "postgres",
            name: "shop-db",
            values: ["lock_waiting": 3, "lock_held_seconds": 60]
        )
        let databases = DependencyFindings.databases(of: Samples.answers([("pay-1", locked)]))
        #expect(databases.map(\.name) == ["shop-db"])
        #expect(databases.map(\.host.name) == ["pay-1"])
    }

    @Test(
        "Targets are read in all their forms",
        arguments: [
            ("10.0.0.5:5432/shop", "10.0.0.5", 5432),
            ("https://pay.internal/health?x=1", "pay.internal", 443),
            ("http://pay.internal:9090", "pay.internal", 9090), ("[::1]:80", "::1", 80),
            ("cache:6379", "cache", 6379),
        ]
    )
    func targets(target: String, host: String, port: Int) {
        let place = FarEnds.place(target)
        #expect(place?.host == host)
        #expect(place?.port == port)
    }
}
