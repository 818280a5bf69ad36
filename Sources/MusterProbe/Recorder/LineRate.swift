import MusterCore
import Synchronization

/// How many lines a second are written to the logs of a host: a flood shows here before it fills a disk.
final class LineRate: Sendable {
    private let last = Mutex<(lines: UInt64, at: ContinuousClock.Instant)?>(nil)

    /// Lines a second since the last call; nil at the first, and where no logs are read.
    func rate(of logs: LogRecorder) -> Double? {
        guard logs.isConfigured else { return nil }
        let now = (lines: logs.linesRead, at: ContinuousClock.now)
        let before = last.withLock { last in
            defer { last = now }
            return last
        }
        guard let before, now.lines >= before.lines else { return nil }
        let seconds = (now.at - before.at).inSeconds
        return seconds > 0.05 ? Double(now.lines - before.lines) / seconds : nil
    }
}
