import ArgumentParser
import MusterCore
import MusterIncident
import MusterRecord

/// Options of commands that read an incident's record: from the coordinator, or from a file that was exported.
struct RecordOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The incident: its id, the beginning or end of it, or \"latest\"; or an exported file, "
                + "whose name has a dot or a slash.",
            valueName: "incident-or-file"
        )
    )
    var record: String?

    @Option(help: ArgumentHelp("An exported file.", valueName: "file"))
    var file: String?

    func validate() throws {
        guard (record == nil) != (file == nil) else {
            throw ValidationError("name an incident, or a file that was exported")
        }
    }

    /// Where the record comes from.
    func source(_ options: ServerOptions) throws(CLIError) -> RecordSource {
        if let file { return .file(file) }
        let word = record ?? ""
        // No id has either.
        if word.contains(where: { $0 == "." || $0 == "/" }) { return .file(word) }
        let connection = try options.connect()
        return .bytes(try RecordSource.export(try IncidentFinder.find(word, connection), connection))
    }
}

/// A record in the form of an export.
enum RecordSource {
    case file(String)
    case bytes([UInt8])

    /// Longest that the coordinator may take to hand a record over.
    private static let exportTime = Duration.seconds(600)

    /// The record as the coordinator stores it; at most 256 MiB.
    static func export(_ incident: IncidentID, _ connection: Connection) throws(CLIError) -> [UInt8] {
        try connection.call("GET", "incidents/\(incident)/record", timeout: exportTime)
    }

    /// Reads and checks it whole, and hands each part to `take` in order.
    ///
    /// - Throws: ``IncidentRecordError`` for what is wrong in it, ``CLIError`` when it can't be read.
    func read(_ take: (RecordReader.Item) throws(IncidentRecordError) -> Void) throws {
        var reader = RecordReader()
        switch self {
        case .bytes(let bytes): try reader.read(bytes, take)
        case .file(let path):
            try Files.readPieces(path) { piece in try reader.read(piece, take) }
        }
        try reader.finish()
    }

    /// The same, with everything that is wrong in it told as the command's failure.
    func readIntact(_ take: (RecordReader.Item) throws(IncidentRecordError) -> Void) throws {
        do { try read(take) } catch let error as IncidentRecordError {
            throw CLIError(.failed, "the record can't be trusted: \(error.text)")
        }
    }
}

extension IncidentRecordError {
    /// What is wrong and where.
    var text: String {
        let text = Terminal.clean(description)
        switch place {
        case nil, 0: return text
        case let place?: return text.contains("event \(place) ") ? text : "at event \(place): \(text)"
        }
    }
}

/// What checking a record found.
struct RecordCheck: Hashable, Encodable {
    /// Nil when not even the header could be read.
    var incident: IncidentID?
    /// Events that are as they were written, from the first on.
    var events = 0
    /// Hash of the last of these.
    var head = Digest.zero
    /// Answers of hosts that are as they were signed.
    var answers = 0
    var holds = true
    /// Sequence number of the first event that is wrong, 0 for the header.
    var brokenAt: Int?
    /// What is wrong; empty when nothing is.
    var reason = ""

    /// Reads a record whole; one of its events has to have the hash `wanted`, when that is given.
    ///
    /// An earlier head is still in the chain, however many events came after it.
    ///
    /// - Throws: ``CLIError`` when the record can't be read at all.
    init(_ source: RecordSource, containing wanted: Digest? = nil) throws {
        var (incident, events, head) = (IncidentID?.none, 0, Digest.zero)
        var answers = 0
        var isThere = wanted == nil
        var broken: IncidentRecordError?
        do {
            try source.read { item in
                switch item {
                case .header(let header): incident = header.incident
                case .answer: answers += 1
                case .event(let event):
                    (events, head) = (event.sequence, Digest(bytes: event.hash) ?? .zero)
                    if head == wanted { isThere = true }
                }
            }
        } catch let error as IncidentRecordError { broken = error }
        (self.incident, self.events, self.head, self.answers) = (incident, events, head, answers)
        if let broken {
            (holds, brokenAt, reason) = (false, broken.place, broken.text)
        } else if let wanted, !isThere {
            holds = false
            reason = "no event has the hash \(wanted): the record was made anew, or lost its end"
        }
    }

    func print() {
        let whose = incident.map { "The record of incident \($0)" } ?? "The record"
        guard holds else {
            Terminal.out("\(whose) is \(Terminal.paint("BROKEN", .red)): \(reason)")
            if events > 0 { Terminal.out("Before that \(events) events are as they were written.") }
            return
        }
        Terminal.out("\(whose) \(Terminal.paint("holds", .green)): \(events) events, the last is \(head)")
        if answers > 0 { Terminal.out("With it \(answers) answers of hosts, each as its host signed it.") }
    }
}
