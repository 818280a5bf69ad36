import ArgumentParser
import MusterCause
import MusterCore
import MusterIncident

/// `muster knowledge`.
struct KnowledgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knowledge",
        abstract: "What was learned from closed incidents: look at it, correct it, take it elsewhere.",
        discussion: """
            Each piece is a cause that people confirmed, with what its incidents looked like and what fixed them. It \
            counts half after the half-life (knowledge_half_life, 180 days unless set) since it was seen last.

            EXAMPLES
              muster knowledge list
              muster knowledge show 0193c0de
              muster knowledge edit 0193c0de --fix "runbook pool-exhausted"
              muster knowledge export --output knowledge.json
            """,
        subcommands: [
            KnowledgeListCommand.self, KnowledgeShowCommand.self, KnowledgeEditCommand.self,
            KnowledgeForgetCommand.self, KnowledgeExportCommand.self, KnowledgeImportCommand.self,
        ]
    )

    static let idHelp = ArgumentHelp("Its id, or the beginning or end of it.", valueName: "id")

    /// The piece that somebody means.
    static func find(_ word: String, in items: [KnowledgeItem]) throws(CLIError) -> KnowledgeItem {
        let word = word.lowercased()
        guard word.utf8.count >= 4 else {
            throw CLIError(.usage, "give at least four characters of the id; see muster knowledge list")
        }
        let found = items.filter { $0.id.description.hasPrefix(word) || $0.id.description.hasSuffix(word) }
        guard let item = found.first else {
            throw CLIError(.failed, "nothing known has an id that begins or ends with \"\(word)\"")
        }
        guard found.count == 1 else {
            throw CLIError(.failed, "\(found.count) pieces fit \"\(word)\"; give more of the id")
        }
        return item
    }
}

/// `muster knowledge list`.
struct KnowledgeListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what is known, seen last first.",
        discussion: """
            SEEN counts incidents in which people confirmed it; RIGHT and WRONG those in which it was recalled and people \
            confirmed it, or another cause.

            EXAMPLES
              muster knowledge list
              muster knowledge list --json
            """
    )

    @OptionGroup var options: ServerOptions

    func run() throws {
        let file = try options.connect().get("knowledge", as: KnowledgeFile.self)
        if options.json { return try JSON.print(file.items) }
        var table = Table("ID", "CAUSE", "SERVICE", ">SEEN", ">RIGHT", ">WRONG", "LAST (UTC)", "FIXED BY")
        for item in file.items {
            table.add(
                item.id.description,
                item.causeText,
                item.service,
                "\(item.seen)",
                "\(item.right)",
                "\(item.wrong)",
                Words.time(item.last),
                item.fix ?? "-"
            )
        }
        table.print(orElse: "Nothing was learned yet: close incidents with --cause or --confirm.")
    }
}

/// `muster knowledge show`.
struct KnowledgeShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a piece of knowledge with what its incidents looked like.",
        discussion: """
            EXAMPLES
              muster knowledge show 0193c0de
            """
    )

    @Argument(help: KnowledgeCommand.idHelp)
    var id: String

    @OptionGroup var options: ServerOptions

    func run() throws {
        let items = try options.connect().get("knowledge", as: KnowledgeFile.self).items
        let item = try KnowledgeCommand.find(id, in: items)
        if options.json { return try JSON.print(item) }
        item.print()
    }
}

/// `muster knowledge edit`.
struct KnowledgeEditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Correct a piece of knowledge.",
        discussion: """
            EXAMPLES
              muster knowledge edit 0193c0de --cause pool-exhausted
              muster knowledge edit 0193c0de --fix "runbook pool-exhausted" --text "leaked connections"
            """
    )

    @Argument(help: KnowledgeCommand.idHelp)
    var id: String

    @Option(help: ArgumentHelp("What it is: a kind of cause, see muster close --help.", valueName: "kind"))
    var cause: CauseKind?

    @Option(help: ArgumentHelp("The cause in a sentence.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("What fixes it; empty when that is not known.", valueName: "text"))
    var fix: String?

    @OptionGroup var options: ServerOptions

    func validate() throws {
        guard cause != nil || text != nil || fix != nil else {
            throw ValidationError("give at least one of --cause, --text and --fix")
        }
    }

    func run() throws {
        let connection = try options.connect()
        let found = try KnowledgeCommand.find(
            id,
            in: try connection.get("knowledge", as: KnowledgeFile.self).items
        )
        let edit = KnowledgeEdit(cause: cause, text: text, fix: fix)
        let item = try JSON.decode(KnowledgeItem.self, try connection.post("knowledge/\(found.id)", edit))
        if options.json { return try JSON.print(item) }
        item.print()
    }
}

/// `muster knowledge forget`.
struct KnowledgeForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Take a piece of knowledge out; its incidents are not learned from again.",
        discussion: """
            EXAMPLES
              muster knowledge forget 0193c0de
            """
    )

    @Argument(help: KnowledgeCommand.idHelp)
    var id: String

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let item = try KnowledgeCommand.find(
            id,
            in: try connection.get("knowledge", as: KnowledgeFile.self).items
        )
        try connection.delete("knowledge/\(item.id)")
        if options.json { return try JSON.print(["forgotten": item.id.description]) }
        Terminal.out("Forgotten: \(Terminal.clean(item.causeText)) of \(Terminal.clean(item.service)).")
    }
}

/// `muster knowledge export`.
struct KnowledgeExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all knowledge as JSON.",
        discussion: """
            EXAMPLES
              muster knowledge export --output knowledge.json
              muster knowledge export > knowledge.json
            """
    )

    @Option(help: ArgumentHelp("The file to write; else standard output.", valueName: "file"))
    var output: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
        let bytes = try options.connect().get("knowledge")
        guard let output else { return Terminal.out(String(decoding: bytes, as: UTF8.self)) }
        try Files.write(bytes + [10], to: output, mode: 0o600)
        if options.json { return try JSON.print(["written": output]) }
        Terminal.out("Written: \(Terminal.clean(output))")
    }
}

/// `muster knowledge import`.
struct KnowledgeImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take in knowledge that was exported elsewhere.",
        discussion: """
            Pieces whose ids are there already are left out, unless --replace is given. It is for administrators: what is \
            known shifts the ranking of causes.

            EXAMPLES
              muster knowledge import knowledge.json
              muster knowledge import knowledge.json --replace
            """
    )

    @Argument(help: "The file that export wrote.")
    var file: String

    @Flag(help: "Pieces with the same id take the place of those that are there.")
    var replace = false

    @OptionGroup var options: ServerOptions

    func run() throws {
        let bytes = try Files.read(file, max: KnowledgeFile.bytesMax)
        let wanted = KnowledgeImport(file: try JSON.decode(KnowledgeFile.self, bytes), replace: replace)
        let receipt = try JSON.decode(KnowledgeReceipt.self, try options.connect().post("knowledge", wanted))
        if options.json { return try JSON.print(receipt) }
        Terminal.out("Added \(receipt.added), replaced \(receipt.replaced), left out \(receipt.kept).")
    }
}

extension KnowledgeItem {
    var causeText: String { cause?.rawValue ?? "false alarm" }

    /// Everything about it, for people.
    fileprivate func print() {
        let clean = Terminal.clean
        Terminal.out(Terminal.paint(clean("\(causeText)\(text.isEmpty ? "" : ": \(text)")"), .bold))
        Terminal.out(Terminal.paint("\(id)", .dim))
        Terminal.out("  service    \(clean(service.isEmpty ? "-" : service))")
        Terminal.out("  fixed by   \(clean(fix ?? "not recorded"))")
        Terminal.out(
            "  seen       \(Words.count(seen, "time")), \(Words.time(first)) to \(Words.time(last)) UTC"
        )
        Terminal.out("  recalled   \(right) right, \(wrong) wrong")
        for mistake in mistakes {
            Terminal.out("  not        \(mistake.kind.rawValue), said \(Words.count(mistake.count, "time"))")
        }
        if let editor { Terminal.out("  edited by  \(clean(editor))") }
        for incident in incidents { Terminal.out("  incident   \(incident)") }
        for field in IncidentSignature.Field.allCases {
            let entries = signature.entries.filter { $0.feature.field == field }
            guard !entries.isEmpty else { continue }
            let blanks = String(repeating: " ", count: max(1, 11 - field.rawValue.count))
            let texts = entries.map {
                $0.share < 1 ? "\($0.feature.text) (\(Words.percent($0.share)))" : $0.feature.text
            }
            Terminal.out("  \(field.rawValue)\(blanks)\(clean(texts.joined(separator: ", ")))")
        }
    }
}

extension CauseKind: ExpressibleByArgument {}
