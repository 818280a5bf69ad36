import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

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
        #expect(answer.hosts.first { $0.host.name == "hangs" }?.outcome.reason == "the asker stopped waiting")

        let missing = try coordinator.outputOfAsk("facts", "--who", "missing", "--deadline", "1s")
        #expect(missing == "hangs timeout: no answer within 1 s\nanswered 2/3, 1 timeout\n")

        let sample = try coordinator.ask("facts", "--on", "host=well-*", "--limit", "50%").answer()
        #expect(sample.coverage.asked == 1 && sample.population == 2)
    }
}
