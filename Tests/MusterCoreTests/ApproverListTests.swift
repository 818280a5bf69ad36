import MusterCore
import MusterYAML
import Testing

@Suite struct ApproverListTests {
    private static func key(_ byte: UInt8) -> String { Hex.text(of: [UInt8](repeating: byte, count: 32)) }

    private static let text = """
        epoch: 7
        expires: 2027-06-30T00:00:00Z
        approvers:
          - { name: ana, key: "\(key(1))", may: [approve, preapprove] }
          - { name: bob, key: "\(key(2))" }

        """

    private func read(_ text: String) throws -> ApproverList {
        let document = try YAMLReader.read(Array(text.utf8), name: "approvers.yaml")
        return try ApproverList(document: document) { Hex.bytes(of: $0) }
    }

    @Test("A list is what its file says")
    func file() throws {
        let list = try read(Self.text)
        #expect(list.epoch == 7)
        #expect(list.expires == Timestamp(rfc3339: "2027-06-30T00:00:00Z"))
        #expect(
            list.approvers == [
                PolicyKey(name: "ana", key: [UInt8](repeating: 1, count: 32), may: [.approve, .preapprove]),
                PolicyKey(name: "bob", key: [UInt8](repeating: 2, count: 32), may: [.approve]),
            ]
        )
    }

    static let mistakes: [(String, String, Int, String)] = [
        ("epoch: 7\n", "", 1, "missing key \"epoch\""),
        ("epoch: 7", "epoch: 0", 1, "must be a whole number from 1"),
        ("2027-06-30T00:00:00Z", "tomorrow", 2, "must be a time like 2027-06-30T00:00:00Z"),
        ("expires", "expiry", 1, "missing key \"expires\""),
        ("name: bob", "name: ana", 5, "already listed"),
        ("key: \"0202", "key: \"02", 5, "must be an Ed25519 public key"),
        ("may: [approve, preapprove]", "may: [everything]", 4, "\"may\" lists what a person may do"),
        ("may: [approve, preapprove]", "may: []", 4, "at least one thing"),
        ("approvers:", "people:", 1, "has 1 to 1000 people"),
        ("approvers:", "signature: x\napprovers:", 3, "unknown key \"signature\""),
    ]

    @Test("A mistake is refused with its place", arguments: ApproverListTests.mistakes)
    func mistake(from: String, to: String, line: Int, expected: String) throws {
        var text = Self.text
        let range = try #require(text.firstRange(of: from))
        text.replaceSubrange(range, with: to)
        let error = #expect(throws: DocumentError.self) { try read(text) }
        #expect(error.map { "\($0)" }?.contains(expected) == true, "\(error.map { "\($0)" } ?? "")")
        #expect(error?.position.line == line)
    }

    @Test("More people than the limit are refused")
    func crowd() throws {
        let people = (0...ApproverList.approversMax).map { number in
            let bytes = (0..<32).map { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8)) }
            return "  - { name: p\(number), key: \"\(Hex.text(of: bytes))\" }\n"
        }
        let head = "epoch: 1\nexpires: 2027-06-30T00:00:00Z\napprovers:\n"
        #expect(throws: DocumentError.self) { try read(head + people.joined()) }
        #expect(throws: Never.self) { try read(head + people.dropLast().joined()) }
    }

    @Test("Root and own approvers exclude each other in a policy")
    func policy() throws {
        func read(_ text: String) throws -> HostPolicy {
            let document = try YAMLReader.read(Array(text.utf8), name: "policy.yaml")
            return try HostPolicy(document: document) { Hex.bytes(of: $0) }
        }
        let root = "approver_root: \"\(Self.key(3))\"\n"
        let policy = try read(root + "approvals_needed: 2\n")
        #expect(policy.approverSource == .root([UInt8](repeating: 3, count: 32)))
        for rest in [
            "approvers: [{ name: ana, key: \"\(Self.key(1))\" }]\n",
            "runbooks: { signers: [{ name: ana, key: \"\(Self.key(1))\" }] }\n",
        ] {
            #expect(throws: Never.self) { try read(rest) }
            let error = #expect(throws: DocumentError.self) { try read(root + rest) }
            #expect(error.map { "\($0)" }?.contains("come from the list") == true)
        }
        #expect(throws: DocumentError.self) { try read("approver_root: \"\(Self.key(3).dropLast(2))\"\n") }
    }
}
