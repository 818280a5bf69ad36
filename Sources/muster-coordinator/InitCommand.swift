import ArgumentParser
import MusterCoordinator

/// `muster-coordinator init`.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make the authority of a new fleet, the record, and the first operator.",
        discussion: """
            Prints the token of the operator "admin" once; log in with it and make tokens for everybody else.

            EXAMPLES
              muster-coordinator init --name muster.example.org --name 10.0.0.5
            """
    )

    @OptionGroup var place: PlaceOptions

    @Option(
        help: ArgumentHelp(
            "DNS name or address by which agents and people reach it; may repeat.",
            valueName: "name"
        )
    )
    var name: [String] = ["localhost", "127.0.0.1"]

    func run() async throws {
        try await ExitError.guarding {
            let state = CoordinatorState(folder: try place.read().state)
            let admin = try await Coordinator.initialise(state, names: name)
            print("State:              \(state.folder)")
            print("Authority (public): \(state.authorityFile)")
            print("Token of admin:     \(admin.token)")
            print("It is shown this once and lasts until \(admin.record.expires).")
        }
    }
}
