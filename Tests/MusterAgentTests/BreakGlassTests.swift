import MusterCore
import MusterIdentity
import MusterWire
import Testing

@testable import MusterAgent

/// Somebody on call who can't wait for anybody else.
@Suite("One person alone on a host") struct BreakGlassTests {
    private let world: DeskWorld
    private static let reason = "the shop is down and nobody else answers"

    init() throws {
        world = try DeskWorld()
        try allow(true)
    }

    /// The policy asks for two people; ana may break the glass where it is allowed, bob may not.
    private func allow(_ allowed: Bool, _ may: String = "[approve, break_glass]") throws {
        let ana = Base64.text(world.tickets.ana.publicKey)
        try world.writePolicy { text in
            "break_glass: \(allowed)\napprovals_needed: 2\n"
                + text.replacing(
                    "{ name: ana, key: \"\(ana)\" }\n  - { name: bob",
                    with: "{ name: ana, key: \"\(ana)\", may: \(may) }\n  - { name: bob"
                )
        }
    }

    private func ticket(_ version: String, proposer: String = "ana", signers: [String] = []) throws -> Ticket
    {
        let plan = world.tickets.plan(
            .command(name: "rollback_shop", parameters: ["to": version]),
            proposer: proposer,
            at: world.now
        )
        return try world.tickets.ticket(plan, signers: signers)
    }

    private func use(
        _ plan: PlanID,
        signer: String = "ana",
        reason: String = reason,
        bytes: [UInt8]? = nil
    ) throws -> BreakGlass {
        let key = signer == "ana" ? world.tickets.ana : world.tickets.bob
        let signed = bytes ?? Sealing.breakGlassBytes(plan: plan, reason: reason)
        return BreakGlass(signer: signer, reason: reason, signature: try key.sign(signed))
    }

    /// What the ledger says of the permission of its first ticket.
    private var told: String? { world.desk?.reportsPending.first?.report.reason }

    private func expectRefused(
        _ ticket: Ticket,
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try world.receive(ticket)
        world.workAll()
        #expect(found?.contains(reason) == true, "\(found ?? "taken")", sourceLocation: sourceLocation)
        #expect(world.performed.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("one who may sets a plan going alone, even an own one, and the ledger says so with the reason")
    func alone() throws {
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id)
        #expect(try world.receive(ticket) == nil)
        #expect(told == "set going by ana alone: \(Self.reason)")
        world.workAll()
        #expect(world.state(ticket) == .done && world.performed == ["1"])
        try world.start()
        #expect(told == "set going by ana alone: \(Self.reason)")
    }

    @Test("where enough people approved it, nobody counts as alone")
    func together() throws {
        var ticket = try ticket("1", proposer: "muster", signers: ["ana", "bob"])
        ticket.breakGlass = try use(ticket.plan.id)
        #expect(try world.receive(ticket) == nil)
        #expect(told == "")
    }

    @Test("a host whose policy does not allow it refuses")
    func forbidden() throws {
        try allow(false)
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id)
        try expectRefused(ticket, "lets nobody set a plan going alone (break_glass)")
    }

    @Test("somebody who may only approve can't")
    func noRight() throws {
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id, signer: "bob")
        try expectRefused(ticket, "\"bob\" may not break the glass on this host")
        ticket = try self.ticket("2")
        ticket.breakGlass = try use(ticket.plan.id)
        ticket.breakGlass?.signer = "thief"
        try expectRefused(ticket, "\"thief\" may not break the glass on this host")
    }

    @Test("somebody who may only break the glass can't approve")
    func onlyAlone() throws {
        try world.writePolicy { text in
            let ana = Base64.text(world.tickets.ana.publicKey)
            return "break_glass: true\n"
                + text.replacing(
                    "ana, key: \"\(ana)\" }\n  - { name: bob",
                    with: "ana, key: \"\(ana)\", may: [break_glass] }\n  - { name: bob"
                )
        }
        try expectRefused(
            try ticket("1", proposer: "muster", signers: ["ana"]),
            "ana may only break the glass on this host, not approve"
        )
    }

    @Test("an approval is no broken glass, and a broken glass is no approval")
    func crossed() throws {
        var ticket = try ticket("1", proposer: "muster")
        ticket.breakGlass = try use(ticket.plan.id, bytes: Sealing.approvalBytes(plan: ticket.plan.id))
        try expectRefused(ticket, "is not over this plan and reason as one that breaks the glass")
        ticket = try self.ticket("2", proposer: "muster", signers: ["bob"])
        let signature = try use(ticket.plan.id).signature
        ticket.approvals.append(Approval(signer: "ana", signature: signature))
        try expectRefused(ticket, "needs 2 approvals and has that of bob")
        // With the shortest reason that still differs from nothing.
        ticket = try self.ticket("3", proposer: "muster", signers: ["bob"])
        let bare = try world.tickets.ana.sign(Sealing.breakGlassBytes(plan: ticket.plan.id, reason: ""))
        ticket.approvals.append(Approval(signer: "ana", signature: bare))
        try expectRefused(ticket, "needs 2 approvals and has that of bob")
    }

    @Test("it holds for its plan and its reason only")
    func bound() throws {
        var ticket = try ticket("1")
        ticket.breakGlass = try use(try self.ticket("2").plan.id)
        try expectRefused(ticket, "is not over this plan and reason")
        ticket = try self.ticket("3")
        ticket.breakGlass = try use(ticket.plan.id)
        ticket.breakGlass?.reason = "a drill"
        try expectRefused(ticket, "is not over this plan and reason")
    }

    @Test("a reason has to say something", arguments: ["", "   ", "...", "line\nbreak", "\u{1B}[2Jgone"])
    func reasons(_ reason: String) throws {
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id, reason: reason)
        try expectRefused(ticket, "has to say why")
    }

    @Test("what the policy forbids for other reasons stays forbidden")
    func otherRules() throws {
        let plan = world.tickets.plan(.command(name: "reboot", parameters: [:]), proposer: "ana")
        var ticket = try world.tickets.ticket(plan, signers: [])
        ticket.breakGlass = try use(ticket.plan.id)
        try expectRefused(ticket, "action \"reboot\" is not in this host's policy")
        ticket = try self.ticket("1")
        ticket.breakGlass = try use(ticket.plan.id)
        ticket.expires = world.now
        try expectRefused(ticket, "the ticket lapsed")
    }

    @Test("a plan set going alone runs once, and not again by another ticket")
    func once() throws {
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id)
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        var again = ticket
        again.id = TicketID(at: world.now + .seconds(1))
        #expect(try world.receive(again)?.contains("has carried out the plan already") == true)
        #expect(world.performed == ["1"])
    }

    @Test("the right comes from a signed list as well")
    func list() throws {
        let root = try SigningKey.generate()
        try world.writePolicy { text in
            let start = text.firstRange(of: "actions:")?.lowerBound ?? text.startIndex
            let end = text.firstRange(of: "runbooks:")?.lowerBound ?? text.endIndex
            return "approver_root: \(Base64.text(root.publicKey))\nbreak_glass: true\n\(text[start..<end])"
        }
        func install(_ epoch: Int, _ may: String) throws {
            let text = """
                epoch: \(epoch)
                expires: \(TestTickets.now + .seconds(3600))
                approvers: [{ name: ana, key: "\(Base64.text(world.tickets.ana.publicKey))", may: \(may) }]
                """
            let signed = try SignedApprovers(signing: Array(text.utf8), by: root)
            try world.directory.write(ApproverFile.name, signed.file)
        }
        try install(1, "[approve, preapprove]")
        var ticket = try ticket("1")
        ticket.breakGlass = try use(ticket.plan.id)
        try expectRefused(ticket, "\"ana\" may not break the glass on this host")
        try install(2, "[break_glass]")
        ticket = try self.ticket("2")
        ticket.breakGlass = try use(ticket.plan.id)
        #expect(try world.receive(ticket) == nil)
    }
}
