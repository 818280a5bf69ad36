import ArgumentParser
import MusterDrill

/// Runs one scenario or all of them.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a scenario (this is what happens without a subcommand)."
    )

    @Option(help: "What goes wrong; several run one after the other. --list names all. (default: bad-deploy)")
    var scenario: [ScenarioName] = []

    @Flag(help: "Run all scenarios, one after the other.")
    var all = false

    @Flag(help: "Print the name of each scenario and what goes wrong in it, and run none.")
    var list = false

    @Flag(
        help: "Print one JSON object and nothing else on standard output; the story goes to standard error."
    )
    var json = false

    @Flag(help: "Leave everything running afterwards, print where, and wait for Ctrl-C.")
    var keep = false

    @Option(help: "Folder for everything the drill writes; kept afterwards. Must not exist or be empty.")
    var dir: String?

    @Flag(help: "pool-exhaustion: wait ten real minutes instead of stepping the database server's clock.")
    var realTime = false

    @Flag(help: "Use addresses of the loopback device even where network namespaces are possible.")
    var loopback = false

    @Option(help: "Requests per second to the shop, all hosts together.")
    var rate: Double = 120

    @Option(help: "Seed of the traffic.")
    var seed: UInt64 = 4521

    @Option(
        help: "Kill the coordinator (SIGKILL) this many milliseconds after the alert, and start it again."
    )
    var killCoordinatorAfter: Int?

    @Flag(help: "Kill the agent that acts (SIGKILL) while its action runs, and start it again.")
    var killAgentDuringAction = false

    func validate() throws {
        guard rate >= 10, rate <= 1000 else { throw ValidationError("--rate must be from 10 to 1000.") }
        guard !(all && !scenario.isEmpty) else {
            throw ValidationError("--all goes with no --scenario.")
        }
        guard !((all || scenario.count > 1) && (keep || dir != nil)) else {
            throw ValidationError("--keep and --dir go with one scenario only.")
        }
        if let killCoordinatorAfter, !(0...600_000).contains(killCoordinatorAfter) {
            throw ValidationError("--kill-coordinator-after must be from 0 to 600000.")
        }
    }

    func run() throws {
        if list {
            let width = ScenarioName.all.map(\.rawValue.count).max() ?? 0
            for name in ScenarioName.all {
                let padding = String(repeating: " ", count: width - name.rawValue.count)
                print("\(name.rawValue)\(padding)  \(name.summary)")
            }
            return
        }
        var options = DrillOptions()
        options.scenarios = all ? ScenarioName.all : scenario.isEmpty ? [.badDeploy] : scenario
        options.all = all
        options.json = json
        options.keep = keep
        options.folder = dir
        options.realTime = realTime
        options.loopback = loopback
        options.rate = rate
        options.seed = seed
        options.killCoordinatorAfter = killCoordinatorAfter.map { .milliseconds($0) }
        options.killAgentDuringAction = killAgentDuringAction
        guard try Drill.run(options) else { throw ExitCode(1) }
    }
}

extension ScenarioName: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }

    package var defaultValueDescription: String { rawValue }
}
