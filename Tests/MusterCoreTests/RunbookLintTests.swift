import MusterCore
import MusterIncident
import Testing

@Suite struct RunbookLintTests {
    private func lint(_ text: String, declared: Set<Int>? = nil) throws -> [String] {
        RunbookLint.messages(
            for: try RunbookDocumentTests.read(text),
            file: "pool.yaml",
            signals: SignalCatalogue(),
            declared: declared
        ).map(\.description)
    }

    private let way = "rollback: { run: back }, requires_approval: true"
    private let check = "- { action: verify_resolution, check: \"Error ratio < 1%\" }"

    private func steps(_ steps: String...) -> String {
        "trigger: { alert: x }\nsteps:\n" + steps.map { "  \($0)\n" }.joined()
    }

    @Test("The runbook of the design asks for approval until a signature declares its step irreversible")
    func design() throws {
        let text = RunbookDocumentTests.pool
        let unsigned = try lint(text)
        #expect(unsigned.count == 1)
        #expect(unsigned.first?.hasPrefix("pool.yaml:8:5: warning: always asks for approval") == true)
        #expect(unsigned.first?.hasSuffix("no signature beside the file declares it irreversible") == true)
        let other = try lint(text, declared: [0])
        #expect(other.count == 1)
        #expect(
            other.first?.hasSuffix("the signature beside the file does not declare it irreversible") == true
        )
        #expect(try lint(text, declared: [1]).isEmpty)
    }

    @Test("A step with a way back or a reason has nothing to answer for")
    func sound() throws {
        #expect(try lint(steps("- { action: mitigate, run: x, \(way) }", check)).isEmpty)
        #expect(try lint(steps("- { action: mitigate, run: x, irreversible: it ends }", check)).isEmpty)
    }

    @Test("A stop condition that nothing measures would hold a rollout up until its plan lapses, and is told")
    func unmeasured() throws {
        let step = "- { action: mitigate, run: x, \(way), stop_when: Eror ratio > 20% }"
        let messages = try lint(steps(step, check))
        #expect(messages.count == 1)
        #expect(messages.first?.contains("no signal is called \"Eror ratio\"") == true)
        #expect(try lint(steps(step.replacing("Eror", with: "Error"), check)).isEmpty)
    }

    @Test("A step that says it needs no approval needs a signature beside the file")
    func unsigned() throws {
        let step = "- { action: mitigate, run: x, rollback: { run: back }, requires_approval: false }"
        let messages = try lint(steps(step, check))
        #expect(messages.count == 1)
        #expect(messages.first?.contains("nobody has signed the file") == true)
        #expect(try lint(steps(step, check), declared: []).isEmpty)
    }

    @Test("A mitigation that nothing verifies later is told, one with a check before it too")
    func unverified() throws {
        let step = "- { action: mitigate, run: x, \(way) }"
        for text in [steps(step), steps(check, step)] {
            let messages = try lint(text)
            #expect(messages.count == 1)
            #expect(messages.first?.contains("no verify_resolution follows") == true)
        }
    }

    @Test("Names that nobody fills in are told, in messages and parameters")
    func names() throws {
        let message = try lint(steps("- { action: notify, message: \"{count} on {hosts}, {who}\" }"))
        #expect(message.count == 1)
        #expect(message.first?.contains("nothing is called {who}; it stays in the message") == true)
        let forward = "with: { to: \"{change.before}\", by: \"{count}\" }"
        let back = "rollback: { run: back, with: { to: \"{now}\" } }"
        let parameters = try lint(steps("- { action: mitigate, run: x, \(forward), \(back) }", check))
        #expect(parameters.count == 2)
        #expect(parameters.first?.contains("nothing is called {count}; known are {change.after}, ") == true)
        #expect(parameters.last?.contains("nothing is called {now}") == true)
    }

    @Test("A signal that is not in the catalogue is told, with those that are")
    func signal() throws {
        let messages = try lint(steps("- { action: verify_hypothesis, check: \"Disk full > 1%\" }"))
        #expect(
            messages == [
                "pool.yaml:3:5: warning: no signal is called \"Disk full\"; known are "
                    + "CPU busy, Connection pool utilization, Error ratio, Latency p99"
            ]
        )
    }
}
