import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@testable import MusterAgent

/// A host that takes its approvers from a list that an offline root signs.
@Suite("A signed list of approvers on a host") struct ApproverFileTests {
    private let world: DeskWorld
    private let root: SigningKey

    init() throws {
        world = try DeskWorld()
        root = try SigningKey.generate()
        try pin(root)
    }

    private func pin(_ root: SigningKey) throws {
        try world.writePolicy { text in
            let start = text.firstRange(of: "actions:")?.lowerBound ?? text.startIndex
            let signers = text.firstRange(of: "  signers:")?.lowerBound ?? text.endIndex
            let digests = text.firstRange(of: "  sha256:")?.lowerBound ?? text.endIndex
            return
                "approver_root: \(Base64.text(root.publicKey))\n\(text[start..<signers])\(text[digests...])"
        }
    }

    private func list(
        _ epoch: Int,
        _ people: [String] = ["ana", "bob"],
        life: Duration = .seconds(3600)
    ) -> String {
        let lines = people.map { name in
            let key = name == "ana" ? world.tickets.ana : world.tickets.bob
            return
                "  - { name: \(name), key: \"\(Base64.text(key.publicKey))\", may: [approve, preapprove] }\n"
        }
        return "epoch: \(epoch)\nexpires: \(TestTickets.now + life)\napprovers:\n\(lines.joined())"
    }

    @discardableResult
    private func install(_ text: String, by root: SigningKey? = nil) throws -> [UInt8] {
        let file = try SignedApprovers(signing: Array(text.utf8), by: root ?? self.root).file
        try world.directory.write(ApproverFile.name, file)
        return file
    }

    /// Why the host refuses a new plan that `signer` has approved; nil when it does not.
    private func refusal(_ version: String, signer: String = "ana") throws -> String? {
        let plan = world.tickets.plan(
            .command(name: "rollback_shop", parameters: ["to": version]),
            rollback: .command(name: "rollback_shop", parameters: ["to": "not-\(version)"]),
            commitWithin: .seconds(60),
            at: world.now
        )
        return try world.receive(try world.tickets.ticket(plan, signers: [signer]))
    }

    @Test("those of the list may approve plans and runbooks")
    func listed() throws {
        try install(list(1))
        #expect(try refusal("1") == nil)
        #expect(try refusal("2", signer: "bob") == nil)
        let plan = world.tickets.plan(.sql(target: "orders", statement: TestTickets.statement))
        #expect(try world.receive(try world.tickets.preApproved(plan)) == nil)
    }

    @Test("nobody who is not listed, and nobody for what the list does not say")
    func unlisted() throws {
        try install(list(1, ["bob"]))
        #expect(try refusal("1") == "\"ana\" is no approver in this host's policy")
        let plan = world.tickets.plan(.sql(target: "orders", statement: TestTickets.statement))
        #expect(
            try world.receive(try world.tickets.preApproved(plan))
                == "\"ana\" may not pre-approve runbooks on this host"
        )
        try install(list(2).replacing(", may: [approve, preapprove]", with: ", may: [preapprove]"))
        #expect(try refusal("2") == "\"ana\" is no approver in this host's policy")
        try install(list(3).replacing(", may: [approve, preapprove]", with: ""))
        #expect(try refusal("3") == nil)
        let other = world.tickets.plan(
            .sql(target: "orders", statement: TestTickets.statement),
            at: TestTickets.now + .seconds(1)
        )
        #expect(
            try world.receive(try world.tickets.preApproved(other))?.contains("may not pre-approve") == true
        )
    }

    @Test("no list, an unsigned one, and one of another root make nobody an approver")
    func foreign() throws {
        #expect(try refusal("1")?.hasSuffix("is missing: the policy takes its approvers from it") == true)
        try world.directory.write(ApproverFile.name, Array(list(1).utf8))
        #expect(try refusal("2")?.contains("does not end in a signature") == true)
        try install(list(1), by: try SigningKey.generate())
        #expect(try refusal("3")?.contains("is not that of the policy's approver_root") == true)
        // The same key over the same bytes, but signed as something else.
        let signature = try root.sign(Array(list(1).utf8))
        try world.directory.write(
            ApproverFile.name,
            Array("\(list(1))signature: \(Base64.text(signature))\n".utf8)
        )
        #expect(try refusal("4")?.contains("is not that of the policy's approver_root") == true)
    }

    @Test("no byte of the file can be changed", arguments: [0.0, 0.3, 0.6, 0.9, 0.97])
    func changed(_ place: Double) throws {
        var file = try install(list(1))
        file[Int(Double(file.count) * place)] ^= 1
        try world.directory.write(ApproverFile.name, file)
        #expect(try refusal("1") != nil)
    }

    @Test("what follows the signature, or stands before it twice, is not read")
    func appended() throws {
        let file = try install(list(1, ["bob"]))
        let more = "  - { name: ana, key: \"\(Base64.text(world.tickets.ana.publicKey))\" }\n"
        try world.directory.write(ApproverFile.name, file + Array(more.utf8))
        #expect(try refusal("1")?.contains("does not end in a signature") == true)
        let line = file.suffix(100)
        try world.directory.write(ApproverFile.name, file + line)
        #expect(try refusal("2")?.contains("is not that of the policy's approver_root") == true)
    }

    @Test("an expired list makes nobody an approver, but what was done is still taken back")
    func expired() throws {
        try install(list(1))
        let ticket = try world.ticket(to: "1")
        #expect(try world.receive(ticket) == nil)
        world.workAll()
        #expect(world.state(ticket) == .done)
        try install(list(2, life: .seconds(30)))
        world.wait(.seconds(40))
        #expect(try refusal("2")?.contains("(epoch 2) expired at") == true)
        world.wait(.seconds(30))
        world.workAll()
        #expect(world.state(ticket) == .rolledBack)
    }

    @Test("an older list can't be put back, not even after a restart")
    func epoch() throws {
        try install(list(7))
        #expect(try refusal("1") == nil)
        try install(list(6))
        #expect(try refusal("2")?.contains("has epoch 6, but this host has taken epoch 7 already") == true)
        try world.start()
        #expect(try refusal("3")?.contains("has epoch 6, but this host has taken epoch 7 already") == true)
        try install(list(7, ["bob"]))
        #expect(try refusal("4")?.contains("a list that changes needs a higher epoch") == true)
        try install(list(7))
        #expect(try refusal("5") == nil)
    }

    @Test("a newer list takes a person away, for good")
    func removed() throws {
        let old = try install(list(7))
        #expect(try refusal("1") == nil)
        try install(list(8, ["bob"]))
        #expect(try refusal("2") == "\"ana\" is no approver in this host's policy")
        #expect(try refusal("3", signer: "bob") == nil)
        try world.directory.write(ApproverFile.name, old)
        #expect(try refusal("4")?.contains("an old list was put back") == true)
    }

    @Test("a list counts from its next look on even for what has been accepted and waits")
    func removedWhileItWaits() throws {
        try install(list(1))
        let (first, second) = (try world.ticket(to: "1"), try world.ticket(to: "2"))
        #expect(try world.receive(first) == nil)
        #expect(try world.receive(second) == nil)
        try install(list(2, ["bob"]))
        world.workAll()
        #expect(world.state(second) == .failed)
        #expect(world.reason(second).contains("\"ana\" is no approver"))
    }

    @Test("another root begins with an epoch of its own, and the first one's is not forgotten")
    func roots() throws {
        try install(list(7))
        #expect(try refusal("1") == nil)
        let other = try SigningKey.generate()
        try pin(other)
        try install(list(1), by: other)
        #expect(try refusal("2") == nil)
        try pin(root)
        try install(list(6))
        #expect(try refusal("3")?.contains("has taken epoch 7 already") == true)
    }

    @Test("without a memory that can be read and written no list counts")
    func memory() throws {
        try install(list(7))
        #expect(try refusal("1") == nil)
        try world.directory.write(ApproverFile.markName, Array("7\n".utf8))
        #expect(try refusal("2")?.contains("is damaged") == true)
        let policy = PolicyFile(
            path: world.directory.path("policy.yaml"),
            state: world.directory.path("gone")
        )
        let told = try policy.load(at: world.now)
        guard case .refused(let reason) = told.approverSource else {
            Issue.record("taken without being remembered")
            return
        }
        #expect(reason.contains("can't be remembered") && told.approvers.isEmpty)
        let looked = try policy.load(at: world.now, remembering: false)
        #expect(looked.approverSource == .list(epoch: 7, expires: TestTickets.now + .seconds(3600)))
    }
}
