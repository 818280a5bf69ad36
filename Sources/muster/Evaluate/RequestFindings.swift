import MusterAnalysis
import MusterCause

/// What the requests of a recorded incident tell: steps they no longer or newly take, and where their time goes.
struct RequestFindings {
    private let files: CaseFiles
    private let time: CaseTime

    init(_ files: CaseFiles, time: CaseTime) {
        self.files = files
        self.time = time
    }

    /// From single requests where they were recorded, else from how many there were each minute.
    func add(to findings: inout CaseFindings) throws(CLIError) {
        if let spans = try files.table("spans") {
            try addTraces(spans, &findings)
        } else if !time.isHealthy, let minutes = try files.table("spans_by_minute") {
            try addMinutes(minutes, &findings)
        }
    }

    private func addTraces(_ spans: CSVTable, _ findings: inout CaseFindings) throws(CLIError) {
        let traces = try traces(spans)
        for difference in traces.profile.differences() {
            let service = findings.name(traces.services[difference.entry.service])
            findings.add(
                .path,
                service,
                "\(service): \(traces.describe(difference.step)) in \(difference.now.of) of \(difference.now.in) "
                    + "requests, usually in \(difference.usual.of) of \(difference.usual.in)",
                effect: difference.effect,
                subject: traces.describe(difference.step)
            )
        }
        for (entry, shift) in traces.ownShifts() {
            let service = findings.name(traces.services[entry.service])
            findings.add(
                .ownTime,
                service,
                "\(service) takes \((shift.now * 1_000).text(decimals: 1)) ms by itself for "
                    + "\(traces.operations[entry.operation]), usually \((shift.usual * 1_000).text(decimals: 1)) ms",
                effect: EffectScale.effect(shift.score, from: 4, full: 40),
                subject: traces.operations[entry.operation]
            )
        }
        for (call, shift) in traces.transitShifts() {
            findings.addTransit(
                findings.name(traces.services[call.caller]),
                findings.name(traces.services[call.callee]),
                shift,
                requests: Double(traces.calls(call))
            )
        }
    }

    private func traces(_ spans: CSVTable) throws(CLIError) -> CaseTraces {
        let reference = try files.reference("spans")
        var traces = CaseTraces(
            alertAt: try time.now(in: reference, column: "t_ms", unit: 0.001),
            hiddenFrom: time.hiddenFrom
        )
        if let reference {
            try traces.add(reference, logs: try files.reference("logs"), isReference: !time.isHealthy)
        }
        if !time.isHealthy {
            try traces.add(spans, logs: try files.table("logs"), isReference: false)
        }
        traces.finish()
        return traces
    }

    private func addMinutes(_ table: CSVTable, _ findings: inout CaseFindings) throws(CLIError) {
        var minutes = CaseMinutes(alertAt: time.alertAt, hiddenFrom: time.hiddenFrom)
        if let reference = try files.reference("spans_by_minute") {
            try minutes.add(reference, isReference: true)
        }
        try minutes.add(table, isReference: false)
        for difference in minutes.counts.differences() {
            let service = findings.name(minutes.services[difference.step.service])
            let operation = minutes.operations[difference.step.operation]
            findings.add(
                .path,
                service,
                "\(service): \(operation) \(difference.seen) times, \(difference.expected.text(decimals: 0)) would be "
                    + "usual for its requests",
                effect: difference.effect,
                subject: operation
            )
        }
    }
}
