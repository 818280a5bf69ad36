import Glibc
import MusterCore

/// One kept-alive HTTP/1.1 connection for the drill's own traffic.
///
/// Small on purpose: the demo shop is the only server it ever talks to, and the traffic must cost the
/// machine as little as possible beside what is measured. Every wait has a deadline.
struct HTTPConnection {
    struct Answer {
        var status: Int
        var body: [UInt8]
    }

    private let address: String
    private let port: Int
    private let timeout: Duration
    private var descriptor: Int32 = -1
    private static let answerBytesMax = 1 << 20

    init(address: String, port: Int, timeout: Duration) {
        self.address = address
        self.port = port
        self.timeout = timeout
    }

    /// Sends a request and reads its answer; nil when there was none in time.
    ///
    /// The next call connects anew then.
    mutating func send(method: String, path: String, headers: [(String, String)], body: [UInt8]) -> Answer? {
        let deadline = WallClock.monotonic() + timeout
        let fresh = descriptor < 0
        if let answer = attempt(method, path, headers, body, deadline) { return answer }
        close()
        // The server may have closed a connection that lay idle: that is no failure of the service.
        guard !fresh, let answer = attempt(method, path, headers, body, deadline) else {
            close()
            return nil
        }
        return answer
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private mutating func attempt(
        _ method: String,
        _ path: String,
        _ headers: [(String, String)],
        _ body: [UInt8],
        _ deadline: Duration
    ) -> Answer? {
        if descriptor < 0, !connect(deadline) { return nil }
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(address):\(port)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "Content-Length: \(body.count)\r\n\r\n"
        guard write(Array(text.utf8) + body, deadline) else { return nil }
        return read(deadline)
    }

    private mutating func connect(_ deadline: Duration) -> Bool {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        guard inet_pton(AF_INET, address, &target.sin_addr) == 1 else { return false }
        let status = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return true }
        guard errno == EINPROGRESS, wait(POLLOUT, deadline) else { return false }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0
    }

    private func write(_ bytes: [UInt8], _ deadline: Duration) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                guard wait(POLLOUT, deadline) else { return false }
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    private func read(_ deadline: Duration) -> Answer? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < Self.answerBytesMax {
            if let answer = Self.parse(bytes) { return answer }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                bytes += buffer[..<count]
            } else if count == 0 {
                return nil
            } else if errno == EAGAIN {
                guard wait(POLLIN, deadline) else { return nil }
            } else if errno != EINTR {
                return nil
            }
        }
        return nil
    }

    /// Reads an answer with a Content-Length; nil while it is not complete.
    static func parse(_ bytes: [UInt8]) -> Answer? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard bytes.count >= 16,
            let headEnd = (0...(bytes.count - 4)).first(where: { Array(bytes[$0..<$0 + 4]) == end })
        else { return nil }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1."),
            let status = Int(first.dropFirst(9).prefix(3))
        else { return nil }
        var length = 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "content-length" {
                length = Int(parts[1].filter { $0 != " " }) ?? 0
            }
        }
        let body = bytes[(headEnd + 4)...]
        guard length >= 0, body.count >= length else { return nil }
        return Answer(status: status, body: Array(body.prefix(length)))
    }

    private func wait(_ events: Int32, _ deadline: Duration) -> Bool {
        let left = deadline - WallClock.monotonic()
        guard left > .zero else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, Int32(min(left.inMilliseconds + 1, 60_000))) > 0
    }
}
