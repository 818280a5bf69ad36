import CLinux
import Glibc

/// A thread of the agent's own, for work that blocks.
///
/// `@unchecked Sendable`: the handle is written once in `init` and read by whoever joins.
final class AgentThread: @unchecked Sendable {
    private var handle = pthread_t()

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts it under a name, which is cut to the 15 bytes that Linux keeps.
    ///
    /// Join it, or call ``detach()``.
    init(_ name: String, _ run: @escaping @Sendable () -> Void) throws(AgentError) {
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &handle,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            body.toOpaque()
        )
        guard result == 0 else {
            body.release()
            throw .system("no new thread", errno: result)
        }
        pthread_setname_np(handle, String(name.prefix(15)))
    }

    /// Waits until it has ended.
    func join() { pthread_join(handle, nil) }

    /// Lets it end by itself.
    func detach() { pthread_detach(handle) }
}
