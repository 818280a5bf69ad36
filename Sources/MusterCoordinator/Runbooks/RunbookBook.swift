import MusterCore
import MusterIncident
import Synchronization

/// How each runbook has done so far: made from the stored incidents at the start, and kept in step with them.
final class RunbookBook: Sendable {
    private struct State {
        var runs: [IncidentID: RunbookRun] = [:]
        var records: [String: RunbookRecord] = [:]
    }

    private let state = Mutex(State())

    /// Takes in an incident's newest state; what it said before does not count any more.
    func put(_ incident: Incident) {
        let run = incident.runbookRun
        state.withLock { state in
            let before = state.runs[incident.id]
            guard run != before else { return }
            if let before { state.records[before.name]?.count(before.outcome, -1) }
            state.runs[incident.id] = run
            guard let run else { return }
            var record =
                state.records[run.name] ?? RunbookRecord(name: run.name, digest: run.digest, last: run.at)
            record.count(run.outcome, 1)
            if run.at >= record.last {
                if run.digest != record.digest { (record.digest, record.changed) = (run.digest, run.at) }
                record.last = run.at
            }
            state.records[run.name] = record
        }
    }

    /// By name; without those that never ran.
    var records: [RunbookRecord] {
        state.withLock { Array($0.records.values) }.filter { $0.runs > 0 }.sorted { $0.name < $1.name }
    }

    /// Nil when it never ran.
    func record(of name: String) -> RunbookRecord? { state.withLock { $0.records[name] } }
}

extension RunbookRecord {
    fileprivate mutating func count(_ outcome: RunbookRun.Outcome, _ change: Int) {
        switch outcome {
        case .succeeded: succeeded += change
        case .failed: failed += change
        case .falseAlarm: falseAlarms += change
        }
    }
}
