import MusterAnalysis
import MusterCause

/// Spans and logs of a case, request by request.
struct CaseTraces {
    private(set) var profile = PathProfile()
    private(set) var services: [String] = []
    private(set) var operations: [String] = []
    private var serviceNumbers: [String: Int] = [:]
    private var operationNumbers: [String: Int] = [:]
    private var miner = LogTemplateMiner(templatesMax: 1 << 16)
    /// Times by era, in the order of ``PathProfile/Era``.
    private var times = [CallTimes](repeating: CallTimes(), count: PathProfile.Era.allCases.count)
    private var visits: [Visit] = []
    private var traces: [(moment: Moment, spans: [CallTimes.Span])] = []
    /// When requests began to go wrong: at the alert, or up to a minute and a half before it.
    private(set) var onset: Double
    private var statements: [String] = []
    private var statementNumbers: [String: Int] = [:]
    private var statementOfSlot: [Int: Int] = [:]
    private let alertAt: Double
    private let hiddenFrom: Double?

    /// What one request did in one service, until templates are settled.
    private struct Visit {
        var service: Int
        var entries: [Int] = []
        var steps: [PathProfile.Step] = []
        var moment: Moment
    }

    private struct Moment {
        var start: Double
        var isReference: Bool
    }

    /// An alert fires when it has been bad for a while: how much earlier it may have begun.
    private static let onsetsBefore = [0.0, 30, 60, 90]
    /// By how much an earlier onset must show more than the alert itself.
    private static let onsetMargin = 0.8

    /// Fault-free telemetry so near to the alert is left out.
    private static let guardBefore = 30.0
    private static let guardAfter = 200.0
    /// How much since the alert is looked at.
    private static let nowSeconds = 180.0
    /// Requests that began so shortly before the last span may not have ended.
    private static let unfinished = 5.0

    init(alertAt: Double, hiddenFrom: Double?) {
        self.alertAt = alertAt
        self.hiddenFrom = hiddenFrom
        onset = alertAt
    }

    private mutating func service(_ name: String) -> Int {
        if let known = serviceNumbers[name] { return known }
        serviceNumbers[name] = services.count
        services.append(name)
        return services.count - 1
    }

    private mutating func operation(_ name: String) -> Int {
        if let known = operationNumbers[name] { return known }
        operationNumbers[name] = operations.count
        operations.append(name)
        return operations.count - 1
    }

    private struct Row {
        var span: String
        var parent: String
        var value: CallTimes.Span
    }

    mutating func add(_ table: CSVTable, logs: CSVTable?, isReference: Bool) throws(CLIError) {
        var traces: [String: [Row]] = [:]
        var order: [String] = []
        let columns = try (
            time: table.column("t_ms"), trace: table.column("trace"), span: table.column("span"),
            parent: table.column("parent_span"), caller: table.column("parent_service"),
            service: table.column("service"), operation: table.column("operation"),
            duration: table.column("dur_us")
        )
        for row in 0..<table.count {
            guard let time = table.number(row, columns.time),
                let duration = table.number(row, columns.duration)
            else { throw CLIError(.failed, "\(table.path): row \(row + 2) has no time or duration") }
            let trace = table.text(row, columns.trace)
            let caller = table.text(row, columns.caller)
            let value = CallTimes.Span(
                service: service(table.text(row, columns.service)),
                operation: operation(table.text(row, columns.operation)),
                parent: nil,
                parentService: caller.isEmpty ? nil : service(caller),
                start: time / 1_000,
                seconds: duration / 1e6
            )
            if traces[trace] == nil { order.append(trace) }
            traces[trace, default: []].append(
                Row(
                    span: table.text(row, columns.span),
                    parent: table.text(row, columns.parent),
                    value: value
                )
            )
        }
        let lines = try logs.map { logs throws(CLIError) in try self.lines(logs) } ?? [:]
        var last = -Double.infinity
        for rows in traces.values { for row in rows { last = max(last, row.value.start) } }
        for trace in order {
            guard var rows = traces[trace] else { continue }
            let start = min(
                rows.map(\.value.start).min() ?? 0,
                lines[trace]?.map(\.time).min() ?? .infinity
            )
            let moment = Moment(start: start, isReference: isReference)
            guard start < last - Self.unfinished, isOfUse(moment) else { continue }
            var places: [String: Int] = [:]
            for (place, row) in rows.enumerated() { places[row.span] = place }
            for place in rows.indices { rows[place].value.parent = places[rows[place].parent] }
            self.traces.append((moment, rows.map(\.value)))
            addVisits(rows.map(\.value), lines[trace] ?? [], moment)
        }
    }

    private func isOfUse(_ moment: Moment) -> Bool {
        if moment.isReference {
            return moment.start <= alertAt - Self.guardBefore || moment.start >= alertAt + Self.guardAfter
        }
        return moment.start < min(hiddenFrom ?? .infinity, alertAt + Self.nowSeconds)
    }

    private static func era(_ moment: Moment, onset: Double) -> PathProfile.Era? {
        if moment.isReference { return .history }
        if moment.start >= onset { return .now }
        return moment.start < onset - 1 ? .before : nil
    }

    private struct Line {
        var time: Double
        var service: Int
        var slot: Int
        var level: PathProfile.Level
    }

    /// Lines by trace; those of no trace can't be told to a request.
    private mutating func lines(_ table: CSVTable) throws(CLIError) -> [String: [Line]] {
        let time = try table.column("t_ms")
        let service = try table.column("service")
        let level = try table.column("level")
        let trace = try table.column("trace")
        let message = try table.column("message")
        var lines: [String: [Line]] = [:]
        for row in 0..<table.count {
            let id = table.text(row, trace)
            guard !id.isEmpty, let moment = table.number(row, time) else { continue }
            let bytes = Array(table.text(row, message).utf8)
            let line = Line(
                time: moment / 1_000,
                service: self.service(table.text(row, service)),
                slot: miner.learn(bytes[...], hasHeader: false),
                level: Self.level(table.text(row, level))
            )
            lines[id, default: []].append(line)
        }
        return lines
    }

    private static func level(_ text: String) -> PathProfile.Level {
        switch text.uppercased() {
        case "ERROR", "FATAL", "CRITICAL", "SEVERE": .error
        case "WARN", "WARNING": .warning
        default: .normal
        }
    }

    private mutating func addVisits(_ spans: [CallTimes.Span], _ lines: [Line], _ moment: Moment) {
        var places: [Int: Int] = [:]
        var found: [Visit] = []
        func visit(_ service: Int) -> Int {
            if let known = places[service] { return known }
            places[service] = found.count
            found.append(Visit(service: service, moment: moment))
            return found.count - 1
        }
        for span in spans {
            let place = visit(span.service)
            if span.isEntry {
                if !found[place].entries.contains(span.operation) {
                    found[place].entries.append(span.operation)
                }
                if let caller = span.parentService {
                    let callerPlace = visit(caller)
                    found[callerPlace].steps.append(.call(service: span.service))
                }
            } else {
                found[place].steps.append(.operation(span.operation))
            }
        }
        for line in lines {
            let place = visit(line.service)
            found[place].steps.append(.log(template: line.slot, level: line.level))
        }
        visits += found.filter { !$0.entries.isEmpty }
    }

    /// Compares, once it is known which lines one statement wrote, and finds the onset that shows most.
    mutating func finish() {
        miner.settle()
        var settled: [(moment: Moment, entry: PathProfile.Entry, steps: [PathProfile.Step])] = []
        for visit in visits { settled.append(self.settled(visit)) }
        visits = []
        var strongest = -Double.infinity
        for before in Self.onsetsBefore {
            let onset = alertAt - before
            var profile = PathProfile()
            for visit in settled {
                guard let era = Self.era(visit.moment, onset: onset) else { continue }
                profile.add(visit.entry, steps: visit.steps, in: era)
            }
            var times = [CallTimes](repeating: CallTimes(), count: PathProfile.Era.allCases.count)
            for trace in traces {
                guard let era = Self.era(trace.moment, onset: onset) else { continue }
                times[era.rawValue].add(trace.spans)
            }
            let old = (self.profile, self.times, self.onset)
            (self.profile, self.times, self.onset) = (profile, times, onset)
            let strength = strength - (before > 0 ? Self.onsetMargin : 0)
            if strength > strongest {
                strongest = strength
            } else {
                (self.profile, self.times, self.onset) = old
            }
        }
        traces = []
    }

    /// How much the strongest difference of each kind shows.
    private var strength: Double {
        let shifts = ownShifts().map(\.shift) + transitShifts().map(\.shift)
        return (profile.differences().map(\.effect).max() ?? 0)
            + (shifts.map { EffectScale.effect($0.score, from: 4, full: 40) }.max() ?? 0)
    }

    private mutating func settled(
        _ visit: Visit
    ) -> (moment: Moment, entry: PathProfile.Entry, steps: [PathProfile.Step]) {
        let name = visit.entries.map { operations[$0] }.sorted().joined(separator: " + ")
        let entry = PathProfile.Entry(service: visit.service, operation: operation(name))
        var steps: [PathProfile.Step] = []
        for step in visit.steps {
            if case .log(let slot, let level) = step {
                steps.append(.log(template: statement(miner.resolve(slot)), level: level))
            } else {
                steps.append(step)
            }
        }
        return (visit.moment, entry, steps)
    }

    /// Number of the statement that wrote a template: templates that differ in named values only have one.
    private mutating func statement(_ slot: Int) -> Int {
        if let known = statementOfSlot[slot] { return known }
        let text = String(LogStatement.text(miner.text(slot)))
        let number = statementNumbers[text] ?? statements.count
        if number == statements.count {
            statementNumbers[text] = number
            statements.append(text)
        }
        statementOfSlot[slot] = number
        return number
    }

    func describe(_ step: PathProfile.Step) -> String {
        switch step {
        case .operation(let operation): operations[operation]
        case .call(let service): "call of \(services[service])"
        case .log(let template, _): "\"\(String(statements[template].prefix(120)))\""
        }
    }

    // MARK: Times

    func ownShifts() -> [(entry: PathProfile.Entry, shift: LevelShift)] {
        let now = times[PathProfile.Era.now.rawValue]
        return now.ownOrder.compactMap { entry in
            shift(now.own[entry] ?? []) { $0.own[entry] ?? [] }.map { (entry, $0) }
        }
    }

    /// How often it was made since the alert.
    func calls(_ call: CallTimes.Call) -> Int {
        times[PathProfile.Era.now.rawValue].transit[call]?.count ?? 0
    }

    func transitShifts() -> [(call: CallTimes.Call, shift: LevelShift)] {
        let now = times[PathProfile.Era.now.rawValue]
        return now.transitOrder.compactMap { call in
            shift(now.transit[call] ?? []) { $0.transit[call] ?? [] }.map { (call, $0) }
        }
    }

    /// Against all that came before, or against history alone when that shows more: the last minute before an alert is
    /// often sick already.
    private func shift(_ now: [Double], _ usual: (CallTimes) -> [Double]) -> LevelShift? {
        func compared(_ usual: [Double]) -> LevelShift? {
            LevelShift(
                usual: usual,
                now: now,
                part: .all,
                nowMin: 4,
                relativeFloor: 0.1,
                absoluteFloor: 0.001
            )
        }
        let history = usual(times[PathProfile.Era.history.rawValue])
        let before = usual(times[PathProfile.Era.before.rawValue])
        let all = compared(history + before)
        guard history.count >= 8, let alone = compared(history), alone.score > all?.score ?? 0 else {
            return all
        }
        return alone
    }
}
