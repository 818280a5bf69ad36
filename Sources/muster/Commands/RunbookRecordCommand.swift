import ArgumentParser
import MusterCore
import MusterIncident

/// `muster runbook record`.
struct RunbookRecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "How the runs of each runbook went, over all incidents.",
        discussion: """
            A run counts when a host has acted: it went well, or it failed or was taken back. One whose incident \
            people closed with --false-alarm counts against the runbook. A runbook whose share of good runs is \
            below runbook_success_min of coordinator.yaml asks for approval, once it ran runbook_runs_min times.

            EXAMPLES
              muster runbook record
              muster runbook record --json
            """
    )

    @OptionGroup var options: ServerOptions

    func run() throws {
        let records = try options.connect().get("runbooks/records", as: [RunbookRecord].self)
        if options.json { return try JSON.print(records) }
        var table = Table(
            "RUNBOOK",
            ">RUNS",
            ">WELL",
            ">FAILED",
            ">FALSE ALARMS",
            "LAST (UTC)",
            "SHA-256",
            "CHANGED (UTC)"
        )
        for record in records {
            table.add(
                record.name,
                "\(record.runs)",
                "\(record.succeeded) (\(Words.percent(Double(record.succeeded) / Double(max(1, record.runs)))))",
                "\(record.failed)",
                "\(record.falseAlarms)",
                Words.time(record.last),
                record.digest.short,
                record.changed.map(Words.time) ?? "-"
            )
        }
        table.print(orElse: "No runbook has run yet.")
    }
}
