import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// Certificates, keys and authorities as they live and end, with real agents and a real coordinator.
    @Suite struct IdentityLifeTests {
        private struct Host: Decodable {
            var name: String
            var state: String
            var quarantine: String?
        }

        @Test(
            "a certificate is renewed in time; a host that was away too long gets a new one without joining again"
        )
        func renewal() throws {
            let coordinator = try RealCoordinator(settings: ["certificate_life: 30s"])
            try coordinator.start()
            let steady = try RealAgent("steady", of: coordinator)
            let away = try RealAgent("away", of: coordinator)
            let started = ContinuousClock.now
            try steady.start()
            try away.start()
            away.stop()
            try steady.waitForLog("renewed certificate confirmed", within: .seconds(60))
            // Not before a third of its life is left, and well before its end.
            #expect(ContinuousClock.now - started > .seconds(10))
            // A candidate that it got and never tried is as old as the rest.
            for name in ["agent.crt", "ca.crt"] {
                try Programs.run(
                    ["/bin/cp", "\(away.state)/\(name)", "\(away.state)/\(name).candidate"],
                    in: coordinator.directory
                )
            }
            while ContinuousClock.now - started < .seconds(33) { usleep(100_000) }
            try away.start()
            #expect(away.log.contains("asking for a new certificate"))
            try away.waitForLog("renewed certificate confirmed")
            #expect(try states(coordinator) == ["away": "connected", "steady": "connected"])
        }

        @Test("a revoked host is cut off within a second and does not come back")
        func revocation() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agent = try RealAgent("web-1", of: coordinator)
            try agent.start()
            _ = try coordinator.muster("agent", "revoke", "web-1", "--reason", "stolen")
            let told = ContinuousClock.now
            try agent.waitForLog("this host was revoked", within: .seconds(10))
            #expect(ContinuousClock.now - told < .seconds(1))
            #expect(try states(coordinator) == ["web-1": "revoked"])
            let connections = agent.log.components(of: "link up")
            // It stays away by itself, and a new start does not help it.
            usleep(2_500_000)
            #expect(agent.log.components(of: "link up") == connections)
            agent.stop()
            try agent.launch()
            try agent.waitForLog("this host was revoked")
            #expect(!agent.log.contains("link up"))
        }

        @Test(
            "a copied identity is found out: both connections are cut, an alert is raised, and a release lets one back in"
        )
        func clone() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agent = try RealAgent("db-1", of: coordinator)
            try agent.start()
            let copy = coordinator.directory.path("copy.state")
            try Programs.run(["/bin/cp", "-a", agent.state, copy], in: coordinator.directory)
            let thief = try ChildProcess(
                [try Programs.path("muster-agent"), "run", "--config", agent.configuration, "--state", copy],
                in: coordinator.directory
            )
            defer { thief.stop() }
            try agent.waitForLog("two hosts use its identity")
            _ = try thief.waitForOutput("two hosts use its identity")
            #expect(try hosts(coordinator).first?.quarantine?.contains("its key was copied") == true)
            _ = try coordinator.wait(for: "the alert") {
                try coordinator.incidents().contains { incident in
                    try coordinator.incident(incident.id).alerts.contains { $0.name == "Host in quarantine" }
                } ? true : nil
            }
            thief.stop()
            _ = try coordinator.muster("agent", "release", "db-1")
            // A host that was refused tries again after a minute; a person who released it starts it anew.
            agent.stop()
            try agent.start()
            #expect(try states(coordinator) == ["db-1": "connected"])
        }

        @Test("a connection that was cut without a word is replaced by the next one, and that is no clone")
        func restartOfAnAgent() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agent = try RealAgent("web-1", of: coordinator)
            try agent.start()
            for _ in 0..<3 {
                agent.signal(SIGKILL)
                agent.stop()
                try agent.start()
            }
            #expect(try states(coordinator) == ["web-1": "connected"])
            #expect(try coordinator.incidents().isEmpty)
        }

        @Test("the authority is replaced under running agents, and nobody has to join again")
        func authority() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agents = [try RealAgent("web-1", of: coordinator), try RealAgent("web-2", of: coordinator)]
            for agent in agents { try agent.start() }
            let program = try Programs.path("muster-coordinator")
            let place = ["--config", coordinator.directory.path("etc")]
            try Programs.run([program, "authority", "rotate"] + place, in: coordinator.directory)
            let next = coordinator.directory.path("state/next-ca.pem")
            try coordinator.trustAlso(next)
            for agent in agents {
                try agent.waitForLog("renewed certificate confirmed", within: .seconds(90))
            }
            // What it knows of hosts is in the record a few seconds later.
            _ = try coordinator.wait(for: "all hosts to have renewed") {
                try Programs.run([program, "authority", "status"] + place, in: coordinator.directory)
                    .contains("all hosts have renewed") ? true : nil
            }
            try Programs.run([program, "authority", "finish"] + place, in: coordinator.directory)
            try coordinator.waitForLog("keys and certificates read again", count: 2)
            // Also after a restart of everybody: the old authority is gone from the coordinator.
            try coordinator.kill()
            try coordinator.start()
            for agent in agents {
                agent.stop()
                try agent.start()
            }
            #expect(try states(coordinator) == ["web-1": "connected", "web-2": "connected"])
            #expect(access(next, F_OK) != 0)
        }

        @Test("a key that others can read is not used")
        func keyMode() throws {
            let coordinator = try RealCoordinator()
            chmod(coordinator.directory.path("state/ca.key"), 0o644)
            let failed = try ChildProcess(
                [
                    try Programs.path("muster-coordinator"), "serve", "--config",
                    coordinator.directory.path("etc"),
                ],
                in: coordinator.directory
            )
            #expect(try failed.waitForExit() == 1)
            #expect(failed.output.contains("ca.key can be read by others: chmod 600 it"))
        }

        private func hosts(_ coordinator: RealCoordinator) throws -> [Host] {
            try JSONDecoder().decode([Host].self, from: Data(try coordinator.muster("fleet", "--json").utf8))
        }

        private func states(_ coordinator: RealCoordinator) throws -> [String: String] {
            Dictionary(uniqueKeysWithValues: try hosts(coordinator).map { ($0.name, $0.state) })
        }
    }
}

extension String {
    /// How often the text occurs.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
