import ArgumentParser
import MusterCore
import MusterIncident

/// `muster change`.
struct ChangeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change",
        abstract: "Tell Muster of changes, so that incidents can be related to them.",
        subcommands: [ChangeRecordCommand.self]
    )
}

/// `muster change record`.
struct ChangeRecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record a deploy, a configuration change, a flag or another change.",
        discussion: """
            EXAMPLES
              muster change record deploy --service shop --by sarah --number 4521 --from 4520 --to 4521 --host web-2
              muster change record flag --service checkout --by tom --summary "new-basket on for 10%"
              muster change record config --service db --summary "max_connections 100 -> 40"
              git diff v4520 v4521 -- src | muster change record deploy --service shop --to 4521 --diff -
            """
    )

    @Argument(help: "What kind: deploy, config, flag, package, restart or other.")
    var kind: Change.Kind

    @Option(help: "The service it touches.")
    var service = ""

    @Option(
        name: [.customLong("by"), .customLong("actor")],
        help: ArgumentHelp("Who made it.", valueName: "name")
    )
    var by = ""

    @Option(
        name: [.customLong("number"), .customLong("reference")],
        help: ArgumentHelp("Its own number, as in \"deploy #4521\".", valueName: "text")
    )
    var number = ""

    @Option(
        name: [.customLong("from"), .customLong("before")],
        help: ArgumentHelp("What was before, for example the old version.", valueName: "text")
    )
    var before = ""

    @Option(
        name: [.customLong("to"), .customLong("after")],
        help: ArgumentHelp("What is now.", valueName: "text")
    )
    var after = ""

    @Option(
        name: .customLong("host"),
        help: ArgumentHelp("A host it touches; may be given again.", valueName: "name")
    )
    var hosts: [String] = []

    @Option(help: ArgumentHelp("One line for people; else made of the rest.", valueName: "text"))
    var summary: String?

    @Option(
        help: ArgumentHelp(
            "What was changed, as a unified diff; \"-\" reads standard input. Its first 64 KiB are sent, secrets masked on arrival.",
            valueName: "file"
        )
    )
    var diff: String?

    @Option(help: ArgumentHelp("When, as 2026-11-23T02:14:07Z; else now.", valueName: "time"))
    var at: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        var time = Clock.now()
        if let at {
            guard let given = Timestamp(rfc3339: at) else {
                throw ValidationError("--at is a time like 2026-11-23T02:14:07Z, found \"\(at)\"")
            }
            time = given
        }
        var change = Change(
            kind: kind,
            at: time,
            service: service,
            hosts: hosts,
            summary: summary ?? "",
            actor: by,
            before: before,
            after: after,
            diff: try diff.map(Self.read) ?? "",
            source: "muster change record",
            reference: number
        )
        if change.summary.isEmpty { change.summary = Self.line(change) }
        let bytes = try connection.post("changes", change)
        let receipt = try JSON.decode(ChangeReceipt.self, bytes)
        if options.json {
            try JSON.print(receipt)
        } else {
            Terminal.out("Recorded \(Terminal.clean(change.title)): \(Terminal.clean(change.summary))")
        }
    }

    /// As much of a diff as is taken, to the end of a line; says so when it is not all.
    static func read(_ path: String) throws -> String {
        let max = 64 << 10
        var bytes: [UInt8] = []
        try Files.readPieces(path == "-" ? "/dev/stdin" : path) { piece in
            if bytes.count <= max { bytes += piece.prefix(max + 1 - bytes.count) }
        }
        if bytes.count > max {
            let end = bytes[..<max].lastIndex(of: 0x0A) ?? max - 1
            bytes = Array(bytes[...end])
            Terminal.error("muster: the diff is long; its first \(bytes.count) bytes are sent")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `shop 4520 -> 4521`, as much of it as is known.
    private static func line(_ change: Change) -> String {
        var text = change.service.isEmpty ? change.title : change.service
        if !change.before.isEmpty { text += " \(change.before) ->" }
        if !change.after.isEmpty { text += " \(change.after)" }
        return text
    }
}

extension Change.Kind: ExpressibleByArgument {}
