import ArgumentParser
import MusterCore

/// `muster fleet`.
struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "List the hosts: who is there, how they are, with which labels and services.",
        discussion: """
            HEALTH is the worst of what a host noticed of itself: the series, how far it is from its usual (8 is where \
            chance ends), and since when (UTC). "learning" means that the agent has not seen enough yet. \
            Logs are sampled on a host where they come faster than its budget of CPU allows to read.

            EXAMPLES
              muster fleet
              muster fleet --sick
              muster fleet --json
              muster fleet map --service checkout
            """,
        subcommands: [FleetMapCommand.self]
    )

    @Flag(help: "The sickest hosts first, and only those that are connected and not well.") var sick = false
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
        var quarantine: String?
        var lastSeen: Timestamp?
        var health: HealthDigest?
        var linesSampledEvery: Int?
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
        var table = Table("HOST", "STATE", "HEALTH", "LAST SEEN", "LABELS", "SERVICES", "AGENT", "IDENTITY")
        for host in sick ? Self.sickest(hosts) : hosts {
            let labels = host.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let services = host.services.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" }
            table.add(
                host.name,
                host.state,
                Self.health(host.health, linesSampledEvery: host.linesSampledEvery),
                host.lastSeen.map { "\((Clock.now() - $0).spoken) ago" } ?? "never",
                labels.joined(separator: ","),
                services.joined(separator: ", "),
                host.version,
                host.id.short
            )
        }
        table.print(orElse: "No connected host noticed anything unusual of itself.")
        for host in hosts {
            guard let reason = host.quarantine else { continue }
            Terminal.out(Terminal.clean("\(host.name) is in quarantine: \(reason)"))
        }
        let connected = hosts.count { $0.state == "connected" }
        Terminal.out("\(connected) of \(Words.count(hosts.count, "host")) connected")
    }

    private static func sickest(_ hosts: [Host]) -> [Host] {
        let sick = hosts.compactMap { host in host.health.map { (host, $0.severity) } }
        return sick.filter { $0.1.open > 0 }.sorted {
            ($1.1.score, $1.1.open, $0.0.name) < ($0.1.score, $0.1.open, $1.0.name)
        }.map(\.0)
    }

    /// The worst in one line; a dash for a host that says nothing of itself.
    static func health(_ digest: HealthDigest?, linesSampledEvery every: Int? = nil) -> String {
        guard let digest else { return "-" }
        var text = digest.text
        if text.isEmpty { text = digest.watched == digest.learning ? "learning" : "well" }
        return every.map { "\(text); logs sampled 1 in \($0)" } ?? text
    }
}
