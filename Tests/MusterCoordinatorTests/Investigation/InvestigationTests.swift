import GRDB
import MusterCause
import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

/// What a round asks, whom, and what follows from the answers.
@Suite struct InvestigationTests {
    private static let start = Timestamp(nanoseconds: 1_795_400_000_000_000_000)
    private static let onset = start - .seconds(60)

    private static func host(_ name: String, _ address: String, runs service: String = "") -> FleetHost {
        var host = ScriptedFleet.host(name)
        host.address = address
        if !service.isEmpty { host.services = [ServiceVersion(name: service, version: "1")] }
        return host
    }

    /// A service that serves 10 requests a second; `share` of them fail since the onset.
    private static func requests(_ service: String, _ window: TimeWindow, failing share: Double) -> Answer {
        var endpoint = EndpointRequests(service: service, method: "POST", path: "/\(service)")
        let bad = max(0, (window.to - max(window.from, onset)).inSeconds)
        endpoint.count = Int((window.to - window.from).inSeconds * 10)
        endpoint.errors = Int(bad * 10 * share)
        endpoint.latency.add(10, times: endpoint.count)
        var answer = RequestsAnswer()
        answer.endpoints = [endpoint]
        answer.covered = window
        return .requests(answer)
    }

    private static func check(_ name: String, _ kind: String, _ target: String) -> Answer {
        var check = DependencyCheck(name: name, kind: kind, target: target)
        (check.healthy, check.services) = (true, ["shop"])
        var answer = DependenciesAnswer()
        answer.checks = [check]
        return .dependencies(answer)
    }

    private static func empty(_ probe: Probe) -> Answer {
        switch probe {
        case .changes: .changes(ChangesAnswer())
        case .logs: .logs(LogsAnswer())
        case .metrics: .metrics(MetricsAnswer())
        case .sockets: .sockets(SocketsAnswer())
        case .processes: .processes(ProcessesAnswer())
        case .requests: .requests(RequestsAnswer())
        case .facts: .facts(FactsAnswer())
        default: .dependencies(DependenciesAnswer())
        }
    }

    /// The record of an incident as triage leaves it.
    private static func opened(_ fleet: ScriptedFleet, _ triage: Triage) async -> Incident {
        let id = IncidentID(at: start)
        var incident = Incident(id: id)
        func apply(_ body: IncidentEvent) {
            let stored = StoredEvent(
                id: EventID(at: start),
                incident: id,
                v: 1,
                seq: incident.sequence + 1,
                prevHash: .zero,
                hash: .zero,
                at: start,
                body: body
            )
            let isNext = incident.apply(stored)
            #expect(isNext)
        }
        let alert = Alert(
            source: "test",
            fingerprint: "1",
            name: "errors",
            status: .firing,
            starts: onset,
            ends: nil,
            labels: [:],
            annotations: [:]
        )
        apply(.alertReceived(alert: alert, intake: 1))
        apply(.opened(title: "checkouts fail", service: "shop", severity: "", owner: nil))
        let result = await triage.collect(incident)
        apply(.contextCollected(context: result.context))
        for finding in result.findings { apply(.findingMade(finding: finding)) }
        return incident
    }

    private static func investigate(
        _ fleet: ScriptedFleet,
        map: ServiceMapLookup = .empty
    ) async throws -> Investigation.Result {
        let triage = Triage(
            fleet: fleet,
            changes: ChangeStore(database: try DatabaseQueue()),
            changeWindow: .seconds(3600),
            now: { start }
        )
        let incident = await opened(fleet, triage)
        let investigation = Investigation(fleet: fleet, triage: triage, now: { start }, map: map)
        let knowledge = RankingInput.Knowledge(alertIsKnown: false, causes: [])
        return await investigation.run(incident, round: 1, knowledge: knowledge)
    }

    /// A shop that fails because what it needs, on another host, fails by itself.
    private static func shop(others: Int = 0, calleeFails share: Double) -> ScriptedFleet {
        let shop = host("web-1", "10.0.0.1", runs: "shop")
        let pay = host("pay-1", "10.0.0.2", runs: "payments")
        let rest = (0..<others).map { host("other-\($0)", "10.1.\($0 / 250).\($0 % 250)") }
        return ScriptedFleet([shop, pay] + rest) { host, probe in
            switch (host.name, probe) {
            case ("web-1", .requests(let window, _, _, _)): return requests("shop", window, failing: 0.4)
            case ("pay-1", .requests(let window, _, _, _)):
                return requests("payments", window, failing: share)
            case ("web-1", .dependencies): return check("pay", "http", "http://10.0.0.2:9090/healthz")
            default: return empty(probe)
            }
        }
    }

    @Test("A callee that fails by itself explains its caller, though its health check is well")
    func callee() async throws {
        let result = try await Self.investigate(Self.shop(calleeFails: 0.4))
        #expect(result.inquiry.calls == [ServiceCall(caller: "shop", callee: "payments")])
        #expect(result.inquiry.looked == ["shop", "payments"])
        let first = try #require(result.ranking.hypotheses.first)
        #expect(first.kind == .defect && first.service == "payments")
        #expect(first.hosts.map(\.name) == ["pay-1"])
        #expect(result.ranking.verdict == .likely)
        #expect(result.inquiry.uncertaintyAfter < result.inquiry.uncertaintyBefore / 2)
    }

    @Test("When what it calls was seen to be well it is the service itself")
    func caller() async throws {
        let result = try await Self.investigate(Self.shop(calleeFails: 0))
        let first = try #require(result.ranking.hypotheses.first)
        #expect(first.kind == .defect && first.service == "shop")
        #expect(first.hosts.map(\.name) == ["web-1"])
    }

    @Test("Calls of the map count as those of checks do")
    func mapped() async throws {
        var map = ServiceMapLookup()
        map.dependencies = { _ in [Self.host("pay-1", "").id] }
        map.calls = { _ in [ServiceCall(caller: "shop", callee: "unseen")] }
        let result = try await Self.investigate(Self.shop(calleeFails: 0), map: map)
        #expect(result.inquiry.calls.contains(ServiceCall(caller: "shop", callee: "unseen")))
        // What it needs besides could not be seen: that it fails tells nothing about where.
        #expect(!result.ranking.hypotheses.contains { $0.service == "shop" && $0.kind == .defect })
    }

    @Test(
        "What the service depends on is asked before the rest of the fleet, which is left alone when all is plain"
    )
    func order() async throws {
        let fleet = Self.shop(others: 400, calleeFails: 0.4)
        let result = try await Self.investigate(fleet)
        let purposes = result.inquiry.asked.map(\.purpose)
        let related = purposes.lastIndex { $0.contains("depends on") }
        let rest = purposes.firstIndex { $0.contains("rest") }
        #expect(try #require(related) < rest ?? .max)
        #expect(result.inquiry.stop == .notWorthIt)
        #expect(!result.inquiry.left.isEmpty)
        let asked = fleet.questions.filter { $0.hosts.count > 100 }.count
        #expect(asked < 5, "the rest was asked \(asked) questions")
        #expect(result.ranking.hypotheses.first?.service == "payments")
    }

    @Test("A service that listened lately and is gone is found, though nothing was asked of it before")
    func gone() async throws {
        var map = ServiceMapLookup()
        map.listeners = { _ in [KnownListener(port: 8080, name: "shop", last: Self.onset)] }
        let fleet = ScriptedFleet([Self.host("web-1", "10.0.0.1", runs: "shop")]) { _, probe in
            Self.empty(probe)
        }
        let result = try await Self.investigate(fleet, map: map)
        let first = try #require(result.ranking.hypotheses.first)
        #expect(first.kind == .dependencyDown && first.hosts.map(\.name) == ["web-1"])
        #expect(first.cause.contains("nothing listens on port 8080"))
    }

    @Test("No host is asked the same twice in a round")
    func once() async throws {
        let fleet = Self.shop(others: 3, calleeFails: 0)
        let before = fleet.questions.count
        let result = try await Self.investigate(fleet)
        #expect(before == 0 && !result.inquiry.asked.isEmpty)
        var seen: [String: [AgentID]] = [:]
        for (probe, hosts) in fleet.questions {
            if case .requests = probe { continue }
            seen[probe.name, default: []] += hosts
        }
        for (name, hosts) in seen { #expect(Set(hosts).count == hosts.count, "\(name)") }
    }
}
