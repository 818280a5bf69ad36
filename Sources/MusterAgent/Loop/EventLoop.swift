import CLinux
import Glibc
import MusterCore

/// The agent's one waiting place: descriptors on epoll, on the thread that calls ``wait(atMost:)``.
///
/// Not `Sendable`: it and everything it calls live on that thread. Other threads talk to it through a
/// ``Mailbox``.
final class EventLoop {
    /// What a descriptor is ready for.
    struct Readiness: OptionSet {
        let rawValue: UInt32
        static let read = Readiness(rawValue: EPOLLIN.rawValue)
        static let write = Readiness(rawValue: EPOLLOUT.rawValue)
        static let failure = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
    }

    private let descriptor: Int32
    private var handlers: [Int32: (Readiness) -> Void] = [:]

    init() throws(AgentError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system("epoll", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Calls the handler whenever the descriptor is ready, until it is unwatched.
    func watch(
        _ watched: Int32,
        for readiness: Readiness,
        handler: @escaping (Readiness) -> Void
    ) throws(AgentError) {
        handlers[watched] = handler
        var event = epoll_event(events: readiness.rawValue, data: epoll_data_t(fd: watched))
        guard epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
            handlers[watched] = nil
            throw .system("epoll", errno: errno)
        }
    }

    /// Changes what a watched descriptor is waited for.
    func change(_ watched: Int32, to readiness: Readiness) {
        var event = epoll_event(events: readiness.rawValue, data: epoll_data_t(fd: watched))
        epoll_ctl(descriptor, EPOLL_CTL_MOD, watched, &event)
    }

    /// Forgets a descriptor; call before closing it.
    func unwatch(_ watched: Int32) {
        guard handlers.removeValue(forKey: watched) != nil else { return }
        epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, nil)
    }

    /// Waits for something to be ready, at most so long, and calls its handlers.
    func wait(atMost limit: Duration?) {
        let milliseconds = limit.map { Int32(clamping: max(0, Int64($0.inMilliseconds.rounded(.up)))) } ?? -1
        var events = [epoll_event](repeating: epoll_event(), count: 32)
        let count = epoll_wait(descriptor, &events, Int32(events.count), milliseconds)
        guard count > 0 else { return }
        for event in events[..<Int(count)] {
            // A handler before this one may have forgotten the descriptor.
            handlers[event.data.fd]?(Readiness(rawValue: event.events))
        }
    }
}
