import Glibc
import MusterCore

/// Everything a drill brings up, and takes down again whatever happens.
final class Stage {
    let programs: Programs
    let options: DrillOptions
    let narrator: Narrator
    private(set) var folder = ""
    private var ownsFolder = false
    private var network: HostNetwork?
    private(set) var hosts: [DemoHost] = []
    private(set) var goal = DrillGoal.resolved
    private var extras: [ChildProcess] = []
    /// What else has to be taken back, latest first.
    private var endings: [() -> Void] = []
    private(set) var database: DatabaseServer?
    private var made: (coordinator: CoordinatorProcess, people: People, traffic: Traffic)?
    private var coordinatorProcess: CoordinatorProcess?
    private var runningTraffic: Traffic?
    /// Whether the drill ended as it should; its folder is of no more use then.
    var isGood = false

    init(programs: Programs, options: DrillOptions, narrator: Narrator) {
        self.programs = programs
        self.options = options
        self.narrator = narrator
    }

    /// The coordinator, the people and the traffic are there once ``bringUp(_:)`` has returned.
    var coordinator: CoordinatorProcess { ready.coordinator }
    var people: People { ready.people }
    var traffic: Traffic { ready.traffic }

    /// The hosts' network, as firewalls write it.
    var clients: String { network?.clients ?? "127.0.0.0/8" }

    private var ready: (coordinator: CoordinatorProcess, people: People, traffic: Traffic) {
        guard let made else { preconditionFailure("the stage is used before it was brought up") }
        return made
    }

    /// Starts everything and lets the shop run undisturbed for a while, so that there is a "before".
    func bringUp(_ scenario: any Scenario) throws {
        goal = scenario.goal
        try makeFolder()
        try Janitor.start()
        let network = try HostNetwork(hosts: scenario.hosts.map(\.name), loopback: options.loopback)
        self.network = network
        narrator.say(
            "Hosts \(scenario.hosts.map(\.name).joined(separator: ", ")): "
                + (network.usesNamespaces ? "network namespaces" : "addresses of the loopback device")
                + (network.whyLoopback.isEmpty
                    ? "" : ", since namespaces can't be had (\(network.whyLoopback))")
                + ". Everything lies in \(folder)."
        )
        for (plan, place) in zip(scenario.hosts, network.hosts) {
            hosts.append(
                try DemoHost(
                    plan: plan,
                    network: place,
                    folder: "\(folder)/hosts/\(plan.name)",
                    programs: programs
                )
            )
        }
        try startDatabase(network)
        let coordinator = try CoordinatorProcess(
            folder: "\(folder)/coordinator",
            address: network.coordinatorAddress,
            programs: programs
        )
        coordinatorProcess = coordinator
        let people = try coordinator.setUp(peopleIn: "\(folder)/people")
        narrator.say("Coordinator: \(coordinator.url)")
        try scenario.prepare(on: self)
        for host in hosts where host.plan.duty == .web {
            var configuration = host.shopConfiguration(database: shopDatabase(host))
            try scenario.configure(&configuration, of: host, on: self)
            try host.startShop(configuration, launcher: scenario.launcher(of: host))
        }
        try startAgents(coordinator, people, scenario)
        let traffic = try Traffic(
            to: scenario.targets(on: self),
            rate: options.rate,
            seed: options.seed
        )
        runningTraffic = traffic
        made = (coordinator, people, traffic)
        narrator.say("The shop gets \(Int(options.rate)) requests per second. 20 s of an ordinary day:")
        try Interruption.sleep(.seconds(20))
        let count = traffic.count(last: .seconds(10))
        narrator.say("\(count.requests) requests in the last 10 s, \(count.failed) failed.")
        guard count.requests > 20, count.ratio < 0.01 else {
            throw DrillError(.process, "the shop does not work before the fault; see \(folder)/hosts/*/logs")
        }
    }

    /// Deploys a release as people do: with a tool that leaves a marker, and a word to Muster.
    func deploy(_ version: String, on name: String, by person: String) throws {
        let host = try host(name)
        let began = WallClock.now()
        let tool = host.deployTool + ["--to", version, "--by", person, "--number", version]
        try host.command(programs.drill, Array(tool.dropFirst())).succeed()
        let command = people.responder.command([
            "change", "record", "deploy", "--service", "shop", "--host", name, "--reference", version,
            "--actor", person, "--before", "4520", "--after", version, "--at", "\(began)",
            "--summary", "shop 4520 -> \(version)",
        ])
        let answer = try command.succeed()
        narrator.typed(command.line, as: people.responder.name, answer: answer)
    }

    /// Starts a program on a pretended host, with its output in the host's logs; it ends with the drill.
    @discardableResult
    func start(
        _ name: String,
        _ command: [String],
        on host: String,
        as user: String? = nil,
        environment: [String] = []
    ) throws -> ChildProcess {
        let child = try self.host(host).start(name, command, as: user, environment: environment)
        extras.append(child)
        return child
    }

    /// Takes something back at the end of the drill, however it ends; the latest first, after all processes have ended.
    func atEnd(_ ending: @escaping () -> Void) { endings.append(ending) }

    /// Switches the shop's leak of database sessions on or off everywhere.
    func setLeak(_ on: Bool) throws {
        for host in hosts where host.plan.duty == .web {
            guard host.request("POST", "/control/leak/\(on ? "on" : "off")") == 200 else {
                throw DrillError(.process, "the shop on \(host.name) does not take the leak")
            }
        }
    }

    /// Switches a fault of the shop on one host on or off.
    func setFault(_ fault: ShopFaults.Name, _ on: Bool, on name: String) throws {
        guard try host(name).request("POST", "/control/fault/\(fault.rawValue)/\(on ? "on" : "off")") == 200
        else {
            throw DrillError(.process, "the shop on \(name) does not take the fault \(fault.rawValue)")
        }
    }

    /// Kills an agent as a crash would and starts it again.
    func restartAgent(on name: String) throws { try host(name).killAndRestartAgent() }

    /// How often each host acted, from the ledger of its agent.
    func executions() throws -> [String: Int] {
        var counts: [String: Int] = [:]
        var last = "no answer"
        // An agent that was just started again may still be on its way.
        try Interruption.wait(upTo: .seconds(30), every: .milliseconds(500), for: "the ledgers (\(last))") {
            do throws(DrillError) { counts = try people.observer.executions() } catch {
                last = error.description
                return false
            }
            return true
        }
        return counts
    }

    /// The post-mortem as the command line prints it; nil when there is none.
    func postMortem(_ incident: IncidentID) throws -> String? {
        let command = people.responder.command(["postmortem", "\(incident)"])
        let result = try command.run()
        return result.status == 0 ? result.output : nil
    }

    /// Leaves everything running, says where it is, and waits for Ctrl-C.
    func keepRunning(_ incident: IncidentID) throws {
        let muster = "MUSTER_CONFIG=\(people.responder.folder) \(programs.muster)"
        narrator.heading("Everything keeps running until Ctrl-C")
        narrator.put(
            "web page   \(coordinator.url)/  (log in with the token in \(people.responder.tokenFile))"
        )
        narrator.put("CA         \(coordinator.caFile)")
        narrator.put("try        \(muster) incident show \(incident)")
        narrator.put("           \(muster) fleet")
        narrator.put("           \(muster) ask requests --last 5m")
        narrator.put("           \(muster) ask logs --level error --last 5m")
        narrator.put("           \(muster) postmortem \(incident)")
        while Interruption.signalNumber == nil { WallClock.sleep(.milliseconds(200)) }
    }

    /// Ends all of it, in the reverse order; safe to call at any time and twice.
    func tearDown() {
        runningTraffic?.stop()
        runningTraffic = nil
        for child in extras.reversed() { child.stop(grace: .seconds(1)) }
        extras = []
        for host in hosts { host.stop() }
        hosts = []
        coordinatorProcess?.stop()
        coordinatorProcess = nil
        database?.stop()
        database = nil
        for ending in endings.reversed() { ending() }
        endings = []
        network?.remove()
        network = nil
        made = nil
        guard ownsFolder, !folder.isEmpty else { return }
        if isGood {
            // Only the post-mortem is worth keeping.
            for name in Files.names(in: folder) where name != "postmortem.md" {
                Files.remove("\(folder)/\(name)")
            }
        } else {
            Files.remove("\(folder)/database")
            narrator.put("\nWhat the drill wrote is left in \(folder).")
        }
        ownsFolder = false
    }

    private func makeFolder() throws {
        if let path = options.folder {
            guard Files.names(in: path).isEmpty else {
                throw DrillError(.usage, "--dir \(path) is not empty")
            }
            folder = path.hasPrefix("/") ? path : "\(Files.currentFolder)/\(path)"
        } else {
            folder = try Files.makeTemporaryFolder()
            ownsFolder = true
        }
        // The database server runs as somebody else and has to pass through; what is secret lies deeper.
        try Files.makeFolder(folder, mode: 0o711)
        try Files.makeFolder("\(folder)/secrets", mode: 0o700)
    }

    private func startDatabase(_ network: HostNetwork) throws {
        guard let host = hosts.first(where: { $0.plan.duty == .db }) else { return }
        database = try DatabaseServer(
            folder: "\(folder)/database",
            host: host.network,
            port: network.usesNamespaces ? 5432 : try FreePort.find(on: host.network.address),
            clients: network.clients,
            secrets: "\(folder)/secrets",
            steppable: !options.realTime
        )
        narrator.say(
            "PostgreSQL on \(host.name), max_connections = \(DatabaseServer.maxConnections)"
                + (options.realTime ? "." : "; its clock is under libfaketime and in step for now.")
        )
    }

    private func shopDatabase(_ host: DemoHost) -> ShopConfiguration.Database? {
        database.map { server in
            ShopConfiguration.Database(
                host: server.address,
                port: server.port,
                user: DatabaseServer.Role.shop.rawValue,
                name: DatabaseServer.databaseName,
                passwordFile: "\(folder)/secrets/\(DatabaseServer.Role.shop.rawValue).password"
            )
        }
    }

    private func startAgents(
        _ coordinator: CoordinatorProcess,
        _ people: People,
        _ scenario: any Scenario
    ) throws {
        let approver = try people.approver.publicKey()
        for host in hosts {
            try AgentFiles(
                host: host,
                coordinator: coordinator,
                database: host.plan.duty == .db ? database : nil,
                observation: try scenario.observation(of: host, on: self),
                secrets: "\(folder)/secrets",
                approver: people.approver.name,
                approverKey: approver,
                // Long enough to be killed in.
                drainSeconds: options.killAgentDuringAction ? 4 : 0
            ).write()
            let token = try people.admin.makeJoinToken(labels: ["role": host.plan.duty.rawValue])
            try AgentFiles.join(host, token: token, programs: programs)
            try host.startAgent()
        }
        try Interruption.wait(upTo: .seconds(20), every: .milliseconds(200), for: "the agents to connect") {
            for host in hosts where !host.agentRuns {
                throw DrillError(
                    .process,
                    "the agent on \(host.name) ended; see \(host.folder)/logs/agent.out"
                )
            }
            return try people.admin.connectedHosts() >= hosts.count
        }
        let command = people.responder.command(["fleet"])
        narrator.typed(command.line, as: people.responder.name, answer: try command.succeed())
    }

    /// The pretended host of this name.
    func host(_ name: String) throws -> DemoHost {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw DrillError(.usage, "there is no host \(name)")
        }
        return host
    }
}
