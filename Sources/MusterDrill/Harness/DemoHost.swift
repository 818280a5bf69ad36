import Glibc
import MusterCore

/// One pretended host: its files, its shop and its agent.
final class DemoHost {
    let plan: HostPlan
    let network: HostNetwork.Host
    /// Everything that would be on this host's disk.
    let folder: String
    let shopPort: Int
    let programs: Programs
    /// What shop and agent go by when they are started; nil for the machine's clock.
    var clock: FakeClock?
    private var shop: ChildProcess?
    private var agent: ChildProcess?

    init(plan: HostPlan, network: HostNetwork.Host, folder: String, programs: Programs) throws(DrillError) {
        self.plan = plan
        self.network = network
        self.folder = folder
        self.programs = programs
        // A namespace has all its ports for itself.
        shopPort = network.room == nil ? try FreePort.find(on: network.address) : 8080
        for part in ["etc", "state", "shop", "logs", "markers", "data"] {
            try Files.makeFolder("\(folder)/\(part)")
        }
        try Files.makeFolder("\(folder)/etc", mode: 0o700)
        try Files.makeFolder("\(folder)/state", mode: 0o700)
    }

    var name: String { plan.name }
    var accessLog: String { "\(folder)/logs/access.log" }
    var errorLog: String { "\(folder)/logs/error.log" }
    var markers: String { "\(folder)/markers" }
    var pidFile: String { "\(folder)/shop/shop.pid" }
    var releases: ReleaseDirectory { ReleaseDirectory(root: "\(folder)/shop") }
    /// What would be mounted from a disk of its own.
    var data: String { "\(folder)/data" }
    var shopSettings: String { "\(folder)/shop/shop.conf" }
    var agentConfiguration: String { "\(folder)/etc" }
    var agentState: String { "\(folder)/state" }

    /// Arguments of the deploy tool on this host, without the release.
    var deployTool: [String] {
        [
            programs.drill, "release", "switch", "--root", releases.root, "--pid-file", pidFile,
            "--address", network.address, "--port", "\(shopPort)", "--markers", markers,
        ]
    }

    /// Runs a program to its end where this host is.
    func command(_ program: String, _ arguments: [String]) -> Command {
        Command(program: program, arguments: arguments, host: network)
    }

    /// What the shop of this host is told unless a scenario says otherwise.
    func shopConfiguration(database: ShopConfiguration.Database?) -> ShopConfiguration {
        ShopConfiguration(
            host: name,
            address: network.address,
            port: shopPort,
            root: releases.root,
            accessLog: accessLog,
            accessLogFormat: plan.accessLogFormat,
            errorLog: errorLog,
            pidFile: pidFile,
            database: database
        )
    }

    /// Installs both releases, starts the shop with the old one and waits until it serves.
    ///
    /// `launcher` is put before the shop's own command.
    func startShop(_ configuration: ShopConfiguration, launcher: [String] = []) throws {
        try releases.install(Release(version: "4520", features: .init()))
        try releases.install(
            Release(version: "4521", features: .init(splitPayment: .init(itemsPerInstalment: 3)))
        )
        try releases.install(Release(version: "4522", features: .init()))
        try releases.point(at: "4520")
        // The demo shop's own story: the release in use is three days old.
        try DeployMarker(
            version: "4520",
            previous: "4519",
            by: "ben",
            at: WallClock.now() - .seconds(3 * 86_400),
            number: "4520"
        ).write(in: markers)
        let path = "\(folder)/shop/shop.json"
        try configuration.write(to: path)
        let process = try start(
            "shop",
            (clock?.launcher ?? []) + launcher + [programs.drill, "shop", "--config", path],
            environment: clock?.environment ?? []
        )
        shop = process
        try Interruption.wait(upTo: .seconds(20), for: "the shop on \(name); see \(folder)/logs/shop.out") {
            guard process.isRunning else {
                throw DrillError(.process, "the shop on \(name) ended; see \(self.folder)/logs/shop.out")
            }
            return request("GET", "/healthz") == 200
        }
    }

    /// Sends the shop one request; its HTTP status, nil when it did not answer.
    func request(_ method: String, _ path: String) -> Int? {
        var connection = HTTPConnection(address: network.address, port: shopPort, timeout: .seconds(2))
        defer { connection.close() }
        return connection.send(method: method, path: path, headers: [], body: [])?.status
    }

    /// Control group of a service of this host, as it is seen from outside; nil where there is none.
    func group(of service: String) -> String? {
        network.room == nil
            ? nil : "\(HostGroups.name(pid: getpid(), host: name))/system.slice/\(service).service"
    }

    /// Changes what the shop is told at its next start.
    func changeShop(_ change: (inout ShopConfiguration) -> Void) throws(DrillError) {
        let path = "\(folder)/shop/shop.json"
        var configuration = try ShopConfiguration.read(path)
        change(&configuration)
        try configuration.write(to: path)
    }

    /// Sends the shop's own process a signal.
    func signalShop(_ number: Int32) { shop?.signal(number) }

    /// Starts the agent, which has joined before.
    func startAgent() throws(DrillError) {
        agent = try start(
            "agent",
            (clock?.launcher ?? [])
                + [programs.agent, "run", "--config", agentConfiguration, "--state", agentState],
            environment: clock?.environment ?? []
        )
    }

    /// Whether the agent runs; for error messages.
    var agentRuns: Bool { agent?.isRunning ?? false }

    /// Kills the agent as a crash would and starts it again.
    func killAndRestartAgent() throws(DrillError) {
        agent?.stop(asking: SIGKILL, grace: .seconds(5))
        try startAgent()
    }

    /// Ends the shop alone, as a crash would.
    func killShop() { shop?.stop(asking: SIGKILL) }

    /// Ends agent and shop.
    func stop() {
        agent?.stop()
        shop?.stop(grace: .seconds(1))
    }

    /// Starts a program where this host is, as a service of that name; its output goes to `logs/NAME.out`.
    func start(
        _ name: String,
        _ command: [String],
        as user: String? = nil,
        environment: [String] = []
    ) throws(DrillError) -> ChildProcess {
        let entry = ProcessEntry(
            parent: getpid(),
            deathSignal: SIGKILL,
            room: network.room,
            // Where a service manager would put it.
            group: network.room == nil ? nil : "system.slice/\(name).service",
            user: user,
            environment: environment,
            command: command
        )
        return try ChildProcess.start(
            "\(name) on \(self.name)",
            entry: entry,
            output: .file("\(folder)/logs/\(name).out")
        )
    }
}
