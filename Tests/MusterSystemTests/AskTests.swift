import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// Questions of an operator to real hosts, of which one hangs.
    @Suite struct AskTests {
        @Test("Ctrl-C ends a question with what has come; --who lists who is missing; --limit asks a sample")
        func askingAndStopping() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            let agents = try ["hangs", "well-1", "well-2"].map { try RealAgent($0, of: coordinator) }
            for agent in agents { try agent.start() }
            agents[0].signal(SIGSTOP)
            defer { agents[0].signal(SIGCONT) }

            let asked = try coordinator.ask("facts", "--deadline", "40s")
            usleep(1_500_000)
            let stopped = ContinuousClock.now
            kill(asked.child.pid, SIGINT)
            let answer = try asked.answer()
            #expect(ContinuousClock.now - stopped < .seconds(5))
            #expect(try asked.child.waitForExit() == 2, "only some have answered")
            #expect(answer.coverage.summary == "answered 2/3, 1 timeout")
            #expect(
                answer.hosts.first { $0.host.name == "hangs" }?.outcome.reason == "the asker stopped waiting"
            )

            let missing = try coordinator.outputOfAsk("facts", "--who", "missing", "--deadline", "1s")
            #expect(missing == "hangs timeout: no answer within 1 s\nanswered 2/3, 1 timeout\n")

            let sample = try coordinator.ask("facts", "--on", "host=well-*", "--limit", "50%").answer()
            #expect(sample.coverage.asked == 1 && sample.population == 2)
        }

        @Test("the map shows who opens connections to whom, with both ends named")
        func map() throws {
            let coordinator = try RealCoordinator(settings: ["map_interval: 10s"])
            try coordinator.start()
            let agent = try RealAgent("web-1", of: coordinator)
            try agent.start()
            // The agent itself has a connection: to the coordinator, on the same host.
            let edge = try coordinator.wait(for: "the edge", within: .seconds(20)) {
                let text = try coordinator.muster("fleet", "map", "--json")
                return try JSONDecoder().decode(ServiceMapView.self, from: Data(text.utf8)).edges.first {
                    $0.port == coordinator.agentsPort
                }
            }
            #expect(edge.hostsFrom == 1 && edge.hostsTo == 1 && edge.connections >= 1)
            let around = try coordinator.muster("fleet", "map", "--service", edge.to, "--depth", "1")
            #expect(around.contains(edge.from) && around.contains("connections of 1 of 1 host are known"))
        }
    }
}
