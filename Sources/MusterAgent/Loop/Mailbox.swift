import CLinux
import Glibc
import Synchronization

/// How other threads tell the loop's thread something; wakes it through an eventfd.
///
/// Unbounded by itself: each sender has a bound of its own (workers, questions in flight, one action).
final class Mailbox<Message: Sendable>: Sendable {
    /// Readable when there is a message.
    let descriptor: Int32
    private let messages = Mutex<[Message]>([])

    init() throws(AgentError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system("eventfd", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Leaves a message; from any thread.
    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Takes all messages, oldest first.
    func take() -> [Message] {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        return messages.withLock { held in
            let taken = held
            held = []
            return taken
        }
    }
}
