import ArgumentParser
import FoundationEssentials
import MusterCoordinator
import MusterRecord

/// `muster-coordinator verify`.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that the record of every incident is what was written.",
        discussion: """
            Follows the chain of hashes of each incident; a running coordinator is not disturbed. Exit code 1
            when one does not hold.

            EXAMPLES
              muster-coordinator verify --json
            """
    )

    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        try await ExitError.guarding {
            let state = CoordinatorState(folder: try place.read().state)
            guard state.exists else { throw ExitError(text: "\(state.folder) holds no coordinator") }
            let store = IncidentStore(database: try Coordinator.database(state).pool)
            var reports: [String: ChainReport] = [:]
            for id in try await store.incidents() { reports["\(id)"] = try await store.verify(id) }
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                print(String(decoding: try encoder.encode(reports), as: UTF8.self))
            } else {
                for (id, report) in reports.sorted(by: { $0.key < $1.key }) {
                    let state = report.holds ? "holds" : "BROKEN: \(report.reason)"
                    print("\(id)  \(report.events) events  \(state)")
                }
                print("\(reports.count) incidents")
            }
            if reports.values.contains(where: { !$0.holds }) { throw ExitCode(1) }
        }
    }
}
