import ArgumentParser
import Glibc
import Logging
import MusterCoordinator

/// `muster-coordinator`.
@main
struct CoordinatorProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster-coordinator",
        abstract: "Takes alerts, asks the fleet, and leads incidents to their end.",
        discussion: """
            Configuration is coordinator.yaml, teams.yaml, signals.yaml and runbooks/ in one directory; all of
            it may be missing.

            EXAMPLES
              muster-coordinator init --name muster.example.org
              muster-coordinator serve
              muster-coordinator verify --json

            EXIT CODES
              0 done   1 failed   64 wrong usage or configuration
            """,
        version: "muster-coordinator \(CoordinatorVersion.text)",
        subcommands: [
            InitCommand.self, ServeCommand.self, VerifyCommand.self, RecoverCommand.self,
            AuthorityCommand.self,
        ]
    )
}

/// Where configuration and state are.
struct PlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Directory of coordinator.yaml.", valueName: "dir"))
    var config = "/etc/muster"

    @Option(
        help: ArgumentHelp("Directory of keys and record, instead of the configured one.", valueName: "dir")
    )
    var state: String?

    func read() throws -> CoordinatorConfiguration {
        do {
            var configuration = try CoordinatorConfiguration.load(directory: config)
            if let state { configuration.state = state }
            return configuration
        } catch {
            throw ExitError(text: "\(error)", code: 64)
        }
    }
}

/// Ends the program with a sentence on standard error.
struct ExitError: Error {
    let text: String
    var code: Int32 = 1

    /// Says it and gives the parser's way out.
    var exit: ExitCode {
        let bytes = Array("muster-coordinator: \(text)\n".utf8)
        _ = write(2, bytes, bytes.count)
        return ExitCode(code)
    }

    /// Turns whatever a command throws into a sentence and an exit code.
    static func guarding(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as ExitError {
            throw error.exit
        } catch let code as ExitCode {
            throw code
        } catch {
            throw ExitError(text: "\(error)").exit
        }
    }
}
