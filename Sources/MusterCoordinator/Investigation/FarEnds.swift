import MusterCore

/// What is known of the other ends of dependencies: the hosts of the fleet that bear their addresses, and what those say.
struct FarEnds: Sendable {
    private let byAddress: [String: FleetHost]
    private var listening: [AgentID: [ListeningSocket]] = [:]

    /// Nothing is known of any.
    init() { byAddress = [:] }

    init(hosts: [FleetHost]) {
        var found: [String: [FleetHost]] = [:]
        for host in hosts where host.state != .revoked {
            for name in Set([host.address, host.name]) where !name.isEmpty {
                found[name, default: []].append(host)
            }
        }
        byAddress = found.compactMapValues { $0.count == 1 ? $0[0] : nil }
    }

    /// What hosts said of their sockets.
    mutating func take(_ answers: [(host: HostReference, answer: Answer)]) {
        for (host, answer) in answers {
            if case .sockets(let sockets) = answer { listening[host.id] = sockets.listening }
        }
    }

    /// The host of the fleet that a target means; nil when it is outside.
    func host(of target: String) -> FleetHost? { Self.place(target).flatMap { byAddress[$0.host] } }

    /// The port of a target on the host that bears its address, as far as that host told; nil when it did not.
    func port(of target: String) -> Port? {
        guard let place = Self.place(target), let host = byAddress[place.host],
            let sockets = listening[host.id]
        else { return nil }
        let own = sockets.filter { $0.port == place.port }
        guard !own.isEmpty else { return .closed }
        return .open(waiting: own.map(\.backlog).max() ?? 0)
    }

    enum Port: Hashable {
        /// Nothing listens there.
        case closed
        /// Something listens, and so many connections wait to be accepted.
        case open(waiting: Int)
    }

    /// Host and port of `10.0.0.5:5432/shop`, `https://pay.internal/health` or `[::1]:80`.
    static func place(_ target: String) -> (host: String, port: Int)? {
        var rest = Substring(target)
        var usual = 0
        for (scheme, port) in [("http://", 80), ("https://", 443)] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count)
            usual = port
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            let host = rest[rest.index(after: rest.startIndex)..<end]
            return (String(host), Int(rest[end...].dropFirst(2)) ?? usual)
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return nil }
        return (String(host), parts.count == 2 ? Int(parts[1]) ?? usual : usual)
    }
}
