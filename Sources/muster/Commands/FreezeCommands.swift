import ArgumentParser
import MusterCore
import MusterIncident

/// `muster freeze`.
struct FreezeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze",
        abstract: "Stop every automatic action at once, here and on the hosts.",
        discussion: """
            While a freeze is on, a signed runbook asks for approval instead of running by itself, and hosts refuse \
            what no person approved. A rollout that runs by itself begins on no further host, and goes on when the \
            freeze is over ("muster plan abort" ends it for good); hosts that wait for a decision meanwhile take \
            their action back when their time is over. What was done is still verified, and taken back where it \
            must be; what people approve goes on.

            EXAMPLES
              muster freeze --all --reason "moving the data centre" --for 4h
              muster freeze --service shop --reason "the sale starts at noon"
              muster freeze list
              muster unfreeze --service shop
            """,
        subcommands: [FreezeSetCommand.self, FreezeListCommand.self],
        defaultSubcommand: FreezeSetCommand.self
    )
}

/// What a freeze is for.
struct FreezeScope: ParsableArguments {
    @Flag(help: "Everything.")
    var all = false

    @Option(help: ArgumentHelp("One service.", valueName: "name"))
    var service: String?

    func validate() throws {
        guard all != (service != nil) else { throw ValidationError("give either --all or --service NAME") }
    }

    var text: String { service.map { "the service \($0)" } ?? "everything" }
}

/// `muster freeze set`, which may be left out.
struct FreezeSetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Stop every automatic action of a service, or of all.",
        discussion: """
            Comes back when nothing begins by itself any more. A second freeze for the same service takes the first \
            one's place.

            EXAMPLES
              muster freeze --all --reason "moving the data centre" --for 4h
              muster freeze --service shop --reason "the sale starts at noon"
            """
    )

    @OptionGroup var scope: FreezeScope

    @Option(help: ArgumentHelp("Why, in a sentence; whoever is stopped by it reads it.", valueName: "text"))
    var reason: String

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("When it ends by itself: 30m, 4h; else only people end it.", valueName: "span")
    )
    var life: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
        let life = try life.map { Int(try Duration(option: "for", $0).inSeconds) }
        let request = FreezeRequest(service: scope.service, reason: reason, lifeSeconds: life)
        let receipt = try JSON.decode(FreezeReceipt.self, try options.connect().post("freezes", request))
        if options.json { return try JSON.print(receipt) }
        let until = receipt.freeze.until.map { "until \(Words.time($0)) UTC" } ?? "until it is lifted"
        Terminal.out("Frozen: \(Terminal.clean(scope.text)), \(until).")
        receipt.reach.print()
        let what = scope.service.map { "--service \($0)" } ?? "--all"
        Terminal.out("Lift it with: muster unfreeze \(Terminal.clean(what))")
    }
}

/// `muster freeze list`.
struct FreezeListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the freezes that are on.",
        discussion: """
            Root's own freeze of a host ("muster-agent freeze" there) is not among them.

            EXAMPLES
              muster freeze list
              muster freeze list --json
            """
    )

    @OptionGroup var options: ServerOptions

    func run() throws {
        let freezes = try options.connect().get("freezes", as: [Freeze].self)
        if options.json { return try JSON.print(freezes) }
        var table = Table("SERVICE", "SINCE (UTC)", "UNTIL (UTC)", "BY", "REASON")
        for freeze in freezes {
            table.add(
                freeze.service ?? "(all)",
                Words.time(freeze.since),
                freeze.until.map(Words.time) ?? "lifted",
                freeze.by,
                freeze.reason
            )
        }
        table.print(orElse: "No freeze is on.")
    }
}

/// `muster unfreeze`.
struct UnfreezeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unfreeze",
        abstract: "Lift a freeze.",
        discussion: """
            --all lifts the freeze of everything; those of single services stay. Rollouts that were halted go on; \
            what asked for approval meanwhile still needs it.

            EXAMPLES
              muster unfreeze --all
              muster unfreeze --service shop
            """
    )

    @OptionGroup var scope: FreezeScope
    @OptionGroup var options: ServerOptions

    func run() throws {
        let request = ThawRequest(service: scope.service)
        let reach = try JSON.decode(FreezeReach.self, try options.connect().post("freezes/lift", request))
        if options.json { return try JSON.print(reach) }
        Terminal.out("The freeze of \(Terminal.clean(scope.text)) is lifted.")
        reach.print()
    }
}

extension FreezeReach {
    fileprivate func print() {
        let away = hostsAway == 0 ? "" : "; \(hostsAway) not connected or too old, told when they can be"
        Terminal.out(
            "  \(Words.count(hostsTold, "host")) told\(away); \(Words.count(incidents, "open incident"))"
        )
    }
}
