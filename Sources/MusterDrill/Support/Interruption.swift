import Glibc
import MusterCore
import Synchronization

/// Whether somebody asked the drill to end: SIGINT, SIGTERM or SIGHUP.
///
/// A drill waits in short slices and looks here between them, so that all cleaning up happens in the one
/// place that does it anyway and nothing but a flag is touched inside a signal handler.
enum Interruption {
    private static let requested = Atomic<Int32>(0)

    /// Installs the handlers; a second signal ends the process at once, the janitor cleans up then.
    static func install() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                if Interruption.requested.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
            }
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// The signal that came; nil when none did.
    static var signalNumber: Int32? {
        let number = requested.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Throws when somebody asked the drill to end.
    static func check() throws(DrillError) {
        guard let number = signalNumber else { return }
        throw DrillError(.interrupted, "stopped by signal \(number)")
    }

    /// Sleeps, but not past a request to end.
    static func sleep(_ duration: Duration) throws(DrillError) {
        let end = WallClock.monotonic() + duration
        while true {
            try check()
            let left = end - WallClock.monotonic()
            guard left > .zero else { return }
            WallClock.sleep(min(left, .milliseconds(50)))
        }
    }

    /// Waits until a condition holds; throws with `what` when it does not in time.
    static func wait<E: Error>(
        upTo limit: Duration,
        every pause: Duration = .milliseconds(50),
        for what: @autoclosure () -> String,
        _ condition: () throws(E) -> Bool
    ) throws {
        let end = WallClock.monotonic() + limit
        while true {
            if try condition() { return }
            guard WallClock.monotonic() < end else {
                throw DrillError(.timeout, "waited \(limit.spoken) in vain for \(what())")
            }
            try sleep(pause)
        }
    }
}
