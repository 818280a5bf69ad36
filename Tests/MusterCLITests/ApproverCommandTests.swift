import ArgumentParser
import Glibc
import MusterCore
import MusterIdentity
import MusterTesting
import Testing

@testable import muster

@Suite("CLI: lists of approvers")
struct ApproverCommandTests {
    private let folder: TemporaryDirectory
    private let root: SigningKey
    private let file: String

    init() throws {
        folder = try TemporaryDirectory()
        let path = folder.path("root.key")
        try Self.run(ApproversKeygenCommand.self, "--out", path, "--no-passphrase")
        root = try Signer.read(path, try UnlockingOptions.parse([]))
        let text = """
            epoch: 7
            expires: 2100-01-01T00:00:00Z
            approvers:
              - { name: ana, key: \(Base64.text([UInt8](repeating: 1, count: 32))) }
            """
        file = try folder.write("approvers.yaml", Array(text.utf8))
    }

    private static func run<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws {
        var command = try type.parse(arguments)
        try command.run()
    }

    private var key: String { folder.path("root.key") }

    @Test("a root's key is for its owner only, and never overwritten")
    func keygen() throws {
        var status = stat()
        #expect(stat(key, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(throws: CLIError.self) {
            try Self.run(ApproversKeygenCommand.self, "--out", key, "--no-passphrase")
        }
    }

    @Test("what is signed is what hosts check, and signing again replaces the signature")
    func sign() throws {
        for _ in 0..<2 { try Self.run(ApproversSignCommand.self, file, "--key", key) }
        let text = TemporaryDirectory.read(file)
        let signed = try #require(SignedApprovers(file: Array(text.utf8)))
        #expect(signed.isSigned(by: root.publicKey))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("signature: ") } == 1)
        let own = Base64.text(root.publicKey)
        try Self.run(ApproversShowCommand.self, file, "--root", own, "--json")
        let other = Base64.text(try SigningKey.generate().publicKey)
        #expect(throws: CLIError.self) { try Self.run(ApproversShowCommand.self, file, "--root", other) }
        try folder.write("approvers.yaml", Array(text.replacing("epoch: 7", with: "epoch: 8").utf8))
        #expect(throws: CLIError.self) { try Self.run(ApproversShowCommand.self, file, "--root", own) }
    }

    @Test("nothing is signed that no host would take", arguments: ["epoch", "expires", "root"])
    func refused(_ what: String) throws {
        var text = TemporaryDirectory.read(file)
        switch what {
        case "epoch": text = text.replacing("epoch: 7", with: "epoch: seven")
        case "expires": text = text.replacing("2100", with: "2020")
        default:
            let person = Base64.text([UInt8](repeating: 1, count: 32))
            text = text.replacing(person, with: Base64.text(root.publicKey))
        }
        try folder.write("approvers.yaml", Array(text.utf8))
        #expect(throws: CLIError.self) { try Self.run(ApproversSignCommand.self, file, "--key", key) }
        #expect(TemporaryDirectory.read(file) == text)
    }
}
