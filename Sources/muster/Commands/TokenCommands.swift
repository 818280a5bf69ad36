import ArgumentParser
import MusterCore
import MusterIncident

/// `muster token`.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Join tokens: what lets new hosts into the fleet.",
        subcommands: [TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self]
    )
}

/// `muster token create`.
struct TokenCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a join token; it is shown this once.",
        discussion: """
            Labels decide which hosts actions are meant for; they come from the token, never from the host.

            EXAMPLES
              muster token create --label role=db --uses 1 --ttl 1h
              muster token create --label role=web --label zone=a --uses 20 --json
            """
    )

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp("Given to each host that joins; may be given again.", valueName: "name=value")
    )
    var labels: [String] = []

    @Option(help: "How many hosts may join with it.")
    var uses = 1

    @Option(help: ArgumentHelp("How long it lasts.", valueName: "span"))
    var ttl = "1h"

    @OptionGroup var options: ServerOptions

    func run() throws {
        var map: [String: String] = [:]
        for label in labels {
            let parts = label.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, !parts[0].isEmpty, map[String(parts[0])] == nil else {
                throw ValidationError("--label is NAME=VALUE, each name once; found \"\(label)\"")
            }
            map[String(parts[0])] = String(parts[1])
        }
        let life = Int(try Duration(option: "ttl", ttl).inSeconds)
        let connection = try options.connect()
        let request = JoinTokenRequest(labels: map, uses: uses, lifeSeconds: life)
        let created = try JSON.decode(JoinTokenCreated.self, try connection.post("tokens", request))
        if options.json {
            try JSON.print(created)
        } else {
            Terminal.error("For \(Words.count(uses, "host")), within \(ttl); the token:")
            Terminal.out(created.token)
        }
    }
}

/// `muster token list`.
struct TokenListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the join tokens, without their secrets.",
        discussion: """
            EXAMPLES
              muster token list
            """
    )

    @OptionGroup var options: ServerOptions

    private struct Token: Codable {
        var id: String
        var labels: [String: String]
        var usesMax: Int
        var usesLeft: Int
        var expires: Timestamp
        var creator: String
        var revoked: Bool
    }

    func run() throws {
        let bytes = try options.connect().get("tokens")
        if options.json {
            Terminal.out(String(decoding: bytes, as: UTF8.self))
            return
        }
        var table = Table("TOKEN", "LABELS", "LEFT", "EXPIRES (UTC)", "MADE BY", "STATE")
        for token in try JSON.decode([Token].self, bytes) {
            let labels = token.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let isUsable = token.usesLeft > 0 && token.expires > Clock.now()
            table.add(
                token.id,
                labels.joined(separator: ","),
                "\(token.usesLeft)/\(token.usesMax)",
                Words.time(token.expires),
                token.creator,
                token.revoked ? "revoked" : isUsable ? "valid" : "over"
            )
        }
        table.print()
    }
}

/// `muster token revoke`.
struct TokenRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Make a join token useless; hosts that joined with it stay.",
        discussion: """
            EXAMPLES
              muster token revoke 4f1a22d09e
            """
    )

    @Argument(help: "The token's id, as \"muster token list\" shows it.")
    var token: String

    @OptionGroup var options: ServerOptions

    func run() throws {
        try options.connect().delete("tokens/\(token.pathPart)")
        if options.json { try JSON.print(["revoked": token]) } else { Terminal.out("Revoked.") }
    }
}

/// `muster agent`.
struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "End the trust in a host, or let it out of quarantine.",
        subcommands: [AgentRevokeCommand.self, AgentReleaseCommand.self]
    )
}

/// `muster agent revoke`.
struct AgentRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Cut a host's connection and never trust its key again.",
        discussion: """
            EXAMPLES
              muster agent revoke web-2 --reason "disk was stolen"
            """
    )

    @Argument(help: "The host's name, or its identity of 64 digits when two have the same name.")
    var host: String

    @Option(help: ArgumentHelp("Why, in a sentence.", valueName: "text"))
    var reason = ""

    @OptionGroup var options: ServerOptions

    func run() throws {
        try options.connect().post("agents/\(host.pathPart)/revoke", ReasonRequest(reason: reason))
        if options.json {
            try JSON.print(["revoked": host])
        } else {
            Terminal.out("Revoked \(Terminal.clean(host)).")
        }
    }
}

/// `muster agent release`.
struct AgentReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Let a host out of quarantine.",
        discussion: """
            A host is put into quarantine when it answers what it was not asked, or when two hosts use its identity. \
            Look at it first. A key that was copied must not be trusted again: revoke the host then, remove \
            agent.key on it and let it join anew.

            EXAMPLES
              muster fleet
              muster agent release web-2
            """
    )

    @Argument(help: "The host's name, or its identity of 64 digits when two have the same name.")
    var host: String

    @OptionGroup var options: ServerOptions

    func run() throws {
        try options.connect().post("agents/\(host.pathPart)/release", [String: String]())
        if options.json {
            try JSON.print(["released": host])
        } else {
            Terminal.out("Released \(Terminal.clean(host)); it connects within two minutes.")
        }
    }
}
