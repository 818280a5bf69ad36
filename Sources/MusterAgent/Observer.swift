import CLinux
import Glibc
import MusterCore
import Synchronization

/// The thread that looks at the host about once a second, and less often while the agent sheds work.
final class Observer: Sendable {
    private let host: any ObservedHost
    private let isStopped = Atomic<Bool>(false)
    private let isShedding = Atomic<Bool>(false)
    private let wake: Int32
    private let thread = Mutex<AgentThread?>(nil)

    init(host: any ObservedHost) throws(AgentError) {
        self.host = host
        wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wake >= 0 else { throw .system("eventfd", errno: errno) }
    }

    deinit { close(wake) }

    func start() throws(AgentError) {
        let started = try AgentThread("observer") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Slows down to one look in five seconds, or goes back to one a second.
    func shed(_ shed: Bool) { isShedding.store(shed, ordering: .relaxed) }

    /// Ends after the look that is under way.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
        thread.withLock { held in
            let taken = held
            held = nil
            return taken
        }?.join()
    }

    private func run() {
        while !isStopped.load(ordering: .relaxed) {
            let start = Moment.monotonic()
            host.tick(now: Moment.wall())
            let interval: Duration = isShedding.load(ordering: .relaxed) ? .seconds(5) : .seconds(1)
            // A look that took long is followed by a pause as long as itself: never more than half a CPU.
            let took = Moment.monotonic() - start
            let pause = max(interval - took, min(took, .seconds(5)))
            var descriptor = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, Int32(clamping: Int64(pause.inMilliseconds)))
        }
    }
}
