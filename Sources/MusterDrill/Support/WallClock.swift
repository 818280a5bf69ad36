import Glibc
import MusterCore

/// The clocks of this machine.
enum WallClock {
    /// Now, on the clock that all processes of a drill share.
    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Time since some fixed moment; never steps, so deadlines hold while clocks are moved about.
    static func monotonic() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    /// CPU time of the calling thread.
    static func threadTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    /// Sleeps without waking for signals.
    static func sleep(_ duration: Duration) {
        var rest = timespec(
            tv_sec: Int(duration.nanoseconds / 1_000_000_000),
            tv_nsec: Int(duration.nanoseconds % 1_000_000_000)
        )
        guard duration > .zero else { return }
        while true {
            let wanted = rest
            let status = withUnsafePointer(to: wanted) { nanosleep($0, &rest) }
            guard status == -1, errno == EINTR else { return }
        }
    }
}
