import ArgumentParser
import FoundationEssentials
import Glibc
import MusterAgent
import MusterCore
import MusterIdentity
import MusterSwarm

/// The command line of the swarm.
@main
struct MusterSwarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster-swarm",
        abstract: "Thousands of simulated agents in one process, for tests and measurements.",
        discussion: """
            Every agent has a key and a certificate of its own and speaks the real protocol. Agents that have not \
            joined yet do so first, with the token of --token-file. Then all connect and stay until the end, by \
            TERM or INT. On SIGHUP all drop their connections at once.

            On standard output stands one JSON object a line with what the swarm has done, whenever that changed.

            Faults: \(SwarmFault.allCases.map(\.rawValue).joined(separator: ", ")).

            EXAMPLES
              muster token create --uses 1000 > token
              muster-swarm --agents 1000 --dir /tmp/swarm --token-file token
              muster-swarm --agents 1000 --dir /tmp/swarm --fault hung=1% --fault crash=10 --seed 7
            """
    )

    @Option(help: "Where the agents connect to: HOST[:7443].")
    var coordinator = "127.0.0.1:7443"

    @Option(help: "How many agents.")
    var agents = 100

    @Option(help: "Folder of their keys and certificates; made when it is not there.")
    var dir: String

    @Option(help: "File with a join token of at least as many uses as agents have not joined.")
    var tokenFile: String?

    @Option(help: "A fault and how many have it, as a number or in percent; may be given several times.")
    var fault: [String] = []

    @Option(help: "Seed of everything random: which agents have faults, when they connect.")
    var seed: UInt64 = 1

    @Option(help: "Seconds over which the agents connect first.")
    var ramp = 1.0

    @Option(help: "Longest wait of the first reconnection, in seconds; doubles with every failure.")
    var backoffMin = 1.0

    @Option(help: "Longest wait of any reconnection, in seconds.")
    var backoffMax = 120.0

    @Option(help: "Seconds that a slow agent takes.")
    var slowness = 60.0

    @Option(help: "Seconds for which lying agents tell the truth first.")
    var honestFor = 0.0

    @Option(help: "Threads that drive the agents.")
    var threads = 2

    @Option(help: "Write a JSON file that names every agent with its identity and its fault.")
    var plan: String?

    @Flag(help: "Only join, then end.")
    var joinOnly = false

    func run() async throws {
        let settings = try settings()
        let token = try tokenFile.map(token)
        try SwarmMember.join(settings, token: token) { joined in
            if joined % 500 == 0 { Output.tell("\(joined) agents joined") }
        }
        if joinOnly { return }
        let members = try SwarmMember.load(settings)
        if let plan { try write(members, to: plan) }
        let swarm = try await Swarm(members, settings: settings)
        let signals = SignalStream([SIGTERM, SIGINT, SIGHUP])
        let feed = signals.feed
        let reporting = Task {
            // Whoever started the swarm and reads its report is gone: then nobody would end it either.
            defer { feed.finish() }
            var last = SwarmCounts()
            while !Task.isCancelled {
                let counts = swarm.counts
                if counts != last, try !Output.put(Report(counts)) { return }
                last = counts
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        for await signal in signals.stream {
            guard signal == SIGHUP else { break }
            swarm.crash()
        }
        withExtendedLifetime(signals) {}
        reporting.cancel()
        _ = try Output.put(Report(swarm.counts))
        await swarm.stop()
    }

    private func settings() throws -> SwarmSettings {
        var settings = SwarmSettings()
        guard let endpoint = Endpoint(coordinator) else {
            throw ValidationError("--coordinator \(coordinator): expected HOST or HOST:PORT.")
        }
        settings.coordinator = endpoint
        guard (1...20_000).contains(agents) else {
            throw ValidationError("--agents must be from 1 to 20000.")
        }
        guard (1...64).contains(threads) else { throw ValidationError("--threads must be from 1 to 64.") }
        for (name, value) in [
            ("ramp", ramp), ("backoff-min", backoffMin), ("backoff-max", backoffMax), ("slowness", slowness),
            ("honest-for", honestFor),
        ] where !(0...86_400).contains(value) {
            throw ValidationError("--\(name) must be from 0 to 86400 seconds.")
        }
        (settings.agents, settings.folder, settings.seed, settings.threads) = (agents, dir, seed, threads)
        settings.ramp = .seconds(ramp)
        settings.link.backoffMin = .seconds(backoffMin)
        settings.link.backoffMax = .seconds(backoffMax)
        settings.slowness = .seconds(slowness)
        settings.honestFor = .seconds(honestFor)
        settings.faults.shares = try fault.map { text in
            guard let share = SwarmFaults.share(text) else {
                let names = SwarmFault.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--fault \(text): expected one of \(names), then =NUMBER or =PERCENT%.")
            }
            return share
        }
        return settings
    }

    private func token(_ path: String) throws -> JoinToken {
        guard let bytes = try SafeFile.read(path, bytesMax: 4_096) else {
            throw SwarmError("\(path) is missing")
        }
        let text = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }
        guard let token = JoinToken(String(text)) else { throw SwarmError("\(path) holds no join token") }
        return token
    }

    private func write(_ members: [SwarmMember], to path: String) throws {
        struct Entry: Encodable {
            var name: String
            var id: String
            var fault: String?
        }
        let entries = members.map {
            Entry(name: $0.name, id: $0.id.description, fault: $0.fault?.rawValue)
        }
        try SafeFile.write(path, Array(try JSONEncoder().encode(entries)), mode: 0o600)
    }
}

/// One line of the report.
struct Report: Encodable {
    /// Milliseconds since 1970.
    var atMs: Int
    var counts: SwarmCounts

    init(_ counts: SwarmCounts) {
        atMs = Int(Date().timeIntervalSince1970 * 1_000)
        self.counts = counts
    }

    func encode(to encoder: any Encoder) throws {
        try counts.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(atMs, forKey: .atMs)
    }

    private enum Key: String, CodingKey { case atMs }
}
