import MusterCore
import MusterYAML
import Testing

@Suite struct RunbookDocumentTests {
    /// The runbook that the design promises to load and run as it stands.
    static let pool = """
        trigger:
          alert: "PostgreSQL connection pool > 90%"
          confidence: high
        steps:
          - action: verify_hypothesis
            check: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'"
            threshold: "> max_connections * 0.8"
          - action: mitigate
            command: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND \
        query_start < now() - interval '10 minutes'"
            requires_approval: false # Pre-approved for this runbook
          - action: verify_resolution
            check: "Connection pool utilization < 60%"
            timeout: 5m
          - action: notify
            message: "Connection pool exhaustion resolved. Terminated {count} idle connections."

        """

    static func read(_ text: String, name: String = "pool.yaml") throws -> Runbook {
        try Runbook(document: YAMLReader.read(Array(text.utf8), name: name))
    }

    @Test("The runbook of the design loads as it stands, with exactly its steps")
    func design() throws {
        let runbook = try Self.read(Self.pool)
        #expect(runbook.name == "pool")
        #expect(
            runbook.trigger
                == RunbookTrigger(alert: "PostgreSQL connection pool > 90%", cause: nil, confidence: .high)
        )
        let actions: [RunbookStep.Action] = [
            .verifyHypothesis(
                .sql(
                    statement: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'",
                    target: "",
                    condition: Condition(
                        comparison: .greater,
                        right: .operation(.times, .name("max_connections"), .number(0.8)),
                        text: "> max_connections * 0.8"
                    )
                )
            ),
            .mitigate(
                RunbookMitigation(
                    action: .sql(
                        statement: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            + "WHERE state = 'idle' AND query_start < now() - interval '10 minutes'",
                        target: ""
                    ),
                    hosts: .database,
                    rollback: nil,
                    irreversible: nil,
                    requiresApproval: false
                )
            ),
            .verifyResolution(
                .signal(
                    name: "Connection pool utilization",
                    condition: Condition(comparison: .less, right: .share(0.6), text: "< 60%")
                ),
                timeout: .seconds(300)
            ),
            .notify(
                message: "Connection pool exhaustion resolved. Terminated {count} idle connections."
            ),
        ]
        #expect(runbook.steps.map(\.action) == actions)
        #expect(runbook.steps.map(\.position.line) == [5, 8, 11, 14])
        #expect(runbook.steps.allSatisfy { $0.position.column == 5 })
        #expect(
            runbook.steps.map(\.word) == ["verify_hypothesis", "mitigate", "verify_resolution", "notify"]
        )
    }

    @Test("A mitigation by a command keeps its parameters, hosts and way back")
    func command() throws {
        let runbook = try Self.read(
            """
            name: bad deploy
            trigger: { cause: bad-deploy }
            steps:
              - action: mitigate
                run: rollback_shop
                with: { to: "{change.before}", wait: 5 }
                rollback: { run: deploy_shop, with: { to: "{change.after}" } }
              - action: mitigate
                command: UPDATE flags SET on = false
                target: orders
                rollback: UPDATE flags SET on = true
                hosts: role=db
              - action: verify_resolution
                check: Error ratio <1%
            """
        )
        #expect(runbook.name == "bad deploy")
        #expect(
            runbook.trigger == RunbookTrigger(alert: nil, cause: .badDeploy, confidence: .high)
        )
        let first = RunbookMitigation(
            action: .command(name: "rollback_shop", parameters: ["to": "{change.before}", "wait": "5"]),
            hosts: .culprit,
            rollback: .command(name: "deploy_shop", parameters: ["to": "{change.after}"]),
            irreversible: nil,
            requiresApproval: true
        )
        let second = RunbookMitigation(
            action: .sql(statement: "UPDATE flags SET on = false", target: "orders"),
            hosts: .selector("role=db"),
            rollback: .sql(statement: "UPDATE flags SET on = true", target: "orders"),
            irreversible: nil,
            requiresApproval: true
        )
        #expect(runbook.steps.compactMap(\.mitigation) == [first, second])
        let condition = Condition(comparison: .less, right: .share(0.01), text: "<1%")
        #expect(
            runbook.steps.last?.action
                == .verifyResolution(
                    .signal(name: "Error ratio", condition: condition),
                    timeout: .seconds(300)
                )
        )
    }

    @Test("A mitigation says what each host looks at by itself")
    func verification() throws {
        func verification(_ verify: String) throws -> HostVerification? {
            let step = "  - { action: mitigate, run: restart, rollback: { run: start }, verify: \(verify) }"
            return try Self.read("trigger: { alert: x }\nsteps:\n\(step)").steps[0].mitigation?.verification
        }
        #expect(
            try verification("{ run: healthy, with: { port: 80 }, within: 30s }")
                == HostVerification(
                    check: .command(name: "healthy", parameters: ["port": "80"]),
                    within: .seconds(30)
                )
        )
        let found = try verification("{ check: SELECT 1, threshold: \"< 5\", target: orders }")
        guard case .sql("SELECT 1", "orders", let condition)? = found?.check else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(condition.text == "< 5")
        #expect(found?.within == .seconds(60))
    }

    @Test("A mitigation says how it spreads, and keeps the usual where it says nothing")
    func rollout() throws {
        func rollout(_ lines: String) throws -> RunbookRollout? {
            let step = "  - { action: mitigate, run: restart, irreversible: x\(lines) }"
            return try Self.read("trigger: { alert: x }\nsteps:\n\(step)").steps[0].mitigation?.rollout
        }
        #expect(try rollout("") == nil)
        var expected = RunbookRollout()
        expected.errorBudget = 2
        #expect(try rollout(", error_budget: 2") == expected)
        expected.waves = [.hosts(2), .percent(12.5), .percent(100)]
        expected.soak = .seconds(60)
        expected.shareMax = 0.5
        let condition = Condition(comparison: .greater, right: .share(0.2), text: ">20%")
        expected.stopWhen = .signal(name: "Error ratio", condition: condition)
        let all = "waves: [2, 12.5%, 100%], soak: 1m, error_budget: 2, at_once: 50%"
        #expect(try rollout(", \(all), stop_when: Error ratio >20%") == expected)
    }

    @Test(
        "Without a name of its own a runbook has the file's, without folders and ending",
        arguments: [
            ("pool.yaml", "pool"), ("/etc/muster/runbooks/a.b.yaml", "a.b"), ("pool.yml", "pool.yml"),
        ]
    )
    func name(file: String, name: String) throws {
        let text = "trigger: { alert: x }\nsteps: [{ action: notify, message: x }]"
        #expect(try Self.read(text, name: file).name == name)
    }

    @Test("A planned action is the step's own whatever its templates became, and nothing else")
    func permits() {
        let step = RunbookAction.command(name: "deploy", parameters: ["to": "{change.before}", "wait": "5"])
        #expect(step.permits(.command(name: "deploy", parameters: ["to": "4520", "wait": "5"])))
        #expect(!step.permits(.command(name: "deploy", parameters: ["to": "4520", "wait": "6"])))
        #expect(!step.permits(.command(name: "deploy", parameters: ["to": "4520"])))
        #expect(!step.permits(.command(name: "reboot", parameters: ["to": "4520", "wait": "5"])))
        #expect(!step.permits(.sql(target: "", statement: "deploy")))
        let only = RunbookAction.sql(statement: "SELECT 1", target: "")
        #expect(only.permits(.sql(target: "", statement: "SELECT 1")))
        #expect(!only.permits(.sql(target: "", statement: "SELECT 1;")))
        // Whoever signed for the only target has not signed for each of several.
        #expect(!only.permits(.sql(target: "orders", statement: "SELECT 1")))
        let somewhere = RunbookAction.sql(statement: "SELECT 1", target: "orders")
        #expect(!somewhere.permits(.sql(target: "billing", statement: "SELECT 1")))
    }
}
