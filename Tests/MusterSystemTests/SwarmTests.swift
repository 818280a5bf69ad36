import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// A real coordinator and a swarm of simulated agents, some of them broken: what is told of each host is true.
    @Suite struct SwarmTests {
        private struct Planned: Decodable {
            var name: String
            var fault: String?
        }

        private struct Host: Decodable {
            var name: String
            var state: String
            var quarantine: String?
        }

        @Test(
            "hung, slow, crashing, lying and copied agents are told as what they are, with an alert for the last two"
        )
        func truth() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let directory = coordinator.directory
            let text = try coordinator.muster("token", "create", "--uses", "60")
            let token = try #require(text.split { $0.isWhitespace }.first { $0.hasPrefix("muster-join.") })
            try directory.write("swarm.token", Array(token.utf8))
            let faults = ["hung", "slow", "crash", "crash-midway", "oversize", "lying", "duplicate"]
            let swarm = try ChildProcess(
                [
                    try Programs.path("muster-swarm"), "--agents", "60", "--dir", directory.path("swarm"),
                    "--coordinator", "127.0.0.1:\(coordinator.agentsPort)",
                    "--token-file", directory.path("swarm.token"), "--plan", directory.path("plan.json"),
                    "--ramp", "0.2", "--seed", "7", "--honest-for", "30",
                ] + faults.flatMap { ["--fault", "\($0)=2"] },
                in: directory
            )
            let started = ContinuousClock.now
            defer { swarm.stop() }
            // Copies come two seconds later and are found out then.
            _ = try coordinator.wait(for: "the swarm") {
                let hosts = try self.hosts(coordinator)
                return hosts.count { $0.state == "connected" } == 58
                    && hosts.count { $0.state == "quarantined" } == 2
                    ? hosts : nil
            }
            let plan = try JSONDecoder().decode(
                [Planned].self,
                from: Data(TemporaryDirectory.read(directory.path("plan.json")).utf8)
            )
            // Their alert sets off questions of the coordinator's own; the liars begin when those are over.
            while ContinuousClock.now - started < .seconds(35) { usleep(200_000) }
            let start = ContinuousClock.now
            let answer = try coordinator.ask("logs", "--deadline", "5s").answer()
            #expect(ContinuousClock.now - start < .seconds(30))
            let told = Dictionary(uniqueKeysWithValues: answer.hosts.map { ($0.host.name, $0.outcome.kind) })
            for agent in plan {
                let expected: OutcomeKind =
                    switch agent.fault {
                    case "hung", "slow": .timeout
                    case "crash", "duplicate": .unreachable
                    case "crash-midway": .partial
                    case "oversize", "lying": .failed
                    default: .ok
                    }
                #expect(told[agent.name] == expected, "\(agent.name) with \(agent.fault ?? "no fault")")
            }
            let apart = plan.filter { $0.fault == "lying" || $0.fault == "duplicate" }.map(\.name).sorted()
            #expect(try hosts(coordinator).filter { $0.quarantine != nil }.map(\.name).sorted() == apart)
            let alerted = try coordinator.wait(for: "the alerts") {
                let alerts = try coordinator.incidents().flatMap { try coordinator.incident($0.id).alerts }
                let names = Set(
                    alerts.filter { $0.name == "Host in quarantine" }.compactMap { $0.labels["host"] }
                )
                return names.count >= apart.count ? names.sorted() : nil
            }
            #expect(alerted == apart)
            // Whoever looked at it lets it in again.
            _ = try coordinator.muster("agent", "release", apart[0])
            #expect(try hosts(coordinator).first { $0.name == apart[0] }?.quarantine == nil)
        }

        private func hosts(_ coordinator: RealCoordinator) throws -> [Host] {
            try JSONDecoder().decode([Host].self, from: Data(try coordinator.muster("fleet", "--json").utf8))
        }
    }
}
