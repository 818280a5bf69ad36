import ArgumentParser
import MusterCore

/// `muster ask`.
struct AskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask",
        abstract: "Ask hosts a question and print one merged answer.",
        discussion: """
            Hosts are chosen with --on: all, host=web-1, service=checkout, role=db,zone=a (and), \
            host=web-1|host=web-2 (or). The last line always says who was asked and who answered.

            EXAMPLES
              muster ask requests --on service=checkout --since 15m
              muster ask logs --level error --text "connection refused" --since 5m
              muster ask deps --on role=web
              muster ask logs --level error --on service=shop --limit 5%
              muster ask facts --who missing

            Ctrl-C ends a question with what has come until then; a second one at once.
            """,
        subcommands: [
            AskLogs.self, AskRequests.self, AskMetrics.self, AskAnomalies.self, AskProcesses.self,
            AskSockets.self, AskDependencies.self, AskChanges.self, AskFacts.self,
        ]
    )
}

/// Options of every question.
struct AskOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Which hosts.", valueName: "selector"))
    var on = "all"

    @Option(
        help: ArgumentHelp(
            "Ask only so many of these hosts, or this share of them, chosen at random.",
            valueName: "50|5%"
        )
    )
    var limit: SampleSize?

    @Option(help: ArgumentHelp("How long each host may take.", valueName: "span"))
    var deadline = "5s"

    @Option(
        help: """
            Instead of the answer, list hosts with how the question ended there: missing (no answer, or only a part), answered, \
            or all.
            """
    )
    var who: AskedHosts?

    @OptionGroup var server: ServerOptions
}

/// Which hosts `--who` lists.
enum AskedHosts: String, ExpressibleByArgument, CaseIterable {
    case missing
    case answered
    case all

    func holds(_ outcome: OutcomeKind) -> Bool {
        switch self {
        case .missing: outcome != .ok
        case .answered: outcome.hasAnswer
        case .all: true
        }
    }
}

extension SampleSize: ExpressibleByArgument {
    /// Reads what stands behind the option.
    public init?(argument: String) { self.init(argument) }
}

/// How far back a question looks.
struct SpanOptions: ParsableArguments {
    @Option(
        name: [.customLong("since"), .customLong("last")],
        help: ArgumentHelp("How far back to look.", valueName: "span")
    )
    var since = "15m"

    @Option(
        help: ArgumentHelp(
            "From when on, instead of --since: 2026-11-24T14:00:00Z, or \"2026-11-24 14:00\" in UTC.",
            valueName: "time"
        )
    )
    var from: String?

    @Option(help: ArgumentHelp("Until when; else now.", valueName: "time"))
    var to: String?

    func window() throws -> TimeWindow {
        let end = try to.map { try Timestamp(option: "to", $0) } ?? Clock.now()
        let start =
            try from.map { try Timestamp(option: "from", $0) }
            ?? end - (try Duration(option: "since", since))
        guard start < end else { throw ValidationError("the time span ends before it begins") }
        return TimeWindow(from: start, to: end)
    }
}

struct AskLogs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Log lines, and counts of lines that differ only in their variable parts.",
        discussion: """
            Lines are found by what they hold, in the log files of each host: nothing is shipped or stored. A regular
            expression is one of PCRE2 and matches within one line, byte by byte; (?i) ignores case.

            EXAMPLES
              muster ask logs --level error --since 10m
              muster ask logs --service shop --text timeout --lines 50
              muster ask logs --regex 'timeout after [0-9]{4,} ms' --bucket 1m --since 6h
              muster ask logs --template 'payment <*> failed for order <*>' --order oldest --context 3
              muster ask logs --level warning --from "2026-11-24 14:00" --to "2026-11-24 14:20" --json
            """
    )

    @Option(help: "Only of this service.") var service = ""
    @Option(help: "Only this grave or graver: debug, info, warning, error or fatal.") var level: LogLevel?
    @Option(help: "Only lines that contain this, in small or capital letters.") var text = ""
    @Option(help: "Only lines that match this regular expression.") var regex = ""
    @Option(help: "Only lines of this pattern, as an answer prints it.") var template = ""
    @Option(help: ArgumentHelp("Also count the lines per bucket of this width.", valueName: "span"))
    var bucket: String?
    @Option(help: "Which lines to print when there are more: newest, oldest or spread over the time.")
    var order = LogOrder.newest
    @Option(help: "How many lines to print before and after each one.") var context = 0
    @Option(help: "How many lines to print.") var lines = 20
    @OptionGroup var span: SpanOptions
    @OptionGroup var options: AskOptions

    func run() throws {
        let probe = Probe.logs(
            window: try span.window(),
            service: service,
            level: level,
            text: text,
            refinement: try refinement()
        )
        try Asking(probe, options, lines: lines).run()
    }

    func refinement() throws -> LogRefinement? {
        let width = try bucket.map { try Duration(option: "bucket", $0).inSeconds.rounded(.up) } ?? 0
        let refinement = LogRefinement(
            regex: regex,
            template: template,
            order: order,
            bucketSeconds: Int(min(width, 1e9)),
            contextLines: context
        )
        if let problem = refinement.problem { throw ValidationError(problem) }
        return refinement == LogRefinement() ? nil : refinement
    }
}

struct AskRequests: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requests",
        abstract: "Requests per endpoint: counts, errors, latency, users.",
        discussion: """
            EXAMPLES
              muster ask requests --since 15m
              muster ask requests --service shop --on zone=a
            """
    )

    @Option(help: "Only of this service.") var service = ""
    @OptionGroup var span: SpanOptions
    @OptionGroup var options: AskOptions

    func run() throws {
        // The coordinator puts a salt of its own in its place.
        try Asking(
            .requests(window: try span.window(), service: service, salt: [], bucketSeconds: 60),
            options
        ).run()
    }
}

struct AskMetrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Metric series, those that changed most first.",
        discussion: """
            EXAMPLES
              muster ask metrics
              muster ask metrics memory_ --on role=db --since 1h
            """
    )

    @Argument(help: "Only series whose name begins with this.") var prefix = ""
    @OptionGroup var span: SpanOptions
    @OptionGroup var options: AskOptions

    func run() throws { try Asking(.metrics(window: try span.window(), prefix: prefix), options).run() }
}

struct AskAnomalies: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anomalies",
        abstract: "Series that are not themselves, or lately were not: what, since when, how much.",
        discussion: """
            The hosts watch their series all the time; this asks what they noticed. A score of 8 is where chance ends, \
            in every series alike.

            EXAMPLES
              muster ask anomalies
              muster ask anomalies disk_ --on role=db --since 2h
            """
    )

    @Argument(help: "Only series whose name begins with this.") var prefix = ""
    @Option(
        name: [.customLong("since"), .customLong("last")],
        help: ArgumentHelp("How far back to look; what goes on is always told.", valueName: "span")
    )
    var since = "24h"
    @OptionGroup var options: AskOptions

    func run() throws {
        let now = Clock.now()
        let window = TimeWindow(from: now - (try Duration(option: "since", since)), to: now)
        try Asking(.anomalies(window: window, prefix: prefix), options).run()
    }
}

struct AskProcesses: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "processes",
        abstract: "Processes, most CPU first.",
        discussion: """
            EXAMPLES
              muster ask processes postgres --on role=db
            """
    )

    @Argument(help: "Only those whose name or command line contains this.") var text = ""
    @OptionGroup var options: AskOptions

    func run() throws { try Asking(.processes(text: text), options).run() }
}

struct AskSockets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sockets",
        abstract: "Who listens where, and who talks to whom.",
        discussion: """
            EXAMPLES
              muster ask sockets --port 5432
            """
    )

    @Option(help: "Only this port.") var port = 0
    @OptionGroup var options: AskOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port is from 1 to 65535") }
    }

    func run() throws { try Asking(.sockets(port: port), options).run() }
}

struct AskDependencies: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deps",
        abstract: "Check the configured dependencies now, from each host.",
        discussion: """
            EXAMPLES
              muster ask deps
              muster ask deps orders-db --on service=shop
            """,
        aliases: ["dependencies"]
    )

    @Argument(help: "Only this dependency.") var name = ""
    @OptionGroup var options: AskOptions

    func run() throws { try Asking(.dependencies(name: name), options).run() }
}

struct AskChanges: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes",
        abstract: "Changes that hosts noticed: deploys, configuration, packages, restarts.",
        discussion: """
            EXAMPLES
              muster ask changes --since 2h
            """
    )

    @Option(help: "Only of this service.") var service = ""
    @OptionGroup var span: SpanOptions
    @OptionGroup var options: AskOptions

    func run() throws { try Asking(.changes(window: try span.window(), service: service), options).run() }
}

struct AskFacts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "facts",
        abstract: "What the hosts are, and in what they differ.",
        discussion: """
            EXAMPLES
              muster ask facts --on service=shop
            """
    )

    @OptionGroup var options: AskOptions

    func run() throws { try Asking(.facts, options).run() }
}

extension LogLevel: ExpressibleByArgument {}

extension LogOrder: ExpressibleByArgument {}
