import ArgumentParser
import MusterCoordinator

/// `muster-coordinator recover`.
struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Make another operator of the role admin, when no token of one is at hand.",
        discussion: """
            For whoever may read the state directory, which is who could do anything anyway. It also works while
            the coordinator runs.

            EXAMPLES
              muster-coordinator recover --name admin-2
            """
    )

    @OptionGroup var place: PlaceOptions

    @Option(help: "Name of the new operator; none that is in use.")
    var name: String

    func run() async throws {
        try await ExitError.guarding {
            let state = CoordinatorState(folder: try place.read().state)
            let admin = try await Coordinator.recover(state, name: name)
            print("Token of \(admin.record.name): \(admin.token)")
            print("It is shown this once and lasts until \(admin.record.expires).")
        }
    }
}
