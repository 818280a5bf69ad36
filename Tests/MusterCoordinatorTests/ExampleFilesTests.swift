import MusterCore
import MusterIncident
import Testing

@testable import MusterCoordinator

/// The files of Deploy/examples and Deploy/runbooks are what people start from: they load as they stand.
@Suite struct ExampleFilesTests {
    private static var folder: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            + "/Deploy"
    }

    @Test func theCoordinatorsFilesLoad() throws {
        let configuration = try CoordinatorConfiguration.load(directory: "\(Self.folder)/examples")
        #expect(configuration.currency == "EUR")
        #expect(configuration.teams.owner(of: "checkout-api")?.team == "Checkout")
        #expect(configuration.teams.owner(of: "anything")?.team == "Platform")
        #expect(configuration.signals["Orders waiting"] != nil)
        // What is built in stays beside what the file adds.
        #expect(configuration.signals["Connection pool utilization"] != nil)
    }

    @Test func theRunbooksLoadAndSpeakOnlyOfWhatIsKnown() throws {
        let contents = RunbookLibrary(directory: "\(Self.folder)/runbooks", approvers: ApproverDirectory())
            .read()
        #expect(contents.problems.isEmpty, "\(contents.problems)")
        #expect(contents.runbooks.count == 2)
        let warned = contents.runbooks.filter { loaded in
            RunbookLint.messages(
                for: loaded.runbook,
                file: loaded.file,
                signals: SignalCatalogue(),
                declared: nil
            ).contains { $0.severity == .warning }
        }
        // The design's own runbook can't be taken back; nobody has signed that here.
        #expect(
            warned.map { String($0.file.split(separator: "/").last ?? "") } == [
                "postgresql-connection-pool.yaml"
            ]
        )
    }
}
