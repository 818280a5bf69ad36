import Glibc
import MusterCore

/// The wall clock.
enum Clock {
    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Waits; for commands that look again and again.
    static func wait(milliseconds: UInt32) { usleep(milliseconds * 1000) }
}
