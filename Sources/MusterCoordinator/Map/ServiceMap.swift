import MusterCore
import MusterIncident

/// What the hosts' own lists of sockets show: services, and who opens connections to whom.
///
/// Fed host by host; both ends of a connection are joined when it is asked, by the addresses that hosts have. It holds a
/// bounded number of entries a host, the latest seen, and forgets what was not seen for a day.
struct ServiceMap {
    /// Bounds of the map.
    struct Limits: Sendable {
        /// Listening ports, outgoing and incoming entries kept of one host, each.
        var perHostMax = 256
        /// How long an entry stays after it was last seen.
        var ageMax: Duration = .seconds(86_400)
        /// How long a port is remembered on which nothing listens any more.
        var closedFor: Duration = .seconds(3600)
        /// Services and edges of one view.
        var viewMax = 2_000
        /// Hosts named for one service.
        var hostsNamedMax = 50
        /// Bytes of a name or address that a host tells.
        var nameBytesMax = 128
    }

    /// The far end of a connection, as its host sees it.
    private struct Peer: Hashable {
        var service: String
        var address: String
        /// Of the server: the far end's when this host is the client, else this host's.
        var port: Int
    }

    private struct Seen {
        var connections: Int
        var first: Timestamp
        var last: Timestamp
    }

    private struct Closed {
        var name: String
        var last: Timestamp
    }

    /// What is known of one host.
    private struct Host {
        var reference: HostReference
        /// Where its agent comes from, seen by us.
        var address = ""
        /// What it says are its addresses.
        var addresses: Set<String> = []
        var listening: [Int: String] = [:]
        /// Ports on which something listened, until when it was last seen.
        var closed: [Int: Closed] = [:]
        /// When its sockets were last seen.
        var last: Timestamp?
        var outgoing: [Peer: Seen] = [:]
        var incoming: [Peer: Seen] = [:]
    }

    private let limits: Limits
    private var hosts: [AgentID: Host] = [:]

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Hosts whose sockets are known.
    var hostsSeen: Int { hosts.count }

    /// Takes a host's list of sockets; `address` is where its agent comes from.
    mutating func take(
        _ answer: SocketsAnswer,
        of reference: HostReference,
        address: String,
        at now: Timestamp
    ) {
        var host = hosts[reference.id] ?? Host(reference: reference)
        host.reference = reference
        host.address = Self.isLoopback(address) ? "" : address
        host.addresses = Set(answer.addresses.prefix(limits.perHostMax).filter { isShort($0) })
        let before = host.listening
        host.listening = [:]
        for socket in answer.listening.prefix(limits.perHostMax) {
            host.listening[socket.port] = name(socket.service, socket.process)
        }
        for (port, name) in before
        where host.listening[port] == nil && host.closed.count < limits.perHostMax {
            host.closed[port] = Closed(name: name, last: host.last ?? now)
        }
        host.closed = host.closed.filter {
            host.listening[$0.key] == nil && now - $0.value.last <= limits.closedFor
        }
        host.last = now
        for peer in answer.peers where isShort(peer.remoteAddress) {
            let key = Peer(
                service: name(peer.service, peer.process),
                address: peer.remoteAddress,
                port: peer.outgoing ? peer.remotePort : peer.localPort
            )
            if peer.outgoing {
                note(key, peer.count, in: &host.outgoing, at: now)
            } else {
                note(key, peer.count, in: &host.incoming, at: now)
            }
        }
        bound(&host.outgoing, at: now)
        bound(&host.incoming, at: now)
        hosts[reference.id] = host
    }

    /// Forgets hosts that are not in the fleet any more.
    mutating func keep(_ ids: Set<AgentID>) {
        for id in hosts.keys.filter({ !ids.contains($0) }) { hosts[id] = nil }
    }

    private func note(_ key: Peer, _ count: Int, in table: inout [Peer: Seen], at now: Timestamp) {
        var seen = table[key] ?? Seen(connections: 0, first: now, last: now)
        // Several rows of one answer may be one entry here: processes of one unit.
        seen.connections = seen.last == now && seen.connections > 0 ? seen.connections + count : count
        seen.last = now
        table[key] = seen
    }

    private func bound(_ table: inout [Peer: Seen], at now: Timestamp) {
        table = table.filter { now - $0.value.last <= limits.ageMax }
        guard table.count > limits.perHostMax else { return }
        let latest = table.sorted {
            ($1.value.last, $1.value.connections) < ($0.value.last, $0.value.connections)
        }
        table = Dictionary(uniqueKeysWithValues: latest.prefix(limits.perHostMax).map { ($0.key, $0.value) })
    }

    // MARK: Asking

    /// The services within so many steps of one, in either direction; all of them without one.
    func view(around service: String?, depth: Int, hosts total: Int) -> ServiceMapView {
        var edges = joined()
        if let service {
            let near = Self.near(service, depth: depth, edges: edges.keys)
            edges = edges.filter { near.contains($0.key.from) && near.contains($0.key.to) }
        }
        var names = Set(edges.keys.flatMap { [$0.from, $0.to] })
        var places = self.places()
        if let service {
            names.insert(service)
            places = places.filter { names.contains($0.key) }
        } else {
            names.formUnion(places.keys)
        }
        let services = names.sorted().map { name -> MappedService in
            let place = places[name] ?? Places()
            let sorted = place.hosts.sorted()
            return MappedService(
                name: name,
                isOutside: place.hosts.isEmpty,
                hosts: Array(sorted.prefix(limits.hostsNamedMax)),
                hostCount: sorted.count,
                ports: place.ports.sorted()
            )
        }
        let ranked = edges.map { key, edge in
            MappedEdge(
                from: key.from,
                to: key.to,
                port: key.port,
                hostsFrom: edge.from.count,
                hostsTo: edge.to.count,
                connections: edge.connections,
                first: edge.first,
                last: edge.last
            )
        }.sorted {
            ($1.connections, $0.from, $0.to, $0.port) < ($0.connections, $1.from, $1.to, $1.port)
        }
        let isKnown = service.map { places[$0] != nil || names.count > 1 } ?? true
        return ServiceMapView(
            services: isKnown ? Array(services.prefix(limits.viewMax)) : [],
            edges: Array(ranked.prefix(limits.viewMax)),
            hostsSeen: hosts.count,
            hosts: total,
            dropped: max(0, services.count - limits.viewMax) + max(0, ranked.count - limits.viewMax)
        )
    }

    /// Hosts that run what a service opens connections to, directly.
    func dependencies(of service: String) -> Set<AgentID> {
        var found: Set<AgentID> = []
        for (key, edge) in joined() where key.from == service { found.formUnion(edge.to.map(\.id)) }
        return found
    }

    /// The ports on which something listened on a host within the last hour, by port.
    func listeners(of host: AgentID) -> [KnownListener] {
        guard let host = hosts[host], let last = host.last else { return [] }
        let open = host.listening.map { KnownListener(port: $0.key, name: $0.value, last: last) }
        let closed = host.closed.map { KnownListener(port: $0.key, name: $0.value.name, last: $0.value.last) }
        return Array((open + closed).sorted { $0.port < $1.port }.prefix(limits.perHostMax))
    }

    /// What a service calls, directly or by way of others, the nearest first; at most so many.
    func calls(of service: String, max: Int) -> [ServiceCall] {
        let callees = Dictionary(grouping: joined().keys, by: \.from).mapValues { Set($0.map(\.to)).sorted() }
        var calls: [ServiceCall] = []
        var known: Set<String> = [service]
        var border = [service]
        while !border.isEmpty, calls.count < max {
            var next: [String] = []
            for caller in border {
                for callee in callees[caller] ?? [] where callee != caller {
                    calls.append(ServiceCall(caller: caller, callee: callee))
                    if known.insert(callee).inserted { next.append(callee) }
                }
            }
            border = next
        }
        return Array(calls.prefix(max))
    }

    private struct EdgeKey: Hashable {
        var from: String
        var to: String
        var port: Int
    }

    private struct Edge {
        var from: Set<HostReference> = []
        var to: Set<HostReference> = []
        var connections = 0
        var first: Timestamp
        var last: Timestamp
    }

    private struct Places {
        var hosts: Set<HostReference> = []
        var ports: Set<Int> = []
    }

    private func places() -> [String: Places] {
        var places: [String: Places] = [:]
        for host in hosts.values {
            for (port, name) in host.listening {
                places[name, default: Places()].hosts.insert(host.reference)
                places[name, default: Places()].ports.insert(port)
            }
            for peer in host.outgoing.keys {
                places[peer.service, default: Places()].hosts.insert(host.reference)
            }
        }
        return places
    }

    /// Both ends put together, summed over hosts.
    private func joined() -> [EdgeKey: Edge] {
        let owners = self.owners()
        var edges: [EdgeKey: Edge] = [:]
        func add(_ key: EdgeKey, _ seen: Seen, from: HostReference?, to: HostReference?) {
            var edge = edges[key] ?? Edge(first: seen.first, last: seen.last)
            if let from { edge.from.insert(from) }
            if let to { edge.to.insert(to) }
            edge.connections = edge.connections.saturatingAdd(seen.connections)
            edge.first = min(edge.first, seen.first)
            edge.last = max(edge.last, seen.last)
            edges[key] = edge
        }
        for host in hosts.values {
            for (peer, seen) in host.outgoing {
                // Many hosts have the same addresses for what runs inside them: there it means the host itself.
                let isOwn = Self.isLoopback(peer.address) || host.addresses.contains(peer.address)
                let target = isOwn ? host : owners[peer.address].flatMap { hosts[$0] }
                let name = target?.listening[peer.port]
                let key = EdgeKey(
                    from: peer.service,
                    to: name ?? target.map { "\($0.reference.name):\(peer.port)" }
                        ?? "\(peer.address):\(peer.port)",
                    port: peer.port
                )
                add(key, seen, from: host.reference, to: target?.reference)
            }
            // The client's own agent has told of those that come from a host of the fleet.
            for (peer, seen) in host.incoming
            where owners[peer.address] == nil && !host.addresses.contains(peer.address)
                && !Self.isLoopback(peer.address)
            {
                let key = EdgeKey(from: peer.address, to: peer.service, port: peer.port)
                add(key, seen, from: nil, to: host.reference)
            }
        }
        return edges
    }

    /// The one host that an address means.
    ///
    /// Where an agent comes from counts before what hosts say of themselves; an address of several is nobody's.
    private func owners() -> [String: AgentID] {
        func single(_ addresses: (Host) -> Set<String>) -> [String: AgentID] {
            var found: [String: [AgentID]] = [:]
            for (id, host) in hosts {
                for address in addresses(host) { found[address, default: []].append(id) }
            }
            return found.compactMapValues { $0.count == 1 ? $0[0] : nil }
        }
        let seen = single { $0.address.isEmpty ? [] : [$0.address] }
        return single(\.addresses).merging(seen) { _, seen in seen }
    }

    /// Services within so many steps, in either direction.
    private static func near(_ service: String, depth: Int, edges: some Collection<EdgeKey>) -> Set<String> {
        var neighbours: [String: Set<String>] = [:]
        for edge in edges {
            neighbours[edge.from, default: []].insert(edge.to)
            neighbours[edge.to, default: []].insert(edge.from)
        }
        var near: Set<String> = [service]
        var border = near
        for _ in 0..<max(0, depth) {
            border = Set(border.flatMap { neighbours[$0] ?? [] }).subtracting(near)
            guard !border.isEmpty else { break }
            near.formUnion(border)
        }
        return near
    }

    private func name(_ service: String, _ process: String) -> String {
        let name = service.isEmpty ? process : service
        return name.isEmpty || !isShort(name) ? "?" : name
    }

    private func isShort(_ text: String) -> Bool { text.utf8.count <= limits.nameBytesMax }

    private static func isLoopback(_ address: String) -> Bool {
        address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}

/// A port on which something listened when a host was last asked.
package struct KnownListener: Hashable, Sendable {
    package var port: Int
    /// The unit or process.
    package var name: String
    package var last: Timestamp
}
