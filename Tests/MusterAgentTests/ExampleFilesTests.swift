import MusterCore
import MusterIdentity
import MusterProbe
import MusterTesting
import MusterYAML
import Testing

@testable import MusterAgent

/// The files of Deploy/examples are what people start from: they load as they stand.
@Suite struct ExampleFilesTests {
    private static var folder: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
            + "/Deploy/examples"
    }

    @Test func theAgentsFileLoads() throws {
        let (configuration, observation) = try ObservedHostFiles.load(path: "\(Self.folder)/agent.yaml")
        #expect(configuration.name == "web-1")
        #expect(configuration.coordinator == Endpoint("muster.example.org:7443"))
        #expect(observation.services == ["shop"])
        #expect(observation.logs.count == 3)
        #expect(observation.dependencies.map(\.name) == ["payments", "cache", "shop-db"])
    }

    @Test func theHostsPolicyLoads() throws {
        let path = "\(Self.folder)/policy.yaml"
        let document = try YAMLReader.read(Array(TemporaryDirectory.read(path).utf8), name: path)
        let policy = try HostPolicy(document: document) { Base64.bytes($0) }
        #expect(policy.actions.map(\.name) == ["rollback_release", "release_is"])
        #expect(policy.sql.map(\.target) == ["shop-db"])
        #expect(policy.approvers.map(\.name) == ["dana"])
        #expect(policy.allowsPreApproval)
    }
}
