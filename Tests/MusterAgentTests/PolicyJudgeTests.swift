import MusterCore
import MusterIdentity
import MusterWire
import Testing

@testable import MusterAgent

@Suite struct PolicyJudgeTests {
    private let tickets: TestTickets
    private static let sql = Action.sql(target: "orders", statement: TestTickets.statement)

    init() throws { tickets = try TestTickets() }

    @Test func anApprovedPlanBecomesThePolicysArgv() throws {
        let ticket = try tickets.ticket(tickets.plan())
        let permitted = try tickets.judge.judge(ticket, now: TestTickets.now) { _ in 0 }
        guard case .command(let command) = permitted.forward else { throw PolicyRefusal("kind") }
        #expect(command.argv == ["/bin/echo", "--to=4520"])
        #expect(permitted.authority == "ana")
        #expect(!permitted.isPreApproved)
    }

    @Test func withoutAnApprovalNothingRuns() throws {
        #expect(
            tickets.refusal(try tickets.ticket(tickets.plan(), signers: [])) == "the ticket has no approval"
        )
    }

    @Test func aSignatureOverAnotherPlanOrByAStrangerDoesNotCount() throws {
        var ticket = try tickets.ticket(tickets.plan())
        ticket.approvals = try tickets.ticket(tickets.plan(proposer: "carl")).approvals
        #expect(tickets.refusal(ticket) == "the signature of ana is not over this plan")
        ticket.approvals[0].signer = "eve"
        #expect(tickets.refusal(ticket)?.contains("is no approver") == true)
        // Bob's signature under Ana's name.
        var swapped = try tickets.ticket(tickets.plan(), signers: ["bob"])
        swapped.approvals[0].signer = "ana"
        #expect(tickets.refusal(swapped) == "the signature of ana is not over this plan")
    }

    @Test func whoProposedCanNotApprove() throws {
        let ticket = try tickets.ticket(tickets.plan(proposer: "ana"))
        #expect(tickets.refusal(ticket) == "ana proposed the plan and can't approve it too")
        #expect(tickets.refusal(try tickets.ticket(tickets.plan(proposer: "ana"), signers: ["bob"])) == nil)
    }

    @Test func twoApprovalsMustBeOfTwoPeople() throws {
        var tickets = tickets
        tickets.policy.approvalsNeeded = 2
        #expect(tickets.refusal(try tickets.ticket(tickets.plan(), signers: ["ana", "ana"])) != nil)
        #expect(tickets.refusal(try tickets.ticket(tickets.plan(), signers: ["ana", "bob"])) == nil)
    }

    @Test func aTicketForAnotherHostIsRefused() throws {
        let other = try TLSKey.generate().publicKeyID
        #expect(
            tickets.refusal(try tickets.ticket(tickets.plan(), agent: other))?.contains("is for agent")
                == true
        )
        let elsewhere = try tickets.ticket(tickets.plan(targets: [other]))
        #expect(tickets.refusal(elsewhere)?.contains("does not list this host") == true)
    }

    @Test func aTicketHoldsOnlyInItsTime() throws {
        let ticket = try tickets.ticket(tickets.plan())
        #expect(tickets.refusal(ticket, now: ticket.expires)?.contains("lapsed") == true)
        #expect(tickets.refusal(ticket, now: TestTickets.now - .seconds(6))?.contains("may start") == true)
        #expect(tickets.refusal(ticket, now: TestTickets.now - .seconds(4)) == nil)
        var longer = ticket
        longer.expires = ticket.plan.plan.expires + .nanoseconds(1)
        #expect(tickets.refusal(longer)?.contains("after its plan") == true)
    }

    @Test func aPlanThatIsNotItsBytesIsRefused() throws {
        var ticket = try tickets.ticket(tickets.plan())
        ticket.plan.plan.action = .command(name: "fail", parameters: [:])
        #expect(tickets.refusal(ticket) == "the plan's id is not the hash of the plan's bytes")
    }

    @Test(arguments: [
        ["to": "4520; rm -rf /"], ["to": "--help"], ["to": "-x"], ["to": "$(id)"], ["to": "../4520"],
        ["to": "4520\n"], ["to": ""], ["to": "{to}"], ["to": "45 20"],
        ["to": String(repeating: "9", count: 65)],
        [:], ["to": "4520", "extra": "1"], ["To": "4520"], ["to": "４５２０"],
    ])
    func parametersThatDoNotFitAreRefused(_ parameters: [String: String]) throws {
        let plan = tickets.plan(.command(name: "rollback_shop", parameters: parameters))
        #expect(tickets.refusal(try tickets.ticket(plan)) != nil)
    }

    @Test func whatThePolicyDoesNotListIsRefused() throws {
        let unknown = tickets.plan(.command(name: "reboot", parameters: [:]))
        #expect(tickets.refusal(try tickets.ticket(unknown))?.contains("not in this host's policy") == true)
        let database = tickets.plan(.sql(target: "billing", statement: "SELECT 1"))
        #expect(tickets.refusal(try tickets.ticket(database))?.contains("not in this host's policy") == true)
        #expect(tickets.refusal(try tickets.ticket(tickets.plan()), runs: 6)?.contains("last hour") == true)
        var quiet = tickets
        quiet.policy.observeOnly = true
        #expect(quiet.refusal(try tickets.ticket(tickets.plan()))?.contains("observe-only") == true)
    }

    @Test func theRollbackIsHeldAgainstThePolicyBeforeAnythingRuns() throws {
        let action = Action.command(name: "rollback_shop", parameters: ["to": "4520"])
        let bad = tickets.plan(
            action,
            rollback: .command(name: "reboot", parameters: [:]),
            commitWithin: .seconds(60)
        )
        #expect(tickets.refusal(try tickets.ticket(bad))?.contains("not in this host's policy") == true)
        let none = tickets.plan(action, commitWithin: .seconds(60))
        #expect(tickets.refusal(try tickets.ticket(none))?.contains("has no rollback") == true)
    }

    // MARK: Signed runbooks

    @Test func aSignedRunbookStandsForTheApprovalAndItsChecksComeFirst() throws {
        let ticket = try tickets.preApproved(tickets.plan(Self.sql))
        let permitted = try tickets.judge.judge(ticket, now: TestTickets.now) { _ in 0 }
        #expect(permitted.isPreApproved)
        #expect(permitted.confirmations.count == 1)
        #expect(permitted.authority == "ana (runbook)")
    }

    @Test func oneChangedByteOfTheRunbookEndsIt() throws {
        var ticket = try tickets.preApproved(tickets.plan(Self.sql))
        ticket.preApproval?.runbook[3] ^= 1
        #expect(tickets.refusal(ticket)?.contains("signature of ana is not over this runbook") == true)
        // Signed anew, but the plan was made from the other bytes.
        let changed = TestTickets.runbook + "# changed\n"
        let other = try tickets.preApproved(tickets.plan(Self.sql), runbook: changed)
        #expect(tickets.refusal(other)?.contains("another version of the runbook") == true)
    }

    @Test func thePlanMustBeExactlyTheSignedStep() throws {
        let other = tickets.plan(.sql(target: "orders", statement: TestTickets.statement + " -- x"))
        #expect(tickets.refusal(try tickets.preApproved(other))?.contains("not the one of step 2") == true)
        let command = tickets.plan(.command(name: "rollback_shop", parameters: ["to": "1"]))
        #expect(tickets.refusal(try tickets.preApproved(command))?.contains("not the one of step 2") == true)
        let step = tickets.plan(Self.sql, step: 0)
        #expect(tickets.refusal(try tickets.preApproved(step))?.contains("changes nothing") == true)
        let beyond = tickets.plan(Self.sql, step: 7)
        #expect(tickets.refusal(try tickets.preApproved(beyond))?.contains("changes nothing") == true)
        let smuggled = tickets.plan(Self.sql, rollback: Self.sql, commitWithin: .seconds(9))
        #expect(
            tickets.refusal(try tickets.preApproved(smuggled))?.contains("rollback is not the one") == true
        )
    }

    @Test func withoutAStatementOfItsOwnToCheckAHostTakesNoPreApproval() throws {
        let blind = TestTickets.runbook.replacing(
            "check: \"SELECT 38\"\n    threshold: \"> max_connections * 0.8\"",
            with: "check: \"Error ratio > 2%\""
        )
        #expect(blind != TestTickets.runbook)
        let plan = tickets.plan(Self.sql, runbook: blind)
        var tickets = tickets
        #expect(
            tickets.refusal(try tickets.preApproved(plan, runbook: blind))?.contains(
                "does not list the runbook"
            )
                == true
        )
        tickets.policy.preApprovedRunbooks.insert(plan.runbookDigest)
        let refusal = tickets.refusal(try tickets.preApproved(plan, runbook: blind))
        #expect(refusal?.contains("lets this host see by itself") == true, "\(refusal ?? "allowed")")
    }

    @Test func whoeverSignsMustSayThatAStepIsIrreversible() throws {
        let ticket = try tickets.preApproved(tickets.plan(Self.sql), irreversible: [:])
        #expect(tickets.refusal(ticket)?.contains("nobody declared step 2 irreversible") == true)
    }

    @Test func aPreApprovalHoldsOnlyInItsTimeForItsHostsAndWhereThePolicyTakesIt() throws {
        let plan = tickets.plan(Self.sql)
        #expect(
            tickets.refusal(try tickets.preApproved(plan, expires: TestTickets.now))?.contains("lapsed")
                == true
        )
        let limited = try tickets.preApproved(plan, selector: "role=web | role=db,zone=a")
        #expect(tickets.refusal(limited)?.contains("by this policy's labels") == true)
        var labelled = tickets
        labelled.policy.labels = ["role": "db", "zone": "a"]
        #expect(labelled.refusal(limited) == nil)
        let ticket = try tickets.preApproved(plan)
        var closed = tickets
        closed.policy.allowsPreApproval = false
        #expect(closed.refusal(ticket)?.contains("takes no pre-approved") == true)
        closed = tickets
        closed.policy.preApprovedRunbooks = []
        #expect(closed.refusal(ticket)?.contains("does not list the runbook") == true)
        closed = tickets
        closed.policy.sql[0].statements = [SHA256.hash(Array("SELECT 1".utf8))]
        #expect(closed.refusal(ticket)?.contains("not among those") == true)
        closed.policy.sql[0].statements.insert(SHA256.hash(Array(TestTickets.statement.utf8)))
        #expect(closed.refusal(ticket) == nil)
        closed = tickets
        closed.policy.sql[0].allow = .approved
        #expect(closed.refusal(ticket)?.contains("wants a person") == true)
        closed = tickets
        closed.policy.runbookSigners = []
        #expect(closed.refusal(ticket)?.contains("may not pre-approve") == true)
    }

    // MARK: Without doing anything

    private func trial(_ plan: Plan, runs: Int = 0) -> PlanTrial {
        tickets.judge.trial(of: plan, now: TestTickets.now) { _ in runs }
    }

    @Test("A dry run says what would run, how it would be taken back, and who has to approve it")
    func dryRun() throws {
        let back = Action.command(name: "rollback_shop", parameters: ["to": "4521"])
        var plan = tickets.plan(rollback: back, commitWithin: .seconds(60))
        let found = trial(plan)
        #expect(found.action == #""/bin/echo" "--to=4520""#)
        #expect(found.rollback == #""/bin/echo" "--to=4521""#)
        #expect(found.refusal.isEmpty && found.approvals == 1)
        #expect(found.preApproval.contains("wants a person to approve"))
        // A draft that goes to many hosts does not list them.
        plan.targets = []
        #expect(trial(plan) == found)
        #expect(trial(tickets.plan(Self.sql)).preApproval.isEmpty)
        let other = tickets.plan(Self.sql, runbook: "another")
        #expect(trial(other).preApproval.contains("does not list the runbook"))
    }

    @Test("A dry run refuses what the host would refuse, with the same words")
    func dryRefusals() throws {
        let unknown = tickets.plan(.command(name: "reboot", parameters: [:]))
        #expect(trial(unknown).refusal == tickets.refusal(try tickets.ticket(unknown)))
        let odd = tickets.plan(.command(name: "rollback_shop", parameters: ["to": "$(id)"]))
        #expect(trial(odd).refusal == tickets.refusal(try tickets.ticket(odd)))
        #expect(
            trial(tickets.plan(), runs: 6).refusal
                == tickets.refusal(try tickets.ticket(tickets.plan()), runs: 6)
        )
        #expect(trial(tickets.plan(targets: [.zero])).refusal.contains("does not list this host"))
        var many = tickets.plan()
        many.approvals = 3
        #expect(trial(many).refusal == "it needs 3 approvers, and this host's policy lists 2")
        let blind = TicketJudge(policy: HostPolicy(), agent: tickets.agent, reading: SignedTicketReader())
        #expect(
            blind.trial(of: tickets.plan(), now: TestTickets.now) { _ in 0 }.refusal.contains("observe-only")
        )
    }
}
