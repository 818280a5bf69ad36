import ArgumentParser
import Dispatch
import Glibc
import MusterDrill

/// Removes what a drill that was killed left behind.
struct CleanupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Remove network namespaces and bridges of drills that no longer run."
    )

    @Option(help: .hidden)
    var after: Int32?

    func run() throws {
        if let after { return Janitor.run(after: after) }
        let removed = Janitor.removeLeftovers()
        for line in removed { print("removed: \(line)") }
        if removed.isEmpty { print("nothing to remove") }
    }
}

/// The deploy tool of the pretended hosts.
struct ReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Deploy tool of the demo shop.",
        subcommands: [SwitchCommand.self]
    )

    /// Puts one installed release into use.
    struct SwitchCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "switch",
            abstract: "Put an installed release into use and wait until the shop runs it."
        )

        @Option(help: "Folder with current and releases/.")
        var root: String

        @Option(help: "The release.")
        var to: String

        @Option(help: "File with the pid of the shop.")
        var pidFile: String

        @Option(help: "Address of the shop.")
        var address: String

        @Option(help: "Port of the shop.")
        var port: Int

        @Option(help: "Folder for a deploy marker, a small file of JSON.")
        var markers: String?

        @Option(help: "Who deploys, for the marker.")
        var by = "muster"

        @Option(help: "Number that people know the deploy by, for the marker.")
        var number: String?

        @Option(help: "Seconds to wait until the shop runs it.")
        var timeout = 10

        @Option(help: "Seconds to do nothing before, as a tool that drains a host first.")
        var drain = 0

        func run() throws {
            let change = ReleaseSwitch(
                directory: ReleaseDirectory(root: root),
                version: to,
                pidFile: pidFile,
                address: address,
                port: port,
                timeout: .seconds(timeout)
            )
            sleep(UInt32(clamping: drain))
            let began = DeployMarker.now
            let before = try change.run()
            if let markers {
                try DeployMarker(version: to, previous: before, by: by, at: began, number: number).write(
                    in: markers
                )
            }
            print("shop runs \(to), before that \(before)")
        }
    }
}

/// The demo shop on one host.
struct ShopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shop",
        abstract: "Serve the demo shop.",
        shouldDisplay: false
    )

    @Option(help: "Configuration, as the drill writes it.")
    var config: String

    func run() throws {
        let shop = try ShopServer(try ShopConfiguration.read(config))
        let done = DispatchSemaphore(value: 0)
        // Ends with the server's own signals; the process ends with it.
        Task {
            do { try await shop.run() } catch {
                Output.error.put("muster-drill shop: \(error)")
                Glibc.exit(1)
            }
            done.signal()
        }
        done.wait()
    }
}

/// The demo's payment service that looks at the time of requests.
struct PaymentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payments",
        abstract: "Serve the demo's payment service.",
        shouldDisplay: false
    )

    @Option var address: String
    @Option var port: Int
    @Option(help: "Where refusals are logged.")
    var log: String

    func run() throws {
        let desk = try PaymentDesk(address: address, port: port, log: log)
        let done = DispatchSemaphore(value: 0)
        // Ends with the server's own signals; the process ends with it.
        Task {
            do { try await desk.run() } catch {
                Output.error.put("muster-drill payments: \(error)")
                Glibc.exit(1)
            }
            done.signal()
        }
        done.wait()
    }
}

/// A long line before a pretended host.
struct DelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delay",
        abstract: "Delay the packets of a pretended host.",
        shouldDisplay: false
    )

    @Option(help: "Milliseconds that each packet waits.")
    var milliseconds: Int

    func run() throws { try PacketDelay(delay: .milliseconds(milliseconds)).run() }
}

/// What a service manager is to a service that it restarts.
struct KeepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep",
        abstract: "Run a program of the drill, and start it again when it ends.",
        shouldDisplay: false
    )

    @Argument(parsing: .postTerminator) var command: [String]

    func run() throws { try KeptProgram(command: command).run() }
}

/// A batch job that takes all of a CPU.
struct ComputeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compute",
        abstract: "Compute without end.",
        shouldDisplay: false
    )

    func run() throws {
        var number: UInt64 = 1
        // Odd numbers stay odd: it never ends, which no compiler sees.
        while number != 0 { number = number &* 6_364_136_223_846_793_005 }
    }
}

/// First step of every child of a drill.
struct ExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Become another program, tied to the drill.",
        shouldDisplay: false
    )

    @Option var parent: Int32
    @Option var signal: Int32
    @Option var room: Int32?
    @Option var group: String?
    @Option var user: String?
    @Option var env: [String] = []
    @Argument(parsing: .postTerminator) var command: [String]

    func run() throws {
        try ProcessEntry(
            parent: parent,
            deathSignal: signal,
            room: room,
            group: group,
            user: user,
            environment: env,
            command: command
        ).run()
    }
}

/// Holds the room of a pretended host.
struct HoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Hold the namespaces of a pretended host.",
        shouldDisplay: false
    )

    @Option var parent: Int32 = 0
    @Option var namespace = ""
    @Option var hostname = ""
    @Option var group = ""
    /// Be process 1 of the room.
    @Flag var first = false

    func run() throws {
        if first { try HostRoom.first() }
        try HostRoom(parent: parent, namespace: namespace, hostname: hostname, group: group).hold()
    }
}
