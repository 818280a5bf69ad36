import ArgumentParser
import MusterDrill

/// The command line of the drill.
///
/// All commands run on the main thread, which waits for them: the kernel ties the drill's children to the
/// thread that started them.
struct MusterDrillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster-drill",
        abstract: "Shows a whole incident on this machine, from the alert to the post-mortem.",
        discussion: """
            Brings up a coordinator, agents on pretended hosts and a demo shop with continuous traffic, breaks \
            something, posts the alert and tells what Muster does. Nothing outside a temporary folder is touched; \
            all of it is gone afterwards unless --keep or --dir is given.

            Examples:
              muster drill                                      a bad deploy, and how it is taken back
              muster drill --list                               all scenarios
              muster drill --scenario disk-full --scenario noisy-neighbour --json
              muster drill --all --json                         all of them, with a score

            Exit codes: 0 the right cause was found and, where a runbook is made for it, the incident resolved; \
            1 not so, 64 usage, 69 something needed is not installed, 130 interrupted.
            """,
        subcommands: [
            RunCommand.self, CleanupCommand.self, ReleaseCommand.self, ShopCommand.self, PaymentsCommand.self,
            ExecCommand.self, HoldCommand.self, DelayCommand.self, KeepCommand.self, ComputeCommand.self,
        ],
        defaultSubcommand: RunCommand.self
    )
}

do {
    var command = try MusterDrillCommand.parseAsRoot()
    try command.run()
} catch let error as DrillError {
    Output.error.put("muster-drill: \(error)")
    MusterDrillCommand.exit(withError: ExitCode(error.exitCode))
} catch {
    MusterDrillCommand.exit(withError: error)
}
