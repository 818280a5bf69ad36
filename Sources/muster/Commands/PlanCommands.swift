import ArgumentParser
import MusterCore
import MusterIncident

/// `muster plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "See what a plan does on which hosts, halt it, let it go on, or end it.",
        subcommands: [Show.self, Wait.self, Pause.self, Resume.self, Abort.self, Retry.self]
    )

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What exactly happens, where, and in which order.",
            discussion: """
                The plan's exact bytes are fetched and their hash is checked here; what is printed is what they say, and
                what its hosts answered when they were asked, before it was proposed, what they would do. With --dry-run
                they are asked once more, and what differs is shown. Nothing happens on any host.

                EXAMPLES
                  muster plan show latest
                  muster plan show latest --dry-run
                  muster plan show 0193c0de 4f1a22 --json
                """
        )

        @OptionGroup var choice: PlanChoice

        @Flag(help: "Ask the hosts once more what they would do.")
        var dryRun = false

        @OptionGroup var options: ServerOptions

        func run() throws {
            let connection = try options.connect()
            let incident = try IncidentFinder.find(choice.incident, connection)
            let sealed = try PlanFinder.find(choice.plan, of: incident, connection, .any)
            let path = "incidents/\(incident)/plans/\(sealed.id)/dry-run"
            let now = dryRun ? try connection.get(path, as: [PlanTrialGroup].self) : nil
            let detail = try connection.get("incidents/\(incident)", as: IncidentDetail.self)
            let progress = detail.rollouts?.first { $0.plan == sealed.id }
            if options.json { return try JSON.print(Shown(plan: sealed, progress: progress, dryRun: now)) }
            PlanText.print(sealed)
            let then = progress?.trials
            if let then { PlanText.print(then, of: sealed.plan) }
            if let now {
                if let then {
                    PlanText.printDifference(now, from: then, of: sealed.plan)
                } else {
                    PlanText.print(now, of: sealed.plan)
                }
            }
            if let progress { Terminal.out("  stands      " + Terminal.clean(IncidentText.text(progress))) }
        }

        private struct Shown: Encodable {
            var plan: SealedPlan
            var progress: PlanProgress?
            var dryRun: [PlanTrialGroup]?
        }
    }

    struct Wait: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Follow a plan until it is over; ends with 0 only when all hosts have acted well enough.",
            discussion: """
                EXAMPLES
                  muster approve latest && muster plan wait latest --timeout 1h
                """
        )

        @OptionGroup var choice: PlanChoice

        @Option(help: ArgumentHelp("How long at most: 30s, 10m, 1h.", valueName: "span"))
        var timeout = "1h"

        @OptionGroup var options: ServerOptions

        func run() throws {
            guard let timeout = Duration(operatorText: timeout) else {
                throw CLIError(.usage, "--timeout must be a time span like 30s, 10m or 1h")
            }
            let connection = try options.connect()
            let incident = try IncidentFinder.find(choice.incident, connection)
            let plan = try PlanFinder.identify(choice.plan, of: incident, connection, .any)
            let end = ContinuousClock.now + timeout
            var shown = ""
            while true {
                let detail = try connection.get("incidents/\(incident)", as: IncidentDetail.self)
                guard let progress = detail.rollouts?.first(where: { $0.plan == plan }) else {
                    throw CLIError(.failed, "incident \(incident) has no plan \(plan.short)")
                }
                let text = Terminal.clean(IncidentText.text(progress))
                if text != shown, !options.json { Terminal.out("\(Words.time(Clock.now())) UTC  \(text)") }
                shown = text
                // What was done by halves is taken back first.
                if progress.state == .done || (progress.state == .stopped && progress.unsettled == 0) {
                    if options.json { try JSON.print(progress) }
                    guard progress.state == .done else {
                        throw CLIError(.failed, "the plan stopped: \(progress.reason)")
                    }
                    return
                }
                guard ContinuousClock.now < end else {
                    throw CLIError(.failed, "the plan is not over after \(timeout.spoken)")
                }
                Clock.wait(milliseconds: 1000)
            }
        }
    }

    struct Pause: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let no further host begin; those that have begun end.",
            discussion: """
                Hosts that have acted and wait for a decision still take their action back when their time is over.

                EXAMPLES
                  muster plan pause latest --reason "the queue is not empty yet"
                """
        )

        @OptionGroup var steering: PlanSteering

        func run() throws { try steering.run(.pause) }
    }

    struct Resume: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a paused plan go on.",
            discussion: """
                EXAMPLES
                  muster plan resume latest
                """
        )

        @OptionGroup var steering: PlanSteering

        func run() throws { try steering.run(.resume) }
    }

    struct Abort: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a plan: no host begins any more, and what waits for a decision is taken back.",
            discussion: """
                EXAMPLES
                  muster plan abort latest --reason "errors went up on web-3"
                """
        )

        @OptionGroup var steering: PlanSteering

        func run() throws { try steering.run(.abort) }
    }
}

extension PlanCommand {
    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Have the step of a plan that failed taken again, only on the hosts where it did not go well.",
            discussion: """
                A new plan is proposed for them, which has to be approved like any other.

                EXAMPLES
                  muster plan retry latest --reason "the registry is back"
                """
        )

        @OptionGroup var steering: PlanSteering

        func run() throws { try steering.run(.retry) }
    }
}

/// Which plan.
struct PlanChoice: ParsableArguments {
    @Argument(help: IncidentFinder.help)
    var incident: String

    @Argument(help: "The plan: its id or the beginning of it; may be left out when there is only one.")
    var plan: String?
}

/// What a person wants of a plan that is under way.
struct PlanSteering: ParsableArguments {
    @OptionGroup var choice: PlanChoice

    @Option(help: ArgumentHelp("Why, in a sentence.", valueName: "text"))
    var reason = ""

    @OptionGroup var options: ServerOptions

    func run(_ order: RolloutOrder) throws {
        let connection = try options.connect()
        let incident = try IncidentFinder.find(choice.incident, connection)
        let plan = try PlanFinder.identify(
            choice.plan,
            of: incident,
            connection,
            order == .retry ? .any : .underWay
        )
        try connection.post(
            "incidents/\(incident)/plans/\(plan)/\(order.rawValue)",
            ReasonRequest(reason: reason)
        )
        guard !options.json else {
            return try JSON.print(["plan": plan.description, "order": order.rawValue])
        }
        switch order {
        case .pause: Terminal.out("Paused plan \(plan.short); go on with: muster plan resume \(incident)")
        case .resume: Terminal.out("Plan \(plan.short) goes on")
        case .retry:
            Terminal.out("Plan \(plan.short) will be tried again; approve with: muster approve \(incident)")
        case .abort: Terminal.out("Ended plan \(plan.short); what waits for a decision is taken back")
        }
    }
}
