import Glibc
import MusterIncident
import Synchronization

/// Ctrl-C while a question runs: the first ends the question, so that what has come is printed; the second the program.
final class AskInterrupt: Sendable {
    private let ask = Mutex<AskID?>(nil)

    /// From here on SIGINT is for the question.
    ///
    /// A thread of its own waits for it: a signal handler may not make calls.
    init(_ connection: Connection) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        guard pthread_sigmask(SIG_BLOCK, &set, nil) == 0 else { return }
        let box = Unmanaged.passRetained(Waiting(interrupt: self, connection: connection))
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Waiting>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard result == 0 else {
            box.release()
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            return
        }
        pthread_detach(thread)
    }

    /// The coordinator has named the question.
    func running(_ ask: AskID) { self.ask.withLock { $0 = ask } }

    private final class Waiting: Sendable {
        let interrupt: AskInterrupt
        let connection: Connection

        init(interrupt: AskInterrupt, connection: Connection) {
            self.interrupt = interrupt
            self.connection = connection
        }

        func run() {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGINT)
            var signal: Int32 = 0
            guard sigwait(&set, &signal) == 0 else { return }
            guard let ask = interrupt.ask.withLock({ $0 }) else { _exit(130) }
            Terminal.endProgress()
            Terminal.error("ending the question; what has come follows (once more: end at once)")
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            try? connection.delete("ask/\(ask)")
        }
    }
}
