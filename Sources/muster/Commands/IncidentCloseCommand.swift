import ArgumentParser
import MusterCore
import MusterIncident

/// `muster incident close`, also `muster close`.
struct IncidentCloseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Close an incident, and say what the cause was in the end.",
        discussion: """
            What --cause names is learned: similar incidents are shown with it and with what fixed it, and it shifts \
            the ranking of their causes. Without --cause nothing is learned. Kinds of causes:

            \(kinds)

            How well the first hypothesis fitted follows from --cause and --place: exact (kind and place), partly (one \
            of them, or it was among the first three), wrong, none (nothing was said); --grade says it otherwise. \
            Without --place the place is the one that Muster named.

            EXAMPLES
              muster close latest --confirm
              muster close latest --cause certificate --cause-text "of the payment gateway" --fix "renewed it"
              muster close 0193c0de --cause pool-exhausted --place orders --grade partly
              muster close latest --false-alarm --cause-text "a load test that nobody had announced"
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @Option(help: ArgumentHelp("What it was: one of the kinds above.", valueName: "kind"))
    var cause: String?

    @Option(help: ArgumentHelp("The cause in a sentence.", valueName: "text"))
    var causeText: String?

    @Option(help: ArgumentHelp("The service or host where it was.", valueName: "name"))
    var place: String?

    @Option(help: ArgumentHelp("What helped; else the runbook that was verified.", valueName: "text"))
    var fix: String?

    @Option(help: ArgumentHelp("exact, partly, wrong or none.", valueName: "grade"))
    var grade: AccuracyGrade?

    @Flag(help: "Muster's first hypothesis was right.")
    var confirm = false

    @Flag(help: "There was nothing to act on; counts against the runbook that wanted to.")
    var falseAlarm = false

    @OptionGroup var options: ServerOptions

    private static var kinds: String {
        let words = CauseKind.allCases.filter { $0 != .unknown }.map(\.rawValue)
        return stride(from: 0, to: words.count, by: 6).map { start in
            "  " + words[start..<min(start + 6, words.count)].joined(separator: ", ")
        }.joined(separator: ",\n")
    }

    func validate() throws {
        if confirm, cause != nil || falseAlarm {
            throw ValidationError("--confirm says what the cause was; leave out --cause and --false-alarm")
        }
        if falseAlarm, kind != nil {
            throw ValidationError("a false alarm has no cause; leave out --cause or --false-alarm")
        }
        guard let cause, kind == nil else { return }
        if causeText != nil || !cause.contains(" ") {
            throw ValidationError("\"\(cause)\" is no kind of cause; see muster close --help")
        }
    }

    /// The kind that --cause names; nil also for a sentence, as it was given here before there were kinds.
    private var kind: CauseKind? { cause.flatMap(CauseKind.init) }

    /// What to send; `first` is the kind that Muster ranked first.
    func request(first: CauseKind?) throws(CLIError) -> CloseRequest {
        if confirm, first == nil || first == .unknown {
            throw CLIError(.failed, "there is no kind of cause to confirm; name it with --cause")
        }
        return CloseRequest(
            cause: causeText ?? (kind == nil ? cause : nil),
            falseAlarm: falseAlarm ? true : nil,
            kind: confirm ? first : kind,
            place: place,
            fix: fix,
            grade: grade
        )
    }

    func run() throws {
        let connection = try options.connect()
        let id = try IncidentFinder.find(incident, connection)
        let ranking = confirm ? try connection.get("incidents/\(id)", as: IncidentDetail.self).ranking : nil
        let request = try request(first: ranking?.hypotheses.first?.kind)
        try connection.post("incidents/\(id)/close", request)
        if options.json { return try JSON.print(["closed": id.description]) }
        Terminal.out("Incident \(id) is closed.")
        if request.kind == nil, request.falseAlarm != true {
            Terminal.out("Nothing is learned from it: no kind of cause was named (--cause, --confirm).")
        }
    }
}

extension AccuracyGrade: ExpressibleByArgument {}
