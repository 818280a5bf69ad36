import Glibc
import Synchronization

/// Threads for blocking requests: a few, with a queue that is bounded.
final class RequestThreads: Sendable {
    static let shared = RequestThreads()
    static let threadsMax = 8
    static let queuedMax = 256

    private struct State {
        var threads = 0
        var queue: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(HTTPError) -> Value
    ) async throws(HTTPError) -> Value {
        let result: Result<Value, HTTPError> = await withCheckedContinuation { continuation in
            let isTaken = submit {
                continuation.resume(returning: Result { () throws(HTTPError) in try work() })
            }
            if !isTaken {
                let text = "\(Self.threadsMax) requests run and \(Self.queuedMax) wait; try again"
                continuation.resume(returning: .failure(HTTPError(.busy, text)))
            }
        }
        return try result.get()
    }

    /// False when the queue is full or the system gives no thread.
    private func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let needsThread: Bool? = state.withLock { state in
            guard state.queue.count < Self.queuedMax else { return nil }
            state.queue.append(work)
            guard state.threads < Self.threadsMax else { return false }
            state.threads += 1
            return true
        }
        guard let needsThread else { return false }
        guard needsThread, !start() else { return true }
        return state.withLock { state in
            state.threads -= 1
            // Others are at work and will come to it.
            guard state.threads == 0 else { return true }
            state.queue.removeLast()
            return false
        }
    }

    private func start() -> Bool {
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { raw in
                if let raw { Unmanaged<RequestThreads>.fromOpaque(raw).takeUnretainedValue().work() }
                return nil
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
        if result == 0 { pthread_detach(thread) }
        return result == 0
    }

    /// Works until the queue is empty.
    private func work() {
        while true {
            let next: (@Sendable () -> Void)? = state.withLock { state in
                guard !state.queue.isEmpty else {
                    state.threads -= 1
                    return nil
                }
                return state.queue.removeFirst()
            }
            guard let next else { return }
            next()
        }
    }
}
