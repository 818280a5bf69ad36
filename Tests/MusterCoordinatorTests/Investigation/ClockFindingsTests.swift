import MusterCause
import MusterCore
import Testing

@testable import MusterCoordinator

/// Clocks that are off by so much that it hurts, and only those.
@Suite struct ClockFindingsTests {
    private typealias Samples = DependencySamples

    /// Hosts with their leads in seconds; each of them answered unless it is in `silent`.
    private func findings(
        _ leads: [(name: String, lead: Double)],
        since: Timestamp? = Samples.now - .seconds(30),
        silent: Set<String> = []
    ) -> [Finding] {
        let hosts = leads.map { name, lead in
            var host = Samples.fleetHost(name, address: "")
            host.skewMilliseconds = lead * 1000
            host.skewSince = since
            return host
        }
        return ClockFindings.findings(
            hosts,
            answered: Set(hosts.filter { !silent.contains($0.name) }.map(\.id)),
            coverage: Samples.coverage,
            at: Samples.now
        )
    }

    @Test(
        "A clock that is a minute and a half ahead is told with its host, its direction, its size and its moment"
    )
    func ahead() throws {
        let found = findings([("web-1", 0.01), ("web-2", 95.2), ("pay-1", -0.02)])
        let finding = try #require(found.first)
        #expect(found.count == 1)
        #expect(finding.suggests == .clockSkew)
        #expect(finding.kind == .resource)
        #expect(finding.hosts.map(\.name) == ["web-2"])
        #expect(
            finding.text.contains("the clock of web-2 is 95 s ahead of the others, since it was set after")
        )
        #expect(finding.onset == Samples.now - .seconds(30))
    }

    @Test("Half a second, or a few, is nothing", arguments: [0.3, -0.5, 4, -9.5])
    func small(lead: Double) {
        #expect(findings([("web-1", 0), ("web-2", lead), ("pay-1", 0)]).isEmpty)
    }

    @Test("The further off the worse, and a moment tells more than none")
    func effect() throws {
        let effects = try [11, 60, 300, 4_000, 1e9].map { lead in
            try #require(findings([("web-1", 0), ("web-2", lead), ("pay-1", 0)]).first).effect
        }
        #expect(effects == effects.sorted())
        #expect(effects[0] < 0.45 && effects[2] == 1 && effects[4] == 1)
        let unknown = try #require(
            findings([("web-1", 0), ("web-2", 60), ("pay-1", 0)], since: nil).first
        )
        #expect(unknown.effect < effects[1])
        #expect(unknown.text.contains("since when is not known"))
    }

    @Test("When all hosts are off alike it is the coordinator's clock, and no host's")
    func coordinator() {
        #expect(findings([("web-1", 95), ("web-2", 95.1), ("pay-1", 94.9)]).isEmpty)
        let found = findings([("web-1", 95), ("web-2", 0), ("pay-1", 94.9)])
        #expect(found.map { $0.hosts.map(\.name) } == [["web-2"]])
        #expect(found.first?.text.contains("behind the others") == true)
    }

    @Test("Those ahead and those behind are two findings; who did not answer is not told of")
    func both() {
        let leads = [
            ("a", 0.0), ("b", 0), ("c", 0), ("d", 0), ("e", 40), ("f", 90), ("g", -70), ("h", -600),
        ]
        let found = findings(leads, silent: ["h"])
        #expect(found.map { $0.hosts.map(\.name) } == [["e", "f"], ["g"]])
        #expect(found.first?.text.contains("the clocks of e, f are up to 90 s ahead") == true)
    }
}
