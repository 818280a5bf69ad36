import MusterCore
import MusterYAML
import Testing

@Suite struct HostPolicyDocumentTests {
    /// The public key of a person, in hexadecimal digits: the tests need no base64.
    private static func key(_ byte: UInt8) -> String { Hex.text(of: [UInt8](repeating: byte, count: 32)) }

    private static let text = """
        labels: { role: db, zone: a }
        approvals_needed: 2
        approvers:
          - { name: ana, key: "\(key(1))" }
          - { name: bob, key: "\(key(2))" }
        actions:
          - name: rollback_shop
            argv: ["/usr/bin/deploy", "--to={to}", "{wait}", "{zone}"]
            parameters:
              to: { kind: version }
              wait: { kind: integer, min: 1, max: 30 }
              zone: { kind: enum, values: [a, b] }
            user: shop
            timeout: 90s
            output_max: 4096
            rate_per_hour: 3
            rollback: deploy_shop
            hours: mon-fri 08:00-18:00 UTC
            cwd: /srv/shop
            env: { MODE: { value: batch }, TOKEN: agent }
          - name: deploy_shop
            argv: ["/usr/bin/deploy"]
            allow: never
        sql:
          - target: orders
            allow: preapproved
        runbooks:
          preapproval: true
          signers:
            - { name: ana, key: "\(key(1))" }
          sha256: ["\(key(9))"]

        """

    private func read(_ text: String) throws -> HostPolicy {
        let document = try YAMLReader.read(Array(text.utf8), name: "policy.yaml")
        return try HostPolicy(document: document) { Hex.bytes(of: $0) }
    }

    @Test("A policy is what its file says")
    func file() throws {
        let policy = try read(Self.text)
        var expected = HostPolicy()
        expected.observeOnly = false
        expected.labels = ["role": "db", "zone": "a"]
        expected.approvalsNeeded = 2
        let ana = PolicyKey(name: "ana", key: [UInt8](repeating: 1, count: 32))
        expected.approvers = [ana, PolicyKey(name: "bob", key: [UInt8](repeating: 2, count: 32))]
        var rollback = PolicyAction(
            name: "rollback_shop",
            argv: ["/usr/bin/deploy", "--to={to}", "{wait}", "{zone}"]
        )
        rollback.parameters = ["to": .version, "wait": .integer(1...30), "zone": .oneOf(["a", "b"])]
        rollback.user = "shop"
        rollback.timeout = .seconds(90)
        rollback.outputBytesMax = 4_096
        rollback.ratePerHour = 3
        rollback.rollback = "deploy_shop"
        rollback.hours = WeeklyHours("mon-fri 08:00-18:00 UTC")
        rollback.surroundings = CommandSurroundings(
            folder: "/srv/shop",
            environment: ["MODE": .fixed("batch"), "TOKEN": .passed]
        )
        var deploy = PolicyAction(name: "deploy_shop", argv: ["/usr/bin/deploy"])
        deploy.allow = .never
        expected.actions = [rollback, deploy]
        expected.sql = [PolicySQL(target: "orders", allow: .preapproved)]
        expected.allowsPreApproval = true
        expected.preApprovedRunbooks = [try #require(Digest(bytes: [UInt8](repeating: 9, count: 32)))]
        expected.runbookSigners = [ana]
        #expect(policy == expected)
        #expect(policy.action("rollback_shop") == rollback)
        #expect(policy.action("rollback") == nil)
    }

    @Test("An empty target means the only one, and none when there are several")
    func target() throws {
        var policy = try read(Self.text)
        #expect(policy.sql("")?.target == "orders")
        #expect(policy.sql("billing") == nil)
        policy.sql.append(PolicySQL(target: "billing", allow: .approved))
        #expect(policy.sql("") == nil)
        #expect(policy.sql("billing")?.allow == .approved)
    }

    @Test("A host without a policy may only be looked at, an empty policy permits nothing")
    func nothing() throws {
        #expect(HostPolicy().observeOnly)
        let empty = try read("")
        #expect(!empty.observeOnly && !empty.allowsPreApproval)
        #expect(empty.approvers.isEmpty && empty.actions.isEmpty && empty.sql.isEmpty)
        #expect(empty.approvalsNeeded == 1)
        #expect(try read("observe_only: true").observeOnly)
    }

    /// What is replaced by what, the line at fault and what the message says.
    static let mistakes: [(String, String, Int, String)] = [
        ("labels:", "label:", 1, "unknown key \"label\"; expected one of actions, approvals_needed"),
        ("{ role: db, zone: a }", "db", 1, "\"labels\" must be \"name: value\" lines, found \"db\""),
        ("approvals_needed: 2", "approvals_needed: 3", 2, "is 3, but there are only 2 approvers"),
        ("approvals_needed: 2", "approvals_needed: 0", 2, "must be a whole number from 1 to 10, found \"0\""),
        ("name: bob", "name: ana", 5, "the name or the key of \"ana\" is already listed"),
        ("key: \"0202", "key: \"02", 5, "\"key\" must be an Ed25519 public key: 32 bytes"),
        ("key: \"0202", "key: \"zz02", 5, "\"key\" must be an Ed25519 public key: 32 bytes"),
        ("key: \"0202", "kye: \"0202", 5, "missing key \"key\""),
        ("[\"/usr/bin/deploy\", ", "[\"deploy\", ", 8, "must begin with the absolute path of a program"),
        ("[\"/usr/bin/deploy\", ", "[\"/usr/{to}\", ", 8, "must begin with the absolute path of a program"),
        ("{wait}", "{waits}", 8, "\"argv\" names {waits}, which is not under \"parameters\""),
        ("\"{wait}\", ", "", 10, "parameter \"wait\" is not used: write {wait} in \"argv\""),
        ("kind: version", "kind: regex", 10, "unknown kind \"regex\"; expected one of version, word"),
        ("min: 1, max: 30", "min: 9, max: 3", 11, "\"max\" must be a whole number from 9 to 2147483647"),
        ("min: 1, max: 30", "least: 1", 11, "unknown key \"least\"; expected one of kind, max, min"),
        ("values: [a, b]", "values: []", 12, "\"values\" must list at least one value"),
        ("values: [a, b]", "values: [-a]", 12, "none may begin with \"-\""),
        ("timeout: 90s", "timeout: 2h", 14, "\"timeout\" must be from 1s to 1h"),
        ("timeout: 90s", "timeout: 90", 14, "\"timeout\" must be a time span like 30s"),
        ("output_max: 4096", "output_max: 16385", 15, "must be a whole number from 0 to 16384"),
        ("rate_per_hour: 3", "rate_per_hour: 0", 16, "must be a whole number from 1 to 3600"),
        ("rollback: deploy_shop", "rollback: reboot", 7, "names the rollback \"reboot\", which is no action"),
        ("mon-fri 08:00", "mon-fri 8:00", 18, "\"hours\" must be like"),
        ("18:00 UTC", "18:00 CET", 18, "\"hours\" must be like"),
        ("cwd: /srv/shop", "cwd: srv/shop", 19, "absolute path of a folder"),
        ("MODE: {", "MO-DE: {", 20, "\"MO-DE\" is no name of a variable"),
        ("MODE: {", "1MODE: {", 20, "\"1MODE\" is no name of a variable"),
        ("TOKEN: agent", "TOKEN: secret", 20, "found \"secret\""),
        ("value: batch", "is: batch", 20, "missing key \"value\""),
        ("{ MODE: { value: batch }, TOKEN: agent }", "[MODE]", 20, "\"env\" must be"),
        ("name: deploy_shop", "name: rollback_shop", 21, "there are two actions named \"rollback_shop\""),
        ("allow: never", "allow: maybe", 23, "must be one of never, approved, preapproved, found \"maybe\""),
        ("    allow: preapproved", "    timeout: 30s", 25, "missing key \"allow\": never, approved"),
        ("- target: orders", "- database: orders", 25, "unknown key \"database\"; expected one of allow"),
        (
            "approvals_needed: 2", "break_glass: true", 2,
            "needs an approver with \"may: [approve, break_glass]\""
        ),
        ("\" }\nactions", "\", may: [break_glass] }\nactions", 2, "is 2, but there are only 1 approvers"),
        (
            "\" }\nactions", "\", may: [preapprove] }\nactions", 5,
            "approve, break_glass; found \"preapprove\""
        ),
        ("preapproval: true", "preapproval: maybe", 28, "must be true or false, found \"maybe\""),
        ("preapproval: true", "preapproved: true", 28, "unknown key \"preapproved\""),
        ("sha256: [\"", "sha256: [\"x", 31, "digests of 64 hexadecimal digits"),
        ("sha256: [", "sha512: [", 28, "needs \"sha256\""),
    ]

    @Test(
        "A mistake is refused with its place and what was expected",
        arguments: HostPolicyDocumentTests.mistakes
    )
    func mistake(from: String, to: String, line: Int, expected: String) throws {
        var text = Self.text
        let range = try #require(text.firstRange(of: from))
        text.replaceSubrange(range, with: to)
        let error = #expect(throws: DocumentError.self) { try read(text) }
        let message = error.map { "\($0)" } ?? ""
        #expect(message.hasPrefix("policy.yaml:\(line):"), "\(message)")
        #expect(message.contains(expected), "\(message)")
    }

    @Test("Two rules for one database are refused")
    func twice() {
        let text = "sql:\n  - { target: orders, allow: never }\n  - { target: orders, allow: approved }"
        let error = #expect(throws: DocumentError.self) { try read(text) }
        #expect(error?.description == "policy.yaml:3:5: there are two rules for target \"orders\"")
    }
}
