import Glibc
import MusterCore

/// Where the coordinator is: a name or address, and a port.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `name:7443`, `10.0.0.5:7443`, `[::1]:7443`, or any of them without a port; nil for anything else.
    package init?(_ text: String, defaultPort: Int = 7443) {
        var host = Substring(text)
        var port = defaultPort
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = Int(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = host.lastIndex(of: ":") {
            guard host.firstIndex(of: ":") == colon, let number = Int(host[host.index(after: colon)...])
            else {
                return nil
            }
            port = number
            host = host[..<colon]
        }
        guard !host.isEmpty, host.utf8.count <= 253, (1...65_535).contains(port),
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.host = String(host)
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// One address to connect to.
struct SocketAddress: Sendable {
    var family: Int32
    var bytes: [UInt8]

    /// Addresses of an endpoint, in the system's order; blocks as long as the resolver does.
    static func resolve(_ endpoint: Endpoint) throws(AgentError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        var result = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
        if result == EAI_NONAME {
            // AI_ADDRCONFIG hides loopback addresses on hosts that have no other of their family.
            hints.ai_flags = AI_NUMERICSERV
            result = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
        }
        guard result == 0 else {
            throw AgentError(
                .unavailable,
                "the name \(endpoint.host) can't be resolved: \(String(cString: gai_strerror(result)))"
            )
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            if let address = info.ai_addr {
                let bytes = UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen))
                addresses.append(SocketAddress(family: info.ai_family, bytes: Array(bytes)))
            }
            next = info.ai_next
        }
        guard !addresses.isEmpty else {
            throw AgentError(.unavailable, "the name \(endpoint.host) has no address")
        }
        return addresses
    }

    /// A non-blocking socket on its way to the address.
    func connect() throws(AgentError) -> Int32 {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else { throw .system("no new socket", errno: errno) }
        // A peer that vanished without a word is noticed by its silence to what we send.
        Self.set(descriptor, Int32(IPPROTO_TCP), 18, 30_000)  // TCP_USER_TIMEOUT, ms
        Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        Self.set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        let result = bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) {
                Glibc.connect(descriptor, $0.baseAddress, socklen_t(raw.count))
            }
        }
        guard result == 0 || errno == EINPROGRESS else {
            let code = errno
            close(descriptor)
            throw AgentError(.unavailable, "the coordinator can't be reached: \(SystemText.error(code))")
        }
        return descriptor
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
