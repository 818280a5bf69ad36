import Glibc
import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@testable import MusterAgent

@Suite struct PolicyFileTests {
    private let directory: TemporaryDirectory
    private static let key = Base64.text([UInt8](repeating: 7, count: 32))
    private static let text = """
        labels: { role: db }
        approvers:
          - name: ana
            key: \(key)
        actions:
          - name: rollback_shop
            argv: ["/usr/local/bin/deploy", "--to", "{to}", "{wait}"]
            parameters:
              to: { kind: version }
              wait: { kind: integer, min: 1, max: 30 }
            timeout: 90s
            rate_per_hour: 3
        sql:
          - target: orders
            allow: preapproved
        runbooks:
          preapproval: true
          signers:
            - name: ana
              key: \(key)
          sha256: [\(SHA256.hash(Array("steps".utf8)))]

        """

    init() throws { directory = try TemporaryDirectory() }

    private func file(_ path: String) -> PolicyFile { PolicyFile(path: path, state: directory.root) }

    private func load(_ text: String) throws -> HostPolicy {
        try file(directory.write("policy.yaml", text.utf8)).load(at: TestTickets.now)
    }

    @Test func aPolicyIsReadAsItStands() throws {
        let policy = try load(Self.text)
        #expect(!policy.observeOnly)
        #expect(policy.approvers.map(\.name) == ["ana"])
        let action = try #require(policy.action("rollback_shop"))
        #expect(action.parameters["wait"] == .integer(1...30))
        #expect(action.timeout == .seconds(90))
        #expect(try action.expand(["to": "4520", "wait": "5"]).suffix(2) == ["4520", "5"])
        #expect(policy.sql("")?.target == "orders")
        #expect(policy.allowsPreApproval)
    }

    @Test func aHostWithoutPolicyIsObserveOnly() throws {
        #expect(try file(directory.path("missing.yaml")).load(at: TestTickets.now).observeOnly)
    }

    @Test(arguments: [
        ("argv: [\"/usr/local/bin/deploy\"", "argv: [\"deploy\"", "absolute path"),
        ("{ kind: version }", "{ kind: \"[0-9]+\" }", "unknown kind"),
        ("\"{to}\", ", "", "is not used"),
        ("\"{wait}\"", "\"{who}\"", "not under \"parameters\""),
        ("allow: preapproved", "allow: always", "must be one of"),
        ("key: ", "key: x", "32 bytes in base64"),
        ("rate_per_hour: 3", "rate_per_hour: 0", "whole number"),
        ("labels:", "label:", "unknown key"),
    ])
    func mistakesAreNamedWithTheirPlace(_ from: String, _ to: String, _ expected: String) throws {
        var text = Self.text
        let range = try #require(text.firstRange(of: from))
        text.replaceSubrange(range, with: to)
        do {
            _ = try load(text)
            Issue.record("accepted")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
            #expect("\(error)".contains("policy.yaml:"))
        }
    }

    @Test func aFileThatOthersCanWriteIsNotBelieved() throws {
        let path = try directory.write("policy.yaml", Self.text.utf8)
        for mode: mode_t in [0o620, 0o602] {
            chmod(path, mode)
            #expect(throws: AgentError.self) { try file(path).load(at: TestTickets.now) }
        }
        chmod(path, 0o600)
        chmod(directory.root, 0o777)
        #expect(throws: AgentError.self) { try file(path).load(at: TestTickets.now) }
        chmod(directory.root, 0o755)
        #expect(throws: Never.self) { try file(path).load(at: TestTickets.now) }
        symlink(path, directory.path("link.yaml"))
        #expect(throws: AgentError.self) { try file(directory.path("link.yaml")).load(at: TestTickets.now) }
    }

    @Test func aFileOfAnotherUserIsNotBelieved() throws {
        guard geteuid() == 0 else { return }
        let path = try directory.write("policy.yaml", Self.text.utf8)
        chown(path, 65_534, 65_534)
        #expect(throws: AgentError.self) { try file(path).load(at: TestTickets.now) }
    }
}
