import ArgumentParser
import Logging
import MusterCoordinator

/// `muster-coordinator serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run until TERM or INT.",
        discussion: """
            EXAMPLES
              muster-coordinator serve --config /etc/muster --log-level debug
            """
    )

    @OptionGroup var place: PlaceOptions

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = Logger.Level.info

    func run() async throws {
        HeapCare.begin()
        try await ExitError.guarding {
            LoggingSystem.bootstrap { CleanLogHandler(StreamLogHandler.standardError(label: $0)) }
            var logger = Logger(label: "muster")
            logger.logLevel = logLevel
            try await Coordinator(configuration: try place.read(), logger: logger).run()
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
