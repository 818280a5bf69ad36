import Glibc
import MusterCore
import Synchronization

/// Measures the host and keeps what it measured, in bounded memory and, with a folder, on disk.
///
/// One thread calls ``tick(now:)`` about once a second; questions come from any thread.
package final class MetricsRecorder: Sendable {
    private let reader: HostReader
    private let configuration: RecorderConfiguration
    private let state: Mutex<State>

    private struct State {
        var history: MetricsHistory
        var frame = MetricsFrame()
        var writer: MetricsWriter?
        /// Why nothing is stored; nil when it is, or was never to be.
        var problem: String?
        var isOpen = false
        var refused = 0
        var sampler = MetricsSampler()
        var processes = MetricsProcesses()
        /// The last look at all processes, until somebody takes it.
        var looked: [ProcessReading]?
        var lastLook: ContinuousClock.Instant?
        var lastProcesses: ContinuousClock.Instant?
        var processesDue: ContinuousClock.Instant?
        var spaceDue: ContinuousClock.Instant?
    }

    private static let spaceInterval = Duration.seconds(10)
    /// Processes are looked at this often, and less where there are so many that it would take more than this part of
    /// a CPU.
    private static let processInterval = Duration.milliseconds(9_900)
    private static let processCost = 0.005

    package init(reader: HostReader, configuration: RecorderConfiguration = RecorderConfiguration()) {
        self.reader = reader
        self.configuration = configuration
        state = Mutex(
            State(
                history: MetricsHistory(
                    memoryBytesMax: configuration.memoryBytesMax,
                    isStored: configuration.folder != nil
                )
            )
        )
    }

    /// Values that found no room since the start.
    package var valuesDropped: Int { state.withLock { $0.history.schema.refused } }

    /// Looks once at the host, and takes in what others have measured.
    package func tick(now: Timestamp, with others: [MetricKey: Double] = [:]) {
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
                let processValues = state.processes.values(
                    processes,
                    elapsed: elapsed,
                    uptimeSeconds: Self.uptimeSeconds,
                    openFiles: { reader.openFiles(of: $0) },
                    openFilesMax: { reader.openFilesMax(of: $0) }
                )
                values.merge(processValues) { $1 }
                state.lastProcesses = processStart
                state.looked = processes
                state.processesDue = start + max(Self.processInterval, processCost)
            }
            values.merge(others) { $1 }
            record(values, at: now, &state)
        }
    }

    private static var uptimeSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec)
    }

    /// The latest look at all processes, once each; nil until there is a new one.
    func takeProcesses() -> [ProcessReading]? {
        state.withLock { state in
            defer { state.looked = nil }
            return state.looked
        }
    }

    /// Means of the latest ten seconds, once each; nil until there are new ones.
    func takeMeans() -> MetricsMeans? { state.withLock { $0.history.takeMeans() } }

    /// Takes in values as if they had been measured.
    package func record(_ values: [MetricKey: Double], at time: Timestamp) {
        state.withLock { record(values, at: time, &$0) }
    }

    private func record(_ values: [MetricKey: Double], at time: Timestamp, _ state: inout State) {
        open(&state)
        state.frame.clear()
        for (key, value) in values {
            guard let slot = state.history.schema.slot(key) else { continue }
            state.frame[slot] = value
        }
        var outputs = state.history.append(at: time, state.frame)
        if state.history.schema.refused > state.refused {
            state.refused = state.history.schema.refused
            outputs += state.history.makeRoom(at: time)
        }
        state.writer?.write(outputs)
    }

    /// Opens the folder, and takes up where an earlier process ended; without it everything stays in memory.
    private func open(_ state: inout State) {
        guard !state.isOpen else { return }
        state.isOpen = true
        guard let folder = configuration.folder else { return }
        do throws(ProbeError) {
            let store = try MetricsStore(folder: folder, bytesMax: configuration.diskBytesMax)
            for resolution in MetricsResolution.allCases {
                for block in store.takeTail(resolution) { try state.history.restore(resolution, block) }
            }
            state.writer = try MetricsWriter(store)
        } catch {
            state.problem = error.message
        }
    }

    /// Waits until everything that has been recorded so far and is due on disk is there.
    package func finishWriting() { state.withLock { $0.writer }?.finish() }

    /// Bytes on disk; 0 when nothing is stored.
    package var bytesStored: Int { state.withLock { $0.writer }?.store.bytesUsed ?? 0 }

    /// Memory that the points take.
    package var memoryBytes: Int { state.withLock { $0.history.memoryBytes } }

    /// What was lost on the way to the disk; nil when nothing is stored.
    var losses: MetricsStore.Losses? { state.withLock { $0.writer }?.store.losses }

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

    // MARK: Questions

    /// Most bytes of stored blocks that one question reads.
    private static let readBytesMax = 16 << 20
    /// Longest window that is told in seconds.
    private static let fineWindowMax = Duration.seconds(3660)

    /// What was recorded around a window, from memory and disk.
    ///
    /// In seconds where the window is short and they reach back to its start, else in tens of seconds. Points before
    /// the window tell what was usual: twice its length, at least ten minutes and at most six hours.
    func recording(_ window: TimeWindow) -> MetricsRecording {
        let length = max(.zero, window.to - window.from)
        let from = window.from - min(max(length * 2, .seconds(600)), .seconds(6 * 3600))
        let wide = TimeWindow(from: from, to: window.to)
        // What is asked about may be asked about again: see ``MetricsStore/freeze(_:)``.
        state.withLock { $0.writer }?.write([.frozen(wide)])
        var (seconds, tens, store, problem) = state.withLock { state in
            let history = (state.history.blocks(.second), state.history.blocks(.tenSeconds))
            return (history.0, history.1, state.writer?.store, state.problem)
        }
        var isCut = false
        if let store {
            for resolution in MetricsResolution.allCases {
                let memory = resolution == .second ? seconds : tens
                if resolution == .second, length > Self.fineWindowMax { continue }
                if let oldest = memory.first?.first, oldest <= from.nanoseconds { continue }
                let stored = store.blocks(resolution, wide, bytesMax: Self.readBytesMax)
                isCut = isCut || stored.isCut
                switch resolution {
                case .second: seconds = stored.blocks + seconds
                case .tenSeconds: tens = stored.blocks + tens
                }
            }
        }
        let reach = seconds.map(\.first).min()
        let isFine =
            length <= Self.fineWindowMax
            && (reach.map { $0 <= window.from.nanoseconds } ?? true || tens.isEmpty
                || (tens.map(\.first).min() ?? .max) >= (reach ?? .max))
        if let losses = store?.losses, losses.blocksUnwritten > 0, problem == nil {
            problem = "\(losses.blocksUnwritten) pieces could not be stored: \(losses.reason)"
        }
        if isCut { problem = "more was recorded than may be read for one question" }
        return MetricsRecording(
            window: window,
            from: from,
            preferred: isFine ? .second : .tenSeconds,
            blocks: seconds.map { (.second, $0) } + tens.map { (.tenSeconds, $0) },
            problem: problem
        )
    }
}
