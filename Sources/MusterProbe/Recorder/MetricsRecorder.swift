import MusterCore
import Synchronization

/// Measures the host and keeps what it measured, in bounded memory.
///
/// One thread calls ``tick(now:)`` about once a second; questions come from any thread.
package final class MetricsRecorder: Sendable {
    private let reader: HostReader
    private let state: Mutex<State>

    private struct State {
        var history = MetricsHistory()
        var sampler = MetricsSampler()
        var processes = MetricsProcesses()
        var lastLook: ContinuousClock.Instant?
        var lastProcesses: ContinuousClock.Instant?
        var processesDue: ContinuousClock.Instant?
        var spaceDue: ContinuousClock.Instant?
    }

    private static let spaceInterval = Duration.seconds(10)
    /// Looking at all processes may take this part of a CPU at most.
    private static let processCost = 0.02

    package init(reader: HostReader) {
        self.reader = reader
        self.state = Mutex(State())
    }

    /// Values that found no room since the start.
    package var valuesDropped: Int { state.withLock { $0.history.valuesDropped } }

    /// Looks once at the host.
    package func tick(now: Timestamp) {
        let start = ContinuousClock.now
        let due = state.withLock { state in
            (
                space: state.spaceDue.map { $0 <= start } ?? true,
                processes: state.processesDue.map { $0 <= start } ?? true
            )
        }
        // Reading takes a while; questions are answered meanwhile.
        let look = MetricsSampler.Look(reader, withSpace: due.space)
        let processStart = ContinuousClock.now
        let processes = due.processes ? try? reader.processes() : nil
        let processCost = (ContinuousClock.now - processStart) / Self.processCost
        state.withLock { state in
            let elapsed = state.lastLook.map { start - $0 } ?? .zero
            var values = state.sampler.values(look, elapsed: elapsed)
            state.lastLook = start
            if due.space { state.spaceDue = start + Self.spaceInterval }
            if let processes {
                let elapsed = state.lastProcesses.map { processStart - $0 } ?? .zero
                values.merge(state.processes.values(processes, elapsed: elapsed)) { $1 }
                state.lastProcesses = processStart
                state.processesDue = start + max(.milliseconds(900), processCost)
            }
            state.history.append(at: now, values)
        }
    }

    /// Takes in values as if they had been measured.
    func record(_ values: [MetricKey: Double], at time: Timestamp) {
        state.withLock { $0.history.append(at: time, values) }
    }

    /// Share of one CPU that a process used between the last two looks; nil when it was not there then.
    func cpuRatio(of process: ProcessReading) -> Double? {
        state.withLock { state in
            guard let usage = state.processes.usages[process.pid], usage.startTicks == process.startTicks
            else {
                return nil
            }
            return usage.ratio
        }
    }

    /// The series of a prefix around a window.
    func series(prefix: String, window: TimeWindow) -> [RecordedSeries] {
        state.withLock { $0.history.series(prefix: prefix, window: window) }
    }
}
