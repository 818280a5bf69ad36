import MusterCore
import Synchronization

/// Time that runs many times as fast as the machine's while somebody looks at it, and waits while nobody does.
///
/// From one look to the next at most ``stepMax`` passes: on a machine that is busy with other things time gets slow as
/// everything else does, and windows of the code under test don't run out while it could not run.
final class PacedClock: Sendable {
    static let stepMax = Duration.seconds(1)

    private let speed: Int
    private let machine: @Sendable () -> Duration
    private let state: Mutex<(moment: Timestamp, looked: Duration)>

    /// `machine` is the time since some fixed moment.
    init(from start: Timestamp, speed: Int, machine: @escaping @Sendable () -> Duration = PacedClock.uptime) {
        self.speed = speed
        self.machine = machine
        state = Mutex((start, machine()))
    }

    var now: Timestamp {
        state.withLock { state in
            let looked = machine()
            state.moment = state.moment + min((looked - state.looked) * speed, Self.stepMax)
            state.looked = looked
            return state.moment
        }
    }

    private static let started = ContinuousClock.now

    private static let uptime: @Sendable () -> Duration = { ContinuousClock.now - started }
}
