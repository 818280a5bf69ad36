import ArgumentParser
import MusterCause
import MusterCore
import MusterIncident

/// `muster report`.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "How right Muster was, and which alerts are noise.",
        subcommands: [ReportAccuracyCommand.self, ReportAlertsCommand.self]
    )
}

/// How far back a report goes.
struct ReportWindow: ParsableArguments {
    @Option(help: ArgumentHelp("How far back, by when incidents were opened: 12h, 90d.", valueName: "span"))
    var since = "90d"

    func query() throws -> String {
        "seconds=\(max(1, Int(try Duration(option: "since", since).inSeconds)))"
    }
}

/// `muster report accuracy`.
struct ReportAccuracyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accuracy",
        abstract: "Count how right the first hypotheses were, and how honest their probabilities.",
        discussion: """
            Counted from incidents that people closed with a cause, as a false alarm or with a grade. ECE is the mean \
            distance between the probability that was said and the share that was exact; the Brier score is the mean \
            squared error of the probability, 0 is best. Time saved is said only where manual_minutes is configured.

            EXAMPLES
              muster report accuracy
              muster report accuracy --since 30d --json
            """
    )

    @OptionGroup var window: ReportWindow
    @OptionGroup var options: ServerOptions

    func run() throws {
        let report = try options.connect().get(
            "reports/accuracy?\(try window.query())",
            as: AccuracyReport.self
        )
        if options.json { return try JSON.print(report) }
        for line in Self.lines(report) { Terminal.out(line) }
        var grades = Table("VERDICT", ">EXACT", ">PARTLY", ">WRONG", ">NONE")
        for (verdict, count) in report.byVerdict.sorted(by: { $0.key < $1.key }) {
            grades.add(verdict, "\(count.exact)", "\(count.partly)", "\(count.wrong)", "\(count.none)")
        }
        Self.print(grades)
        var bins = Table("PROBABILITY", ">INCIDENTS", ">SAID", ">EXACT")
        for bin in report.reliability {
            bins.add(
                "\(Words.percent(bin.low)) to \(Words.percent(bin.high))",
                "\(bin.count)",
                Words.percent(bin.said),
                Words.percent(bin.exact)
            )
        }
        Self.print(bins)
        var rules = Table("ALERT", ">FIRED", ">INCIDENTS", ">CLOSED", ">FALSE", ">PRECISION")
        for rule in report.alerts {
            rules.add(
                rule.name,
                "\(rule.firings.fired)",
                "\(rule.incidents)",
                "\(rule.closed)",
                "\(rule.falseAlarms)",
                rule.precision.map(Words.percent) ?? "-"
            )
        }
        Self.print(rules)
        var runbooks = Table("RUNBOOK", ">RUNS", ">WELL", ">FAILED", ">FALSE ALARMS")
        for record in report.runbooks {
            runbooks.add(
                record.name,
                "\(record.runs)",
                "\(record.succeeded)",
                "\(record.failed)",
                "\(record.falseAlarms)"
            )
        }
        Self.print(runbooks)
    }

    private static func print(_ table: Table) {
        guard !table.isEmpty else { return }
        Terminal.out("")
        table.print()
    }

    /// The figures that need no table, one sentence each.
    static func lines(_ report: AccuracyReport) -> [String] {
        let grades = report.grades
        var lines = [
            "\(Words.count(report.incidents, "incident")) since \(Words.time(report.since)) UTC, "
                + "\(report.closed) closed, of these \(Words.count(report.falseAlarms, "false alarm"))",
            "First hypotheses judged: \(grades.total) (\(grades.exact) exact, \(grades.partly) partly, "
                + "\(grades.wrong) wrong, \(grades.none) none)",
        ]
        if let error = report.calibrationError, let brier = report.brier {
            let skill = report.brierSkill.map { ", skill over the base rate \($0.text(decimals: 2))" } ?? ""
            lines.append("ECE \(error.text(decimals: 3)), Brier score \(brier.text(decimals: 3))\(skill)")
        }
        lines.append("Repeats recognised: \(report.repeats), confirmed by people: \(report.repeatsConfirmed)")
        func add(_ what: String, _ span: AccuracyReport.Span?) {
            guard let span else { return }
            let time = Duration.seconds(span.medianSeconds).spoken
            lines.append("From alert to \(what): \(time) (median of \(span.count))")
        }
        add("first hypothesis", report.toHypothesis)
        add("verified fix", report.toVerifiedFix)
        if let saved = report.savedMinutes, let manual = report.manualMinutes {
            lines.append(
                "Saved per exact hypothesis: \(saved.text(decimals: 1)) minutes (median), "
                    + "against \(manual.text(decimals: 1)) by hand"
            )
        }
        return lines
    }
}

/// `muster report alerts`.
struct ReportAlertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "Name the alert rules that are noise, with the evidence.",
        discussion: """
            A rule is noise when at least half of its closed incidents (3 or more) were false alarms, when at least half of \
            its ends (3 or more) came within five minutes, or when it flapped.

            EXAMPLES
              muster report alerts
              muster report alerts --since 30d --json
            """
    )

    @OptionGroup var window: ReportWindow
    @OptionGroup var options: ServerOptions

    func run() throws {
        let report = try options.connect().get("reports/alerts?\(try window.query())", as: AlertReport.self)
        if options.json { return try JSON.print(report) }
        guard !report.noisy.isEmpty else {
            return Terminal.out(
                "No alert rule is noise, of \(report.rules.count) that fired since \(Words.time(report.since)) UTC."
            )
        }
        for noise in report.noisy {
            Terminal.out(Terminal.paint(Terminal.clean(noise.rule), .bold))
            for sentence in noise.evidence { Terminal.out("  - \(Terminal.clean(sentence))") }
        }
    }
}
