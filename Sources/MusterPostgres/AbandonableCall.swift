import Glibc
import Synchronization

/// A moment by which something must have happened.
struct Deadline {
    private let moment: ContinuousClock.Instant

    init(in timeout: Duration) { self.moment = .now + max(timeout, .zero) }

    var remaining: Duration { max(moment - .now, .zero) }

    /// Waits for events of a descriptor; false when the deadline came first.
    func wait(for events: Int32, on descriptor: Int32) -> Bool {
        while true {
            let left = remaining
            guard left > .zero else { return false }
            let milliseconds = min(left / .milliseconds(1) + 1, 60_000)
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&entry, 1, Int32(milliseconds))
            // Errors and hang-ups count as events: the call that follows will say what they are.
            if count > 0 || (count < 0 && errno != EINTR) { return true }
        }
    }
}

/// Calls of C libraries that can block for longer than we may wait.
///
/// Each runs on a thread of its own. When its time is over the caller goes on, and the thread ends when the
/// call does.
enum AbandonableCall {
    private static let threadsMax = 16
    private static let threads = Atomic<Int>(0)

    /// What the call gives; nil when the deadline comes first, or too many abandoned calls still hang.
    static func run<Value: Sendable>(
        until deadline: Deadline,
        _ body: @escaping @Sendable () -> Value
    ) -> Value? {
        guard threads.add(1, ordering: .relaxed).newValue <= threadsMax else {
            threads.subtract(1, ordering: .relaxed)
            return nil
        }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            threads.subtract(1, ordering: .relaxed)
            return nil
        }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        defer { close(readEnd) }
        let outcome = Outcome<Value>()
        let started = Thread.start {
            outcome.value.withLock { $0 = body() }
            close(writeEnd)
            threads.subtract(1, ordering: .relaxed)
        }
        guard started else {
            close(writeEnd)
            threads.subtract(1, ordering: .relaxed)
            return nil
        }
        // The closing of the other end shows as a hang-up.
        guard deadline.wait(for: POLLIN, on: readEnd) else { return nil }
        return outcome.value.withLock { $0 }
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }
}

/// A detached thread.
private enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// False when the system gives no more threads.
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { raw in
                if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            },
            body.toOpaque()
        )
        guard result == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
