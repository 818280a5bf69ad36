import Glibc
import MusterCore
import MusterIdentity
import MusterWire
import Testing

@testable import MusterAgent

/// Somebody has the coordinator's whole disk and database.
///
/// That is its keys, every plan, every signature that people gave, and every runbook with its signature. What people never
/// gave it are their keys.
@Suite struct ThiefTests {
    private let world: DeskWorld
    private let own: SigningKey
    private static let sql = Action.sql(target: "orders", statement: TestTickets.statement)

    init() throws {
        world = try DeskWorld()
        own = try SigningKey.generate()
    }

    /// Expects that the ticket is refused for this reason, in the ledger, with nothing run.
    private func expectRefused(
        _ ticket: Ticket,
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = world.performed
        let found = try world.receive(ticket)
        world.workAll()
        #expect(found?.contains(reason) == true, "\(found ?? "taken")", sourceLocation: sourceLocation)
        #expect(world.performed == before, sourceLocation: sourceLocation)
        // What was refused is on the host's own record.
        #expect(world.state(ticket) == .refused, sourceLocation: sourceLocation)
    }

    @Test("Plans of his own need signatures that he can't make")
    func ownPlans() throws {
        let plan = world.tickets.plan()
        try expectRefused(try world.tickets.ticket(plan, signers: []), "no approval")
        var forged = try world.tickets.ticket(plan, signers: [])
        let signature = try own.sign(Sealing.approvalBytes(plan: forged.plan.id))
        forged.approvals = [Approval(signer: "ana", signature: signature)]
        try expectRefused(forged, "not over this plan")
        var stranger = try world.tickets.ticket(world.tickets.plan(proposer: "thief"), signers: [])
        stranger.approvals = [Approval(signer: "thief", signature: signature)]
        try expectRefused(stranger, "is no approver")
    }

    @Test("A signature that people gave to one plan is worth nothing for another")
    func borrowedSignature() throws {
        let approved = try world.ticket(to: "1")
        var other = try world.tickets.ticket(world.tickets.plan(), signers: [])
        other.approvals = approved.approvals
        try expectRefused(other, "not over this plan")
        // Over the runbook is not over a plan, and over a plan is not over a runbook.
        var crossed = try world.tickets.preApproved(world.tickets.plan(Self.sql))
        crossed.preApproval?.signature = approved.approvals[0].signature
        try expectRefused(crossed, "is not over this runbook")
    }

    @Test("An approved plan runs once on each of its hosts, in its time, and nowhere else")
    func approvedPlans() throws {
        let ticket = try world.ticket(to: "1")
        try world.receive(ticket)
        world.workAll()
        var again = ticket
        again.id = TicketID(at: world.now)
        try expectRefused(again, "has carried out the plan already")
        let elsewhere = try TLSKey.generate().publicKeyID
        try expectRefused(
            try world.tickets.ticket(world.tickets.plan(targets: [elsewhere]), signers: ["ana"]),
            "does not list this host"
        )
        let late = try world.ticket(to: "2")
        world.now = late.expires
        try expectRefused(late, "lapsed")
        #expect(world.performed == ["1"])
    }

    @Test("A plan that people approved can't be changed, not even its rollback or its time")
    func changedPlans() throws {
        let ticket = try world.ticket(to: "1")
        for index in stride(from: 0, to: ticket.plan.bytes.count, by: 7) {
            var changed = ticket
            changed.id = TicketID(at: world.now)
            changed.plan.bytes[index] ^= 1
            let wire = WireTicket(changed)
            do {
                let read = try Ticket(wire) { Sealing.planID($0) }
                try expectRefused(read, "")
            } catch is WireError {
                // No plan any more: the link refuses the message as it is.
                continue
            }
        }
        #expect(world.performed.isEmpty)
    }

    @Test("A runbook that nobody signed, or that this host does not list, runs nothing")
    func runbooks() throws {
        let evil = TestTickets.runbook.replacing(TestTickets.statement, with: "DROP TABLE orders")
        let action = Action.sql(target: "orders", statement: "DROP TABLE orders")
        var own = try world.tickets.preApproved(world.tickets.plan(action, runbook: evil), runbook: evil)
        let bytes = Sealing.preApprovalBytes(
            runbook: Array(evil.utf8),
            declaration: own.preApproval?.declaration ?? []
        )
        // Ana has signed it once, for hosts of another kind: this one does not list it.
        try expectRefused(own, "does not list the runbook")
        own.id = TicketID(at: world.now)
        own.preApproval?.signature = try self.own.sign(bytes)
        try expectRefused(own, "is not over this runbook")
        own.id = TicketID(at: world.now)
        own.preApproval?.signer = "thief"
        try expectRefused(own, "may not pre-approve")
    }

    @Test(
        "Of a listed runbook he can run only what it says, where the host itself sees the need, and not often"
    )
    func listedRunbook() throws {
        let elsewhere = world.tickets.plan(.sql(target: "users", statement: TestTickets.statement))
        try expectRefused(try world.tickets.preApproved(elsewhere), "not the one of step 2")
        world.puppet.objections.withLock { $0 = "3 is not > 80" }
        let calm = try world.tickets.preApproved(world.tickets.plan(Self.sql, at: world.now))
        #expect(try world.receive(calm) == nil)
        world.workAll()
        #expect(world.state(calm) == .failed)
        #expect(world.reason(calm) == "not started: 3 is not > 80")
        #expect(world.performed.isEmpty)
        world.puppet.objections.withLock { $0 = nil }
        for _ in 0..<6 {
            world.now = world.now + .seconds(1)
            #expect(
                try world.receive(try world.tickets.preApproved(world.tickets.plan(Self.sql, at: world.now)))
                    == nil
            )
            world.workAll()
        }
        #expect(world.performed.count == 6)
        world.now = world.now + .seconds(1)
        let seventh = try world.tickets.preApproved(world.tickets.plan(Self.sql, at: world.now))
        try expectRefused(seventh, "6 are allowed")
    }

    @Test(
        "Values that are no values reach no command",
        arguments: [
            "4520; reboot", "$(reboot)", "`reboot`", "4520\nreboot", "--to=4521", "-rf", "../4520",
            "/etc/passwd",
            "４５２０", "45\u{200B}20", "\u{0430}bc", "4520 ", "", "a\0b", "{to}", "%s", "*", "~root|x",
        ]
    )
    func values(_ value: String) throws {
        let plan = world.tickets.plan(.command(name: "rollback_shop", parameters: ["to": value]))
        try expectRefused(try world.tickets.ticket(plan), "parameter \"to\"")
        let back = world.tickets.plan(
            .command(name: "rollback_shop", parameters: ["to": "1"]),
            rollback: .command(name: "rollback_shop", parameters: ["to": value]),
            commitWithin: .seconds(60)
        )
        try expectRefused(try world.tickets.ticket(back), "parameter \"to\"")
    }

    @Test("Actions and parameters that the policy does not name are refused, however they are spelt")
    func names() throws {
        for name in [
            "reboot", "rollback_shop ", "Rollback_shop", "r\u{043E}llback_shop", "../rollback_shop", "",
        ] {
            let plan = world.tickets.plan(.command(name: name, parameters: ["to": "1"]))
            try expectRefused(try world.tickets.ticket(plan), "is not in this host's policy")
        }
        let more = world.tickets.plan(.command(name: "rollback_shop", parameters: ["to": "1", "as": "root"]))
        try expectRefused(try world.tickets.ticket(more), "has no parameter")
        let less = world.tickets.plan(.command(name: "rollback_shop", parameters: [:]))
        try expectRefused(try world.tickets.ticket(less), "needs the parameter")
    }

    @Test(
        "A name that looks like an approver's or a signer's is another name",
        arguments: ["Ana", "\u{0430}na", "an\u{0430}", "ana\u{200B}", "ana ", "\u{FF41}na", "ana\0", ""]
    )
    func lookAlikes(_ name: String) throws {
        var ticket = try world.tickets.ticket(world.tickets.plan(), signers: [])
        let signature = try own.sign(Sealing.approvalBytes(plan: ticket.plan.id))
        ticket.approvals = [Approval(signer: name, signature: signature)]
        try expectRefused(ticket, "is no approver")
        var runbook = try world.tickets.preApproved(world.tickets.plan(Self.sql))
        runbook.preApproval?.signer = name
        try expectRefused(runbook, "may not pre-approve")
    }

    @Test("An approved plan without the limits that people approved with it is another plan")
    func strippedPlan() throws {
        var plan = world.tickets.plan(
            .command(name: "rollback_shop", parameters: ["to": "1"]),
            rollback: .command(name: "rollback_shop", parameters: ["to": "0"]),
            commitWithin: .seconds(60)
        )
        plan.rollout = Rollout(hosts: 1)
        plan.approvals = 2
        plan.verification = HostVerification(
            check: .command(name: "healthy", parameters: [:]),
            within: .seconds(30)
        )
        let approved = try world.tickets.ticket(plan, signers: ["ana"])
        try expectRefused(approved, "needs 2 approvals")
        let downgrades: [(inout Plan) -> Void] = [
            { $0.rollout = nil }, { $0.approvals = nil }, { $0.verification = nil },
            {
                $0.rollback = nil; $0.commitWithin = .zero; $0.verification = nil
            },
        ]
        for downgrade in downgrades {
            var old = plan
            downgrade(&old)
            // Under the id that was signed it is not its bytes, under its own it is not signed.
            var ticket = approved
            ticket.id = TicketID(at: world.now)
            ticket.plan = SealedPlan(id: approved.plan.id, bytes: WireCodec.seal(old), plan: old)
            #expect(world.tickets.refusal(ticket) == "the plan's id is not the hash of the plan's bytes")
            try expectRefused(ticket, "not over this plan")
        }
    }

    @Test("A ticket loses what it rests on with anything that is taken out of it")
    func strippedTicket() throws {
        var plan = world.tickets.plan()
        plan.approvals = 2
        var one = try world.tickets.ticket(plan, signers: ["ana", "bob"])
        one.approvals.removeLast()
        try expectRefused(one, "needs 2 approvals")
        one.id = TicketID(at: world.now)
        one.approvals.append(one.approvals[0])
        try expectRefused(one, "needs 2 approvals")
        // Without its declaration a pre-approval has no end, no selector and nothing irreversible.
        var runbook = try world.tickets.preApproved(world.tickets.plan(Self.sql), selector: "role=db")
        runbook.preApproval?.declaration = []
        try expectRefused(runbook, "is not over this runbook and declaration")
        runbook.id = TicketID(at: world.now)
        runbook.preApproval = nil
        try expectRefused(runbook, "no approval")
    }

    @Test("He can't have refusals fill the disk: past a limit they are told and not kept")
    func flood() throws {
        var ticket = try world.tickets.ticket(world.tickets.plan(), signers: [])
        var engine = LedgerEngine()
        var kept = 0
        while engine.acceptsRefusals, kept < 20_000 {
            ticket.id = TicketID(at: world.now)
            try engine.apply(.step(try engine.refuse(ticket, reason: "no", at: world.now)))
            kept += 1
        }
        #expect(kept == LedgerEngine.refusalsMax)
        // Not for want of a coordinator that takes them.
        try engine.apply(.acknowledged(engine.steps))
        #expect(engine.reportsPending.isEmpty && !engine.acceptsRefusals)
    }
}
