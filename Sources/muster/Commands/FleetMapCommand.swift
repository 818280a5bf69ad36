import ArgumentParser
import MusterCore
import MusterIncident

/// `muster fleet map`.
struct FleetMapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Services, and who opens connections to whom.",
        discussion: """
            From the hosts' own lists of sockets, which are looked at every few minutes; both ends are joined when both have an \
            agent. A service is a systemd unit, else a process; an address is a host without an agent.

            EXAMPLES
              muster fleet map
              muster fleet map --service checkout --depth 2
              muster fleet map --service checkout --json
            """
    )

    @Option(help: "Only what is around this service.") var service: String?
    @Option(help: "How many steps from it, in either direction, 1 to 8.") var depth = 2
    @OptionGroup var options: ServerOptions

    func run() throws {
        let connection = try options.connect()
        var path = "fleet/map"
        if let service { path += "?service=\(service.pathPart)&depth=\(depth)" }
        let bytes = try connection.get(path)
        if options.json { return Terminal.out(String(decoding: bytes, as: UTF8.self)) }
        let map = try JSON.decode(ServiceMapView.self, bytes)
        var services = Table("SERVICE", "HOSTS", "PORTS", "ON")
        for service in map.services where !service.isOutside {
            services.add(
                service.name,
                "\(service.hostCount)",
                service.ports.prefix(6).map(String.init).joined(separator: ","),
                Words.hosts(service.hosts, max: 3)
            )
        }
        services.print(orElse: "No connections are known yet.")
        Terminal.out()
        var edges = Table("FROM", "TO", "PORT", "CONNECTIONS", "FROM HOSTS", "FIRST SEEN", "LAST SEEN")
        for edge in map.edges {
            edges.add(
                edge.from,
                edge.to,
                "\(edge.port)",
                "\(edge.connections)",
                edge.hostsFrom == 0 ? "-" : "\(edge.hostsFrom)",
                Words.time(edge.first),
                Words.time(edge.last)
            )
        }
        edges.print(orElse: "No service was seen to talk to another.")
        if map.dropped > 0 {
            Terminal.out("\(map.dropped) services and connections were left out; choose a --service")
        }
        Terminal.out("connections of \(map.hostsSeen) of \(Words.count(map.hosts, "host")) are known")
    }
}
