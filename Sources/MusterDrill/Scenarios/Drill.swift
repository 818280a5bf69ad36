import MusterCore

/// The drill as the command line starts it.
package enum Drill {
    /// Runs all scenarios of the options; false when one of them did not end well.
    package static func run(_ options: DrillOptions) throws -> Bool {
        Interruption.install()
        let programs = try Programs()
        let narrator = Narrator(json: options.json)
        for line in HostNetwork.removeLeftovers() { narrator.put("Removed a leftover: \(line).") }
        var reports: [DrillReport] = []
        for name in options.scenarios {
            narrator.alertAt = nil
            do {
                reports.append(try run(name, options, programs, narrator))
            } catch let error where options.scenarios.count > 1 && Interruption.signalNumber == nil {
                // One that can't be played here must not hide what the others show.
                var report = DrillReport(name.scenario(options))
                report.error = "\(error)"
                narrator.say("The drill could not be played: \(error)")
                reports.append(report)
            }
        }
        if options.all || reports.count > 1 {
            narrator.heading("All drills")
            for line in DrillScore.table(reports) { narrator.put(line) }
            narrator.put(DrillScore(reports).text)
        }
        if options.json {
            if options.all || reports.count > 1 {
                Output.standard.put(try JSONText.of(DrillReports(reports)))
            } else if let report = reports.first {
                Output.standard.put(try JSONText.of(report))
            }
        }
        return reports.allSatisfy(\.isGood)
    }

    private static func run(
        _ name: ScenarioName,
        _ options: DrillOptions,
        _ programs: Programs,
        _ narrator: Narrator
    ) throws -> DrillReport {
        let scenario = name.scenario(options)
        let stage = Stage(programs: programs, options: options, narrator: narrator)
        defer { stage.tearDown() }
        narrator.heading("Drill: \(name.rawValue)")
        try stage.bringUp(scenario)
        let webhook = try scenario.breakIt(on: stage)
        var report = DrillReport(scenario)
        let alertAt = WallClock.now()
        narrator.alertAt = alertAt
        narrator.say("Alertmanager posts the alert.", at: alertAt)
        let incident = try stage.people.alertmanager.deliver(webhook)
        let watch = IncidentWatch(
            incident,
            api: stage.people.observer,
            narrator: narrator,
            alertAt: alertAt,
            report: report
        )
        let responder = Responder(
            stage: stage,
            options: options,
            alertAt: alertAt,
            // Who knows that there is no fault, or that the runbook is for another one, approves nothing.
            approves: scenario.goal == .resolved
        )
        try watch.follow(
            upTo: .seconds(scenario.goal == .diagnosed ? 90 : options.realTime ? 600 : 240),
            reactions: responder.reactions,
            enough: {
                options.killAgentDuringAction && watch.indeterminate
                    || scenario.goal == .diagnosed && watch.isSettled
            }
        )
        report = watch.report
        try finish(&report, watch, stage, incident)
        report.causeIsRight = scenario.isRight(report)
        report.isInterruptionDrill = options.killAgentDuringAction
        report.indeterminate = watch.indeterminate
        stage.isGood = report.isGood
        tell(report, stage, watch, incident)
        if options.keep { try stage.keepRunning(incident) }
        return report
    }

    /// Adds what can be known only at the end: the truth, the ledgers, the post-mortem.
    private static func finish(
        _ report: inout DrillReport,
        _ watch: IncidentWatch,
        _ stage: Stage,
        _ incident: IncidentID
    ) throws {
        if let blast = watch.blast {
            let endpoint = Shoppers.Endpoint.allCases.first { blast.endpoint.hasSuffix($0.path) }
            let truth = stage.traffic.count(in: blast.window, endpoint: endpoint)
            report.blast = .init(
                percentEstimated: (blast.ratio * 1e4).rounded() / 100,
                percentTrue: (truth.ratio * 1e4).rounded() / 100,
                usersEstimated: blast.users.map { ($0 * 10).rounded() / 10 },
                usersTrue: truth.usersFailed
            )
        }
        report.executions = try stage.executions()
        report.acted = report.executions.keys.sorted()
        if let text = try stage.postMortem(incident) {
            let path = "\(stage.folder)/postmortem.md"
            try Files.write(text, to: path)
            report.postMortem = path
        }
    }

    private static func tell(
        _ report: DrillReport,
        _ stage: Stage,
        _ watch: IncidentWatch,
        _ incident: IncidentID
    ) {
        let narrator = stage.narrator
        if let path = report.postMortem, let text = try? Files.text(path) {
            narrator.heading("Post-mortem")
            narrator.put(text)
        }
        narrator.heading("What the drill knows")
        let milliseconds = report.milliseconds
        func seconds(_ value: Int?) -> String {
            value.map { "\((Double($0) / 1000).text(decimals: 1)) s" } ?? "never"
        }
        narrator.put(
            "cause        \(report.causeIsRight ? "right" : "WRONG"): \(report.found ?? "none found")"
        )
        narrator.put("expected     \(report.expected)")
        narrator.put(
            "after alert  context \(seconds(milliseconds.context)), "
                + "hypothesis \(seconds(milliseconds.hypothesis)), remediation "
                + "\(seconds(milliseconds.remediation)), verified \(seconds(milliseconds.verified))"
        )
        if let percent = report.blast.percentEstimated, let truth = report.blast.percentTrue {
            narrator.put(
                "failing      Muster said \(percent.text())% of \(watch.blast?.endpoint ?? "requests"), "
                    + "the traffic counted \(truth.text())%"
            )
        }
        if let users = report.blast.usersEstimated, let truth = report.blast.usersTrue {
            narrator.put("users        Muster said \(users.text(decimals: 0)), the traffic counted \(truth)")
        }
        let acted = report.executions.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        let places = acted.isEmpty ? "nowhere" : acted.joined(separator: ", ")
        narrator.put("acted        \(places), by the agents' ledgers")
        if stage.goal == .resolved {
            narrator.put("outcome      \(report.resolved ? "resolved" : "NOT resolved")")
        }
    }
}
