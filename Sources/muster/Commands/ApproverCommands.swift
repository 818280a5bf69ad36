import ArgumentParser
import MusterCore
import MusterIdentity
import MusterYAML

/// `muster approvers`.
struct ApproversCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvers",
        abstract: "The list of those who may approve, signed by an offline root.",
        discussion: """
            A host whose policy.yaml has "approver_root" takes its approvers from approvers.yaml beside it: only \
            with the root's signature, before it expires, and never an older one than it has taken before. People \
            come and go by one new file for all hosts; the policy stays as it is.

            The file:

              epoch: 7                         # higher with each change
              expires: 2027-06-30T00:00:00Z
              approvers:
                - name: ana
                  key: <as "muster operator key" prints it>
                  may: [approve, preapprove, break_glass]   # else approve

            EXAMPLES
              muster approvers keygen --out /media/safe/root.key
              muster approvers sign approvers.yaml --key /media/safe/root.key
              muster approvers show /etc/muster/approvers.yaml
            """,
        subcommands: [ApproversKeygenCommand.self, ApproversSignCommand.self, ApproversShowCommand.self]
    )
}

/// `muster approvers keygen`.
struct ApproversKeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make the key of an offline root.",
        discussion: """
            Whoever has it says who may approve on every host that pins it: keep it off line, and use it for \
            nothing else.

            EXAMPLES
              muster approvers keygen --out /media/safe/root.key
            """
    )

    @Option(help: ArgumentHelp("Where to.", valueName: "file"))
    var out: String

    @OptionGroup var protection: NewPassphraseOptions

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() throws {
        let path = Files.absolute(out)
        let text = Base64.text(try Signer.makeKey(at: path, protection).publicKey)
        if json { return try JSON.print(["key": path, "root": text]) }
        Terminal.out("Private key: \(path)")
        Terminal.out("For policy.yaml on each host, and coordinator.yaml:")
        Terminal.out("approver_root: \(text)")
    }
}

/// `muster approvers sign`.
struct ApproversSignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a list of approvers; the signature becomes the last line of the file.",
        discussion: """
            The signature covers every byte before its line, so any edit ends it. An earlier signature is \
            replaced. Put the file beside policy.yaml on each host as your configuration management does with \
            other files; the coordinator reads it as well where coordinator.yaml has "approver_root".

            EXAMPLES
              muster approvers sign approvers.yaml --key /media/safe/root.key
            """
    )

    @Argument(help: ArgumentHelp("The list.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Private key of the root.", valueName: "file"))
    var key: String

    @OptionGroup var unlocking: UnlockingOptions

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() throws {
        let root = try Signer.read(key, unlocking)
        let signed: SignedApprovers
        do {
            signed = try SignedApprovers(signing: try Files.read(file, max: ApproverList.bytesMax), by: root)
        } catch let error as IdentityError { throw CLIError(.failed, "can't sign", cause: error) }
        let list = try ApproversText.read(signed, file)
        guard list.expires > Clock.now() else {
            throw CLIError(.failed, "nothing was signed: the list expired at \(list.expires)")
        }
        guard !list.approvers.contains(where: { $0.key == root.publicKey }) else {
            throw CLIError(.failed, "nothing was signed: the root may not be an approver itself")
        }
        try Files.write(signed.file, to: file, mode: 0o644)
        if json { return try JSON.print(ApproversText(list, file: file, root: root.publicKey)) }
        ApproversText.print(list)
        Terminal.out("Signed \(file); hosts take it with this in policy.yaml:")
        Terminal.out("approver_root: \(Base64.text(root.publicKey))")
    }
}

/// `muster approvers show`.
struct ApproversShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What a list of approvers says, and whether it is signed.",
        discussion: """
            Ends with 3 when it is not signed, not by the root that --root names, or has expired.

            EXAMPLES
              muster approvers show approvers.yaml
              muster approvers show approvers.yaml --root J2WhgZy9dMBjXzvnPcfSy7m6pJZaVAZ3Z9cVbFoqkbk=
            """
    )

    @Argument(help: ArgumentHelp("The list.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Public key that it has to be signed by, in base64.", valueName: "key"))
    var root: String?

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    func run() throws {
        var rootKey: [UInt8]?
        if let root {
            guard let bytes = Base64.bytes(root), bytes.count == 32 else {
                throw ValidationError(
                    "--root is the base64 of 32 bytes, as \"muster approvers sign\" prints it"
                )
            }
            rootKey = bytes
        }
        guard let signed = SignedApprovers(file: try Files.read(file, max: ApproverList.bytesMax)) else {
            throw CLIError(.denied, "\(file) does not end in a signature: see \"muster approvers sign\"")
        }
        let list = try ApproversText.read(signed, file)
        if json {
            try JSON.print(ApproversText(list, file: file, root: rootKey))
        } else {
            ApproversText.print(list)
        }
        if let rootKey {
            guard signed.isSigned(by: rootKey) else {
                throw CLIError(.denied, "the signature is not that of the root over this file")
            }
            if !json { Terminal.out("Signed by the root, SHA-256 \(signed.digest)") }
        } else {
            Terminal.error("muster: note: the signature was not checked; give --root to do that")
        }
        guard list.expires > Clock.now() else { throw CLIError(.denied, "it expired at \(list.expires)") }
    }
}

/// A list of approvers as it is printed.
struct ApproversText: Encodable {
    struct Person: Encodable {
        var name: String
        var key: String
        var may: [String]
    }

    var file: String
    var epoch: Int
    var expires: Timestamp
    var approvers: [Person]
    /// The key that it is or was to be signed by, in base64.
    var root: String?

    init(_ list: ApproverList, file: String, root: [UInt8]?) {
        self.file = file
        epoch = list.epoch
        expires = list.expires
        self.root = root.map { Base64.text($0) }
        approvers = list.approvers.map {
            Person(name: $0.name, key: Base64.text($0.key), may: $0.may.map(\.rawValue).sorted())
        }
    }

    /// Reads the bytes that are signed.
    static func read(_ signed: SignedApprovers, _ file: String) throws(CLIError) -> ApproverList {
        do throws(DocumentError) {
            return try ApproverList(document: try YAMLReader.read(signed.content, name: file)) {
                Base64.bytes($0)
            }
        } catch { throw CLIError(.failed, "\(error)") }
    }

    static func print(_ list: ApproverList) {
        Terminal.out("Epoch \(list.epoch), until \(Words.time(list.expires)) UTC")
        var table = Table("NAME", "MAY", "KEY")
        for person in list.approvers {
            table.add(
                person.name,
                person.may.map(\.rawValue).sorted().joined(separator: ", "),
                Base64.text(person.key)
            )
        }
        table.print()
    }
}
