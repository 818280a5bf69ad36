import Glibc
import Synchronization

/// A thread that runs one body to its end; whoever starts it joins it.
///
/// Traffic waits on sockets all the time, which must not happen on a thread that Swift's concurrency needs.
final class WorkerThread: Sendable {
    private let handle: Mutex<pthread_t?>

    init(_ body: @escaping @Sendable () -> Void) throws(DrillError) {
        let box = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
            guard let pointer else { return nil }
            Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
            return nil
        }
        let status = pthread_create(&thread, nil, entry, box.toOpaque())
        guard status == 0 else {
            box.release()
            throw DrillError(.process, "can't start a thread: \(String(cString: strerror(status)))")
        }
        handle = Mutex(thread)
    }

    /// Waits until the body has returned; later calls return at once.
    func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
