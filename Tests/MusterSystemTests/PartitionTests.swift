import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// What is told of hosts when the network, an agent or the coordinator goes away in the middle of a question.
    @Suite struct PartitionTests {
        private struct Host: Decodable {
            var name: String
            var state: String
            var quarantine: String?
        }

        @Test(
            "behind a cut cable a host is a timeout, then unreachable within two heartbeats, and answers after healing",
            .enabled(if: TestNetwork.isPossible, "network namespaces need root")
        )
        func partition() throws {
            let scene = try Scene(settings: ["heartbeat: 2s"])
            try scene.network.cut()
            let cut = ContinuousClock.now
            // The connection looks as if nothing had happened: only the deadline tells.
            let during = try scene.ask("2s")
            #expect(during["far"] == "timeout: no answer within 2 s")
            #expect(during["near"] == "ok")
            let gone = try scene.coordinator.wait(for: "the host to be gone", within: .seconds(10)) {
                try scene.states()["far"] == "disconnected" ? ContinuousClock.now : nil
            }
            #expect(gone - cut < .seconds(6), "two heartbeats of 2 s, and what it takes to look")
            let after = try scene.ask("2s")
            #expect(after["far"]?.hasPrefix("unreachable: not connected, last heard 20") == true, "\(after)")
            #expect(after["near"] == "ok")
            try scene.network.heal()
            _ = try scene.coordinator.wait(for: "the host to be back", within: .seconds(30)) {
                try scene.states()["far"] == "connected" ? true : nil
            }
            #expect(try scene.ask("5s") == ["far": "ok", "near": "ok"])
            // What it recorded meanwhile is there: metrics of every ten seconds that it was alone.
            let answer = try scene.coordinator.ask("metrics", "--on", "host=far", "--since", "1m").answer()
            #expect(answer.coverage.count(.ok) == 1)
            guard case .metrics(let rows) = answer.merged else { throw SetupFailure("no metrics") }
            #expect(!rows.rows.isEmpty)
        }

        @Test(
            "an agent that starts anew while its old connection is half open takes its place, and that is no clone",
            .enabled(if: TestNetwork.isPossible, "network namespaces need root")
        )
        func halfOpen() throws {
            // With the usual heartbeat the old connection would be found out only after half a minute.
            let scene = try Scene()
            try scene.network.cut()
            scene.far.signal(SIGKILL)
            scene.far.stop()
            try scene.network.heal()
            let started = ContinuousClock.now
            try scene.far.start()
            #expect(ContinuousClock.now - started < .seconds(8))
            #expect(try scene.ask("5s") == ["far": "ok", "near": "ok"])
            let states = try scene.states()
            #expect(states == ["far": "connected", "near": "connected"])
            #expect(try scene.coordinator.incidents().isEmpty)
        }

        @Test("an agent that dies while it is asked is unreachable at once, and one that hangs a timeout")
        func deathOfAnAgent() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agents = try ["dies", "hangs", "well"].map { try RealAgent($0, of: coordinator) }
            for agent in agents { try agent.start() }
            agents[0].signal(SIGSTOP)
            agents[1].signal(SIGSTOP)
            defer { agents[1].signal(SIGCONT) }
            let started = ContinuousClock.now
            let asked = try coordinator.ask("facts", "--deadline", "4s")
            usleep(1_000_000)
            agents[0].signal(SIGKILL)
            let outcomes = Scene.outcomes(try asked.answer())
            #expect(ContinuousClock.now - started < .seconds(6))
            #expect(outcomes["dies"]?.hasPrefix("unreachable: connection lost: ") == true, "\(outcomes)")
            #expect(outcomes["hangs"] == "timeout: no answer within 4 s")
            #expect(outcomes["well"] == "ok")
        }

        @Test(
            "a coordinator that is killed in the middle of a question says so to the asker, and everybody comes back"
        )
        func deathOfTheCoordinator() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agents = try ["hangs", "well"].map { try RealAgent($0, of: coordinator) }
            for agent in agents { try agent.start() }
            agents[0].signal(SIGSTOP)
            let asked = try coordinator.ask("facts", "--deadline", "20s")
            usleep(1_000_000)
            try coordinator.kill()
            #expect(try asked.child.waitForExit(within: .seconds(10)) == 69)
            #expect(asked.child.output.contains("coordinator"))
            try coordinator.start()
            agents[0].signal(SIGCONT)
            _ = try coordinator.wait(for: "both to be back", within: .seconds(30)) {
                Scene.outcomes(try coordinator.ask("facts").answer()) == ["hangs": "ok", "well": "ok"]
                    ? true : nil
            }
        }

        @Test(
            "a coordinator that is told to stop gives the question an end: who has answered, and who was cut off by the stop"
        )
        func restartOfTheCoordinator() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agents = try ["hangs", "well"].map { try RealAgent($0, of: coordinator) }
            for agent in agents { try agent.start() }
            agents[0].signal(SIGSTOP)
            defer { agents[0].signal(SIGCONT) }
            let asked = try coordinator.ask("facts", "--deadline", "20s")
            usleep(1_000_000)
            let stopped = ContinuousClock.now
            coordinator.terminate()
            #expect(
                Scene.outcomes(try asked.answer()) == [
                    "hangs": "unreachable: connection lost: the coordinator stops", "well": "ok",
                ]
            )
            try coordinator.waitForExit()
            #expect(ContinuousClock.now - stopped < .seconds(5))
            try coordinator.start()
            try agents[1].waitForLog("coordinator is about to restart")
            _ = try coordinator.wait(for: "the host to be back", within: .seconds(30)) {
                Scene.outcomes(try coordinator.ask("facts", "--on", "host=well").answer()) == ["well": "ok"]
                    ? true : nil
            }
        }

        /// A coordinator with an agent beside it and one at the other end of a cable.
        private final class Scene {
            let network: TestNetwork
            let coordinator: RealCoordinator
            let near: RealAgent
            let far: RealAgent

            init(settings: [String] = []) throws {
                let directory = try TemporaryDirectory()
                network = try TestNetwork(in: directory)
                coordinator = try RealCoordinator(
                    agentsAddress: "0.0.0.0",
                    settings: settings,
                    prefix: TestNetwork.entering(network.coordinator)
                )
                try coordinator.start()
                near = try RealAgent(
                    "near",
                    of: coordinator,
                    prefix: TestNetwork.entering(network.coordinator)
                )
                far = try RealAgent(
                    "far",
                    of: coordinator,
                    at: "\(network.coordinatorAddress):\(coordinator.agentsPort)",
                    prefix: TestNetwork.entering(network.host)
                )
                try near.start()
                try far.start()
            }

            func ask(_ deadline: String) throws -> [String: String] {
                Self.outcomes(try coordinator.ask("facts", "--deadline", deadline).answer())
            }

            /// How the question ended on each host, with the reason.
            static func outcomes(_ answer: FleetAnswer) -> [String: String] {
                Dictionary(
                    uniqueKeysWithValues: answer.hosts.map { host in
                        let reason = host.outcome.reason.isEmpty ? "" : ": \(host.outcome.reason)"
                        return (host.host.name, host.outcome.kind.rawValue + reason)
                    }
                )
            }

            func states() throws -> [String: String] {
                let text = try coordinator.muster("fleet", "--json")
                let hosts = try JSONDecoder().decode([Host].self, from: Data(text.utf8))
                return Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, $0.state) })
            }
        }
    }
}
