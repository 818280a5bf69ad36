import CLinux
import Glibc
import MusterCore

/// Whether a port accepts connections.
package enum TCPCheck {
    /// Looks the name up, tries each address in turn, and closes the connection at once.
    ///
    /// Blocks for at most about `timeout`, except in the name lookup, which obeys the resolver's own limits.
    package static func run(_ target: DependencyTarget, host: String, port: Int) -> DependencyCheck {
        var check = target.emptyCheck
        let clock = CheckClock()
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            check.reason = "cannot look up \(host): \(String(cString: gai_strerror(code)))"
            return finished(check, clock)
        }
        defer { freeaddrinfo(list) }
        check.dnsMilliseconds = clock.milliseconds

        var next = list
        while let address = next {
            let left = clock.left(of: target.timeout)
            guard left > .zero else { break }
            guard let reason = connect(address.pointee, within: left) else {
                check.healthy = true
                check.reason = ""
                check.connectMilliseconds = clock.milliseconds
                return finished(check, clock)
            }
            check.reason = "\(host):\(port): \(reason)"
            next = address.pointee.ai_next
        }
        if check.reason.isEmpty {
            check.reason = "\(host):\(port): no answer within \(target.timeout.spoken)"
        }
        return finished(check, clock)
    }

    private static func finished(_ check: DependencyCheck, _ clock: CheckClock) -> DependencyCheck {
        var check = check
        check.totalMilliseconds = clock.milliseconds
        return check
    }

    /// Why there is no connection; nil when there was one.
    private static func connect(_ address: addrinfo, within limit: Duration) -> String? {
        let kind = address.ai_socktype | O_NONBLOCK | O_CLOEXEC
        let descriptor = socket(address.ai_family, kind, address.ai_protocol)
        guard descriptor >= 0 else { return systemError(errno) }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return nil }
        guard errno == EINPROGRESS else { return systemError(errno).lowercased() }
        let deadline = ContinuousClock.now + limit
        while true {
            let left = max(.zero, deadline - ContinuousClock.now)
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let ready = poll(&entry, 1, Int32(min(left.inMilliseconds.rounded(.up), 600_000)))
            if ready < 0, errno == EINTR { continue }
            if ready == 0 { return "no answer within \(limit.spoken)" }
            guard ready > 0 else { return systemError(errno) }
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
                return systemError(errno)
            }
            return code == 0 ? nil : systemError(code).lowercased()
        }
    }
}
