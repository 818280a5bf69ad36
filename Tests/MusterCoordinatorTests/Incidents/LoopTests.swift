import MusterCore
import MusterIdentity
import MusterIncident
import MusterTesting
import Testing

@testable import MusterCoordinator

@Suite struct LoopTests {
    @Test func alertBecomesContextHypothesisActionAndPostMortem() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        let first = try #require(waiting.ranking?.hypotheses.first)
        #expect(first.kind == .badDeploy)
        #expect(first.hosts.map(\.name) == ["web-2"])
        #expect(waiting.contextLines.contains { $0.contains("deploy #4521 by sarah") })
        // Told by the hosts just now: one has another release, both have the same configuration.
        let differences = waiting.findings.filter { $0.kind == .difference }.map(\.subject)
        #expect(differences == ["version of shop"])
        #expect(waiting.actions.isEmpty)
        #expect(harness.world.executions.isEmpty)

        let plan = try #require(waiting.pendingPlans.first)
        #expect(plan.plan.action == .command(name: "rollback_release", parameters: ["to": "4520"]))
        #expect(plan.plan.targets.map(\.name) == ["web-2"])
        try await harness.approve(id)
        let done = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        #expect(done.summary.status == .resolved)
        #expect(done.actions.map(\.report.state) == [.committed])
        #expect(harness.world.executions == ["web-2": 1])
        let text = try #require(await harness.service.postMortem(id))
        #expect(text.contains("requests to GET /api/checkout failed"))
        #expect(text.contains("EUR"))
        await harness.kill()
        #expect(try await harness.store.verify(id).holds)
    }

    @Test func actionThatDoesNotHelpIsTakenBackAndPeopleAreCalled() async throws {
        let harness = try LoopHarness()
        harness.world.makeRollbackUseless()
        harness.run()
        let id = try await harness.alert()
        try await harness.approve(id)
        let end = try await harness.wait(for: "the escalation", id) { detail in
            detail.timeline.contains { $0.kind == .escalated }
                && detail.actions.allSatisfy { $0.report.state.isFinal }
        }
        #expect(end.actions.map(\.report.state) == [.rolledBack])
        #expect(end.summary.status != .resolved)
        #expect(harness.world.executions == ["web-2": 1])
        await harness.kill()
    }

    @Test("What a host would refuse is said before anybody is asked, and it sets how many have to approve")
    func dryRun() async throws {
        let harness = try LoopHarness()
        var trial = PlanTrial()
        (trial.refusal, trial.approvals) = ("action \"rollback_release\" is not in this host's policy", 2)
        harness.world.answerDryRuns(trial)
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        #expect(waiting.doubts.contains("the runbook asks for approval of this step"))
        let plan = try #require(waiting.pendingPlans.first)
        #expect(plan.plan.approvalsNeeded == 2)
        let trials = try #require(waiting.rollouts?.first?.trials)
        #expect(trials == [PlanTrialGroup(trial: trial, hosts: plan.plan.targets)])
        #expect(await harness.service.dryRun(plan) == trials)
        #expect(harness.world.executions.isEmpty)
        await harness.kill()
    }

    @Test func rejectedPlanNeverRuns() async throws {
        let harness = try LoopHarness()
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        let plan = try #require(waiting.pendingPlans.first)
        try await harness.service.reject(plan.id, of: id, reason: "not now", by: "dana")
        await #expect(throws: OperationError.self) { try await harness.approve(id, plan.id) }
        _ = try await harness.wait(for: "the end of the step", id) { detail in
            detail.timeline.contains {
                $0.kind == .stepEnded && $0.text.contains("rejected by dana: not now")
            }
        }
        try await harness.service.close(
            id,
            CloseRequest(cause: "a bad release"),
            by: "dana"
        )
        let closed = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        #expect(closed.summary.status == .closed)
        #expect(harness.world.executions.isEmpty)
        #expect(try #require(await harness.service.postMortem(id)).contains("a bad release"))
        await harness.kill()
    }

    @Test func signatureOfSomebodyElseIsRefusedWhereTheKeyIsKnown() async throws {
        let key = try SigningKey.generate()
        let harness = try LoopHarness { $0.approvers = ["dana": key.publicKey] }
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        let plan = try #require(waiting.pendingPlans.first)
        let error = await #expect(throws: OperationError.self) { try await harness.approve(id, plan.id) }
        #expect(error?.code == .denied)
        let signed = try key.sign(Sealing.approvalBytes(plan: plan.id))
        let approval = Approval(signer: "dana", signature: signed)
        let own = await #expect(throws: OperationError.self) {
            try await harness.service.approve(plan.id, of: id, approval: approval, by: "muster")
        }
        #expect(own?.code == .denied)
        try await harness.service.approve(plan.id, of: id, approval: approval, by: "dana")
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        await harness.kill()
    }

    @Test func signersAreThoseOfTheListThatItsRootSigned() async throws {
        let (root, key) = (try SigningKey.generate(), try SigningKey.generate())
        let directory = try TemporaryDirectory()
        let list = ApproverListFile(path: directory.path("approvers.yaml"), root: root.publicKey)
        func install(_ name: String, _ may: String, until expires: String, by root: SigningKey) throws {
            let text = """
                epoch: 1
                expires: \(expires)
                approvers: [{ name: \(name), key: "\(Base64.text(key.publicKey))", may: [\(may)] }]
                """
            let signed = try SignedApprovers(signing: Array(text.utf8), by: root)
            try directory.write("approvers.yaml", signed.file)
        }
        let harness = try LoopHarness { $0.approverList = list }
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        let plan = try #require(waiting.pendingPlans.first)
        let approval = Approval(signer: "dana", signature: try key.sign(Sealing.approvalBytes(plan: plan.id)))
        func refusal() async -> String? {
            do {
                try await harness.service.approve(plan.id, of: id, approval: approval, by: "dana")
                return nil
            } catch { return "\(error)" }
        }
        let later = "2100-01-01T00:00:00Z"
        #expect(await refusal()?.contains("can't read") == true)
        try install("dana", "approve", until: later, by: key)
        #expect(await refusal()?.contains("is not signed by the key approver_root") == true)
        try install("dana", "approve", until: "2020-01-01T00:00:00Z", by: root)
        #expect(await refusal()?.contains("expired at 2020-01-01") == true)
        try install("sarah", "approve", until: later, by: root)
        #expect(await refusal() == "\"dana\" is no approver; known are sarah")
        try install("dana", "preapprove", until: later, by: root)
        #expect(await refusal()?.hasPrefix("\"dana\" is no approver") == true)
        try install("dana", "approve", until: later, by: root)
        #expect(await refusal() == nil)
        _ = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        await harness.kill()
    }

    @Test func whoeverIsAloneSetsAPlanGoingAndEverybodyReadsOfIt() async throws {
        let (root, dana, sarah) = (
            try SigningKey.generate(), try SigningKey.generate(), try SigningKey.generate()
        )
        let directory = try TemporaryDirectory()
        let text = """
            epoch: 1
            expires: 2100-01-01T00:00:00Z
            approvers:
              - { name: dana, key: "\(Base64.text(dana.publicKey))", may: [break_glass] }
              - { name: sarah, key: "\(Base64.text(sarah.publicKey))" }
            """
        let file = try SignedApprovers(signing: Array(text.utf8), by: root).file
        let path = try directory.write("approvers.yaml", file)
        let harness = try LoopHarness { $0.approverList = ApproverListFile(path: path, root: root.publicKey) }
        harness.run()
        let id = try await harness.alert()
        let waiting = try await harness.wait(for: "a plan", id) { !$0.pendingPlans.isEmpty }
        let plan = try #require(waiting.pendingPlans.first).id
        let reason = "nobody else answers"
        func refusal(_ signer: String, _ key: SigningKey, _ bytes: [UInt8]) async throws -> String? {
            let use = BreakGlass(signer: signer, reason: reason, signature: try key.sign(bytes))
            do {
                try await harness.service.breakGlass(plan, of: id, use: use, by: signer)
                return nil
            } catch { return "\(error)" }
        }
        let right = Sealing.breakGlassBytes(plan: plan, reason: reason)
        #expect(
            try await refusal("sarah", sarah, right)?.contains("may not break the glass; may: dana") == true
        )
        let approval = Sealing.approvalBytes(plan: plan)
        #expect(try await refusal("dana", dana, approval)?.contains("and the reason") == true)
        let other = Sealing.breakGlassBytes(plan: plan, reason: "a drill")
        #expect(try await refusal("dana", dana, other)?.contains("and the reason") == true)
        #expect(try await refusal("dana", dana, right) == nil)
        #expect(try await refusal("dana", dana, right)?.contains("is approved already") == true)
        let end = try await harness.wait(for: "the post-mortem", id) { $0.postMortemAvailable }
        #expect(
            end.timeline.contains {
                $0.kind == .glassBroken && $0.text.contains("by dana alone: nobody else answers")
            }
        )
        #expect(
            end.timeline.contains { $0.kind == .notified && $0.text.contains("BREAK-GLASS: dana set plan") }
        )
        let postMortem = try #require(await harness.service.postMortem(id))
        #expect(postMortem.contains("Look over what dana set going alone (nobody else answers)"))
        await harness.kill()
    }

    @Test func fleetThatIsCutOffLeavesAnUnknownVerdictAndCallsPeople() async throws {
        let harness = try LoopHarness()
        harness.world.cutOff()
        harness.run()
        let id = try await harness.alert()
        let end = try await harness.wait(for: "the escalation", id) { detail in
            detail.timeline.contains { $0.kind == .escalated }
        }
        #expect(end.ranking?.verdict == .unknown)
        #expect(end.ranking?.coverage.answered == 0)
        #expect(end.context?.lines.contains { $0.contains("unreachable") } == true)
        await harness.kill()
    }
}
