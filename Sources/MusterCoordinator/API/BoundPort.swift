import Synchronization

/// The port that a server got, for whoever waits for it.
final class BoundPort: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Int?, Never>])
        case settled(Int?)
    }

    private let state = Mutex(State.waiting([]))

    /// Waits until it is known; nil when the server ended first.
    func value() async -> Int? {
        await withCheckedContinuation { continuation in
            let known: Int?? = state.withLock { state in
                switch state {
                case .settled(let port): return .some(port)
                case .waiting(let others):
                    state = .waiting(others + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Says what the port is; only the first call counts.
    func settle(_ port: Int?) {
        let waiting: [CheckedContinuation<Int?, Never>] = state.withLock { state in
            guard case .waiting(let waiting) = state else { return [] }
            state = .settled(port)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: port) }
    }
}
