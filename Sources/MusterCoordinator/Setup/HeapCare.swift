import CLinux
import ServiceLifecycle

/// Keeps the heap as large as what is in use.
///
/// By itself the C library makes a heap for almost every thread, and keeps in each what was freed there, in the holes between
/// what is still used: with connections that come and go on all of them the whole grows for hours.
package struct HeapCare: Service, CustomStringConvertible {
    package let description = "HeapCare"
    /// Most heaps.
    private static let heapsMax: Int32 = 2
    private static let period = Duration.seconds(60)

    /// To be called before other threads begin.
    package static func begin() { mallopt(M_ARENA_MAX, heapsMax) }

    /// Gives what is free back to the system, again and again until shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.period)) != nil { malloc_trim(0) }
        }
    }
}
