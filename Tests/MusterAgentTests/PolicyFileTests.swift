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

    /// Why the policy below the folder is not believed; nil when it is.
    private func refusal(_ path: String) -> String? {
        do throws(AgentError) {
            _ = try file(path).load(at: TestTickets.now)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("No folder above the policy may be one that others can write, except a sticky one")
    func ancestors() throws {
        for folder in ["a", "a/b", "a/b/c"] { mkdir(directory.path(folder), 0o755) }
        let path = try directory.write("a/b/c/policy.yaml", Self.text.utf8)
        #expect(refusal(path) == nil)
        for folder in ["a", "a/b", "a/b/c"] {
            let place = directory.path(folder)
            for mode: mode_t in [0o775, 0o757] {
                chmod(place, mode)
                #expect(
                    refusal(path)
                        == "\(place) can be written by its group or by everybody; forbid that (chmod go-w \(place))"
                )
            }
            chmod(place, 0o1777)
            // In the last one others could put a list of approvers where none is.
            #expect((refusal(path) == nil) == (folder != "a/b/c"))
            chmod(place, 0o755)
        }
        #expect(refusal(path) == nil)
        guard geteuid() == 0 else { return }
        for folder in ["a", "a/b", "a/b/c"] {
            chown(directory.path(folder), 65_534, 65_534)
            #expect(refusal(path)?.hasPrefix("\(directory.path(folder)) belongs to user 65534") == true)
            chown(directory.path(folder), 0, 0)
        }
    }

    @Test("What counts is what a link leads to, and that nobody else can turn the link")
    func links() throws {
        for folder in ["real", "real/etc", "open"] { mkdir(directory.path(folder), 0o755) }
        try directory.write("real/etc/policy.yaml", Self.text.utf8)
        symlink("real/../real/./etc", directory.path("etc"))
        symlink(directory.path("real/etc"), directory.path("open/etc"))
        let (plain, turned) = (directory.path("etc/policy.yaml"), directory.path("open/etc/policy.yaml"))
        #expect(refusal(plain) == nil && refusal(turned) == nil)
        chmod(directory.path("real"), 0o777)
        #expect(refusal(plain)?.hasPrefix("\(directory.path("real")) can be written") == true)
        chmod(directory.path("real"), 0o755)
        chmod(directory.path("open"), 0o777)
        #expect(refusal(turned)?.hasPrefix("\(directory.path("open")) can be written") == true)
        // Going through it and out again rests on it too.
        #expect(refusal(directory.path("open/../real/etc/policy.yaml"))?.contains("/open can be") == true)
        symlink("loop", directory.path("loop"))
        #expect(refusal(directory.path("loop/policy.yaml")) != nil)
        guard geteuid() == 0 else { return }
        chmod(directory.path("open"), 0o1777)
        #expect(refusal(turned) == nil)
        lchown(directory.path("open/etc"), 65_534, 65_534)
        #expect(refusal(turned)?.contains("/open/etc belongs to user 65534") == true)
    }

    @Test("A list of approvers below a folder that others can write makes nobody an approver")
    func approverList() throws {
        mkdir(directory.path("etc"), 0o755)
        let list = try directory.write("etc/approvers.yaml", "epoch: 1\n".utf8)
        chmod(directory.root, 0o777)
        let error = #expect(throws: PolicyRefusal.self) {
            try ApproverFile(beside: directory.path("etc/policy.yaml"), state: directory.root)
                .load(root: [UInt8](repeating: 7, count: 32), at: TestTickets.now, remembering: false)
        }
        #expect(error?.reason.hasPrefix("\(directory.root) can be written") == true, "\(list)")
        chmod(directory.root, 0o700)
    }

    @Test(
        "While a policy is not believed every ticket is refused, in the ledger, and what was done is not forgotten"
    )
    func refusedTickets() throws {
        let world = try DeskWorld()
        let path = world.directory.path("policy.yaml")
        let done = try world.ticket(to: "1")
        #expect(try world.receive(done) == nil)
        world.workAll()
        chmod(path, 0o666)
        let refused = try world.ticket(to: "2")
        #expect(try world.receive(refused)?.hasPrefix("\(path) can be written by its group") == true)
        #expect(world.state(refused) == .refused)
        #expect(world.log.count(.warning, "action refused", refused) == 1)
        world.wait(.seconds(60))
        world.workAll()
        #expect(world.state(done) == .rolledBack && world.performed == ["1", "not-1"])
    }

    @Test func aFileOfAnotherUserIsNotBelieved() throws {
        guard geteuid() == 0 else { return }
        let path = try directory.write("policy.yaml", Self.text.utf8)
        chown(path, 65_534, 65_534)
        #expect(throws: AgentError.self) { try file(path).load(at: TestTickets.now) }
    }
}
