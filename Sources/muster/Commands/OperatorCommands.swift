import ArgumentParser
import MusterCore
import MusterIdentity
import MusterIncident

/// `muster login`.
struct LoginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Remember where the coordinator is and who you are.",
        discussion: """
            Tries the token, then writes config.yaml in ~/.config/muster (or the folder MUSTER_CONFIG names).

            EXAMPLES
              muster login --server https://muster.example:8443 --ca ca.pem --token-file token
            """
    )

    @Option(
        name: [.customLong("server"), .customLong("url")],
        help: ArgumentHelp("The coordinator, for example https://muster.example:8443.", valueName: "url")
    )
    var server: String

    @Option(help: ArgumentHelp("Certificate of Muster's CA in PEM.", valueName: "file"))
    var ca: String

    @Option(help: ArgumentHelp("File with your token.", valueName: "file"))
    var tokenFile: String

    func run() throws {
        let token = String(decoding: try Files.readSecret(tokenFile), as: UTF8.self).filter {
            !$0.isWhitespace
        }
        _ = try Connection(server: server, ca: ca, token: token).get("incidents")
        var configuration = try Configuration.read()
        configuration.server = server
        configuration.ca = Files.absolute(ca)
        configuration.tokenFile = Files.absolute(tokenFile)
        try configuration.write()
        Terminal.out("Logged in to \(server).")
    }
}

/// `muster operator`.
struct OperatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Keys and tokens of the people who work with Muster.",
        subcommands: [
            OperatorKeygenCommand.self, OperatorKeyCommand.self, OperatorPassphraseCommand.self,
            OperatorCreateCommand.self, OperatorListCommand.self, OperatorRevokeCommand.self,
        ]
    )
}

/// `muster operator keygen`.
struct OperatorKeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make the key that your approvals are signed with.",
        discussion: """
            The private key stays in a file that only you can read, encrypted with a passphrase that is asked for \
            whenever you sign. The file is PKCS #8 in PEM (scrypt, AES-256); "openssl pkey" reads it too. Give the public key to whoever looks after \
            the hosts' policy.yaml; nothing is acted on without it.

            EXAMPLES
              muster operator keygen --name ana
              muster operator keygen --out ana.key --name ana
              muster operator keygen --name ana --passphrase-file <(pass show muster)
            """
    )

    @Option(help: ArgumentHelp("Where to; else operator.key beside the configuration.", valueName: "file"))
    var out: String?

    @Option(help: ArgumentHelp("Your name in policy.yaml.", valueName: "name"))
    var name: String?

    @OptionGroup var protection: NewPassphraseOptions

    func run() throws {
        var configuration = try Configuration.read()
        if out == nil { try Files.makeFolder(Configuration.folder) }
        let path = Files.absolute(out ?? "\(Configuration.folder)/operator.key")
        let key = try Signer.makeKey(at: path, protection)
        configuration.keyFile = path
        if let name { configuration.name = name }
        try configuration.write()
        let text = Base64.text(key.publicKey)
        Terminal.out("Private key: \(path)")
        Terminal.out("Public key:  \(text)")
        Terminal.out(
            """

            For policy.yaml on each host:

            approvers:
              - name: \(configuration.name ?? "YOUR-NAME")
                key: \(text)
            """
        )
    }
}

/// `muster operator key`.
struct OperatorKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Print the public half of your key in base64.",
        discussion: """
            EXAMPLES
              muster operator key
              muster operator key --key ana.key
            """
    )

    @Option(
        help: ArgumentHelp("Your private key; else the one of \"muster operator keygen\".", valueName: "file")
    )
    var key: String?

    @OptionGroup var unlocking: UnlockingOptions

    func run() throws {
        guard let path = try key ?? Configuration.read().keyFile else {
            throw CLIError(.usage, "no key is named; make one with \"muster operator keygen\" or give --key")
        }
        Terminal.out(Base64.text(try Signer.read(path, unlocking).publicKey))
    }
}

/// `muster operator passphrase`.
struct OperatorPassphraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passphrase",
        abstract: "Give your key another passphrase, or its first one.",
        discussion: """
            The key stays the same; hosts notice nothing.

            EXAMPLES
              muster operator passphrase
              muster operator passphrase --key root.key --passphrase-file old --new-passphrase-file new
            """
    )

    @Option(
        help: ArgumentHelp("Your private key; else the one of \"muster operator keygen\".", valueName: "file")
    )
    var key: String?

    @OptionGroup var unlocking: UnlockingOptions

    @Option(
        help: ArgumentHelp(
            "File with the new passphrase; else you are asked for it twice.",
            valueName: "file"
        )
    )
    var newPassphraseFile: String?

    func run() throws {
        guard let path = try key ?? Configuration.read().keyFile else {
            throw CLIError(.usage, "no key is named; make one with \"muster operator keygen\" or give --key")
        }
        let key = try Signer.read(path, unlocking)
        let passphrase = try Passphrase.new(for: path, file: newPassphraseFile)
        try Files.write(try Signer.pem(key, passphrase), to: path, mode: 0o600)
        Terminal.out("\(path) has a new passphrase; the public key is still \(Base64.text(key.publicKey))")
    }
}

/// `muster operator create`.
struct OperatorCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make an operator and print the token, which is shown this once.",
        discussion: """
            Roles: intake may only deliver alerts and changes; viewer may look; responder may also ask, record \
            changes and close incidents; approver may also approve and reject; admin may do everything.

            EXAMPLES
              muster operator create alertmanager --role intake --life 366d > token
              muster operator create ana --role approver
            """
    )

    @Argument(help: "Lower-case letters, digits, \".\", \"_\" and \"-\".")
    var name: String

    @Option(help: "intake, viewer, responder, approver or admin.")
    var role: OperatorRole

    @Option(help: ArgumentHelp("How long the token lasts; at most 366d.", valueName: "span"))
    var life = "90d"

    @OptionGroup var options: ServerOptions

    func run() throws {
        let seconds = Int(try Duration(option: "life", life).inSeconds)
        let connection = try options.connect()
        let request = OperatorRequest(name: name, role: role, lifeSeconds: seconds)
        let created = try JSON.decode(OperatorCreated.self, try connection.post("operators", request))
        if options.json {
            try JSON.print(created)
        } else {
            // The token alone on standard output, so that it can go straight into a file.
            Terminal.error(
                "Operator \(name), role \(role.rawValue), until \(Words.time(created.record.expires)) UTC; the token:"
            )
            Terminal.out(created.token)
        }
    }
}

/// `muster operator list`.
struct OperatorListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the operators.",
        discussion: """
            EXAMPLES
              muster operator list
            """
    )

    @OptionGroup var options: ServerOptions

    func run() throws {
        let records = try options.connect().get("operators", as: [OperatorRecord].self)
        if options.json {
            try JSON.print(records)
            return
        }
        var table = Table("NAME", "ROLE", "EXPIRES (UTC)", "MADE BY", "STATE")
        for record in records {
            let state = record.revoked ? "revoked" : record.expires <= Clock.now() ? "expired" : "valid"
            table.add(record.name, record.role.rawValue, Words.time(record.expires), record.creator, state)
        }
        table.print()
    }
}

/// `muster operator revoke`.
struct OperatorRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Make an operator's token useless, at once.",
        discussion: """
            EXAMPLES
              muster operator revoke ana
            """
    )

    @Argument var name: String
    @OptionGroup var options: ServerOptions

    func run() throws {
        try options.connect().delete("operators/\(name.pathPart)")
        if options.json {
            try JSON.print(["revoked": name])
        } else {
            Terminal.out("Revoked \(Terminal.clean(name)).")
        }
    }
}

extension OperatorRole: ExpressibleByArgument {}
