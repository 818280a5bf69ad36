import ArgumentParser
import MusterCore

/// `muster fleet`.
struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "List the hosts: who is there, with which labels and services.",
        discussion: """
            EXAMPLES
              muster fleet
              muster fleet --json
            """
    )

    @OptionGroup var options: ServerOptions

    /// What is shown of a host; the coordinator may tell more.
    private struct Host: Decodable {
        struct Service: Decodable {
            var name: String
            var version: String
        }
        var id: AgentID
        var name: String
        var labels: [String: String]
        var services: [Service]
        var version: String
        var state: String
        var lastSeen: Timestamp?
    }

    func run() throws {
        let connection = try options.connect()
        let bytes = try connection.get("fleet")
        if options.json {
            Terminal.out(String(decoding: bytes, as: UTF8.self))
            return
        }
        let hosts = try JSON.decode([Host].self, bytes)
        guard !hosts.isEmpty else {
            Terminal.out("No host has joined yet. \"muster token create\" makes a token to join with.")
            return
        }
        var table = Table("HOST", "STATE", "LAST SEEN", "LABELS", "SERVICES", "AGENT", "IDENTITY")
        for host in hosts {
            let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let services = host.services.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" }
            table.add(
                host.name,
                host.state,
                host.lastSeen.map { "\((Clock.now() - $0).spoken) ago" } ?? "never",
                labels.joined(separator: ","),
                services.joined(separator: ", "),
                host.version,
                host.id.short
            )
        }
        table.print(orElse: "No host has joined; make a token with \"muster token create\".")
        let connected = hosts.count { $0.state == "connected" }
        Terminal.out("\(connected) of \(Words.count(hosts.count, "host")) connected")
    }
}
