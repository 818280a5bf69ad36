import ArgumentParser
import CLinux
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

    /// Most heaps of the C library.
    ///
    /// By itself it makes one for almost every thread, and keeps in each what was freed there: with connections that
    /// come and go on all of them the whole grows for hours.
    private static let heapsMax: Int32 = 2

    func run() async throws {
        mallopt(M_ARENA_MAX, Self.heapsMax)
        try await ExitError.guarding {
            LoggingSystem.bootstrap { CleanLogHandler(StreamLogHandler.standardError(label: $0)) }
            var logger = Logger(label: "muster")
            logger.logLevel = logLevel
            try await Coordinator(configuration: try place.read(), logger: logger).run()
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
