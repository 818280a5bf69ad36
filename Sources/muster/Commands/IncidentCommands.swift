import ArgumentParser
import MusterCore
import MusterIncident

/// `muster incidents`.
struct IncidentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents",
        abstract: "List the incidents, newest first.",
        discussion: """
            EXAMPLES
              muster incidents
              muster incidents --all
            """
    )

    @Flag(help: "Also closed ones.")
    var all = false

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let incidents = try connection.get("incidents", as: [IncidentSummary].self)
            .filter { all || $0.status != .closed }
        if options.json {
            try JSON.print(incidents)
            return
        }
        guard !incidents.isEmpty else {
            Terminal.out(all ? "No incident yet." : "No open incident.")
            return
        }
        var table = Table("INCIDENT", "OPENED (UTC)", "STATUS", "TITLE", "CAUSE")
        for incident in incidents {
            let cause = incident.cause.map { cause in
                incident.probability.map { "\(Words.percent($0)) \(cause)" } ?? cause
            }
            table.add(
                incident.id.description,
                Words.time(incident.opened),
                incident.status.rawValue,
                incident.title,
                cause ?? "-"
            )
        }
        table.print()
    }
}

/// `muster incident`.
struct IncidentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incident",
        abstract: "Look at one incident, close it, or check and replay its record.",
        subcommands: [
            IncidentShowCommand.self, IncidentCloseCommand.self, IncidentExportCommand.self,
            IncidentVerifyCommand.self, IncidentReplayCommand.self,
        ]
    )
}

/// `muster incident show`.
struct IncidentShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show context, hypotheses with their evidence, plans and timeline.",
        discussion: """
            EXAMPLES
              muster incident show latest
              muster incident show 0193c0de --watch
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @Flag(help: "Then go on with each new event until the incident is resolved or closed.")
    var watch = false

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let id = try IncidentFinder.find(incident, connection)
        if watch {
            try follow(id, connection)
            return
        }
        let bytes = try connection.get("incidents/\(id)")
        if options.json {
            Terminal.out(String(decoding: bytes, as: UTF8.self))
        } else {
            IncidentText.print(try JSON.decode(IncidentDetail.self, bytes))
        }
    }

    private func follow(_ id: IncidentID, _ connection: Connection) throws {
        var seen = 0
        var first = true
        while true {
            let detail = try connection.get("incidents/\(id)", as: IncidentDetail.self)
            if options.json {
                for event in try connection.get(
                    "incidents/\(id)/events?since=\(seen)",
                    as: [StoredEvent].self
                ) {
                    try JSON.print(event)
                    seen = max(seen, event.seq)
                }
            } else {
                if first { IncidentText.print(detail) }
                for entry in detail.timeline where entry.seq > seen {
                    if !first { IncidentText.print(entry) }
                    seen = max(seen, entry.seq)
                }
            }
            first = false
            let isOver =
                detail.summary.status == .closed
                || (detail.summary.status == .resolved && detail.postMortemAvailable)
            if isOver { return }
            Clock.wait(milliseconds: 1000)
        }
    }
}

/// `muster postmortem`.
struct PostMortemCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postmortem",
        abstract: "Print the post-mortem of an incident as Markdown.",
        discussion: """
            EXAMPLES
              muster postmortem latest
              muster postmortem 0193c0de > postmortem.md
            """
    )

    @Argument(help: IncidentFinder.help)
    var incident: String

    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        let id = try IncidentFinder.find(incident, connection)
        let text = String(decoding: try connection.get("incidents/\(id)/postmortem"), as: UTF8.self)
        if options.json {
            try JSON.print(["incident": id.description, "markdown": text])
        } else {
            Terminal.out(Terminal.cleanLines(text))
        }
    }
}
