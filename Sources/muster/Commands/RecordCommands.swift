import ArgumentParser
import MusterCore
import MusterIncident
import MusterRecord

/// `muster incident export`.
struct IncidentExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write an incident's record into one file: every event as it is stored, with its hash.",
        discussion: """
            The file is JSON Lines and needs nothing else: "muster incident verify" and "muster incident replay" read it \
            without a coordinator. A record that does not hold is written as it is; the exit code is then 1.

            EXAMPLES
              muster incident export latest --output incident.jsonl
              muster incident export 0193c0de | gzip > incident.jsonl.gz
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file; standard output when left out.", valueName: "file")
    )
    var output: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let bytes = try RecordSource.export(try IncidentFinder.find(incident, connection), connection)
        let check = try RecordCheck(.bytes(bytes))
        if let output {
            try Files.write(bytes, to: output, mode: 0o600)
            if options.json { try JSON.print(check) } else { check.print() }
        } else {
            let text = String(decoding: bytes.dropLast(bytes.last == 10 ? 1 : 0), as: UTF8.self)
            Terminal.out(Terminal.outIsTerminal ? Terminal.cleanLines(text) : text)
        }
        guard check.holds else {
            throw CLIError(.failed, "the record does not hold and was written as it is: \(check.reason)")
        }
    }
}

/// `muster incident verify`.
struct IncidentVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check on this machine that an incident's record is what was written.",
        discussion: """
            Follows the chain of hashes from the first event to the last and names the first place that is wrong; the \
            exit code is then 1. The hash of the last event stands for all of them: keep it elsewhere to notice when a \
            record was made anew as a whole, or lost its end.

            EXAMPLES
              muster incident verify latest
              muster incident verify --file incident.jsonl --json
            """
    )

    @OptionGroup var record: RecordOptions

    @Option(help: ArgumentHelp("Hash that an event of the record must have.", valueName: "hash"))
    var contains: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
        var wanted: Digest?
        if let contains {
            wanted = Digest(contains)
            guard wanted != nil else {
                throw ValidationError("--contains is a hash of 64 hexadecimal digits, found \"\(contains)\"")
            }
        }
        let check = try RecordCheck(try record.source(options), containing: wanted)
        if options.json { try JSON.print(check) } else { check.print() }
        guard check.holds else { throw CommandStatus.failed.code }
    }
}

/// `muster incident replay`.
struct IncidentReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Decide an incident again from its record and show what would be decided otherwise today.",
        discussion: """
            Goes through the events one by one. What Muster decided by itself is compared with what this version \
            decides at that moment; what was measured or asked must be something that it still asks for; hypotheses \
            are ranked again from the recorded findings. Nothing is sent anywhere. The exit code is 1 when there is a \
            difference.

            EXAMPLES
              muster incident replay incident.jsonl
              muster incident replay latest --json
            """
    )

    @OptionGroup var record: RecordOptions
    @OptionGroup var options: ServerOptions

    func run() throws {
        let report = try Self.replay(try record.source(options))
        if options.json { try JSON.print(report) } else { Self.print(report) }
        guard report.differences.isEmpty else { throw CommandStatus.failed.code }
    }

    static func replay(_ source: RecordSource) throws -> ReplayReport {
        var replay: RecordReplay?
        try source.readIntact { item throws(IncidentRecordError) in
            switch item {
            case .header(let header): replay = RecordReplay(header)
            case .event(let event): try replay?.take(event)
            case .answer: break
            }
        }
        guard let report = replay?.finish() else { throw CLIError(.failed, "the record is empty") }
        return report
    }

    private static func print(_ report: ReplayReport) {
        Terminal.out(
            "Incident \(report.incident), \(report.events) events recorded by coordinator "
                + Terminal.clean(report.coordinator)
        )
        if !report.notRanked.isEmpty {
            let places = report.notRanked.map(String.init).joined(separator: ", ")
            Terminal.out("Ranked from what was asked anew, which the record does not hold: event \(places)")
        }
        guard !report.differences.isEmpty else {
            Terminal.out(Terminal.paint("no differences", .green))
            return
        }
        var table = Table(">SEQ", "KIND", "RECORDED", "TODAY")
        for difference in report.differences {
            table.add("\(difference.seq)", difference.kind, difference.recorded, difference.today)
        }
        table.print()
    }
}
