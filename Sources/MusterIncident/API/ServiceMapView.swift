import MusterCore

/// Services and who talks to whom, as far as the connections of the fleet's hosts show it.
package struct ServiceMapView: Hashable, Sendable, Codable {
    /// By name.
    package var services: [MappedService]
    /// The busiest first.
    package var edges: [MappedEdge]
    /// Hosts whose connections are known, and hosts there are: the map says nothing of the others.
    package var hostsSeen: Int
    package var hosts: Int
    /// Services and edges that were left out because of the bound.
    package var dropped: Int

    package init(services: [MappedService], edges: [MappedEdge], hostsSeen: Int, hosts: Int, dropped: Int) {
        self.services = services
        self.edges = edges
        self.hostsSeen = hostsSeen
        self.hosts = hosts
        self.dropped = dropped
    }
}

/// One service with the hosts that it runs on.
package struct MappedService: Hashable, Sendable, Codable {
    /// The unit or process; `10.0.0.9:5432` for what no agent is on.
    package var name: String
    /// Whether no agent is on it: known from the connections of others only.
    package var isOutside: Bool
    /// By name, the first of them; none when it is outside.
    package var hosts: [HostReference]
    package var hostCount: Int
    /// Ports that it listens on.
    package var ports: [Int]

    package init(name: String, isOutside: Bool, hosts: [HostReference], hostCount: Int, ports: [Int]) {
        self.name = name
        self.isOutside = isOutside
        self.hosts = hosts
        self.hostCount = hostCount
        self.ports = ports
    }
}

/// One service that opens connections to another.
package struct MappedEdge: Hashable, Sendable, Codable {
    package var from: String
    package var to: String
    package var port: Int
    /// Hosts on either side; 0 for one that is outside.
    package var hostsFrom: Int
    package var hostsTo: Int
    /// Connections when they were last counted.
    package var connections: Int
    package var first: Timestamp
    package var last: Timestamp

    package init(
        from: String,
        to: String,
        port: Int,
        hostsFrom: Int,
        hostsTo: Int,
        connections: Int,
        first: Timestamp,
        last: Timestamp
    ) {
        self.from = from
        self.to = to
        self.port = port
        self.hostsFrom = hostsFrom
        self.hostsTo = hostsTo
        self.connections = connections
        self.first = first
        self.last = last
    }
}
