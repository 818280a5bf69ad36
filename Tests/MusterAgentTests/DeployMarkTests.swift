import Glibc
import MusterCore
import MusterProbe
import MusterTesting
import Testing

@testable import MusterAgent

/// `muster-agent mark deploy`, up to the change that the observer tells.
@Suite struct DeployMarkTests {
    @Test("A marker that the command leaves is told as a deploy, with all that was said of it")
    func told() throws {
        let directory = try TemporaryDirectory()
        mkdir(directory.path("deploys"), 0o755)
        let config = try directory.write("agent.yaml", "deploy_markers: \(directory.path("deploys"))\n".utf8)
        chmod(config, 0o600)
        let status = AgentProgram.main([
            "mark", "deploy", "--config", config, "--service", "shop", "--version=4521", "--previous", "4520",
            "--by",
            #"sarah "s" \ x"#, "--number", "4521", "--summary", "new\ncheckout",
        ])
        #expect(status == 0)
        var markers = DeployMarkers(files: HostFiles(), directory: directory.path("deploys"))
        let changes = markers.scan()
        #expect(changes.count == 1 && markers.malformed == 0)
        let change = changes.first
        #expect(change?.service == "shop" && change?.after == "4521" && change?.before == "4520")
        #expect(
            change?.actor == #"sarah "s" \ x"# && change?.reference == "4521"
                && change?.summary == "new checkout"
        )
        #expect(change.map { Moment.wall() - $0.at < .seconds(60) } == true)
    }

    @Test("Whatever a marker says, it lies in the folder of agent.yaml under a name of its own")
    func placed() throws {
        let directory = try TemporaryDirectory()
        mkdir(directory.path("deploys"), 0o755)
        let config = try directory.write("agent.yaml", "deploy_markers: \(directory.path("deploys"))\n".utf8)
        let arguments = ["mark", "deploy", "--config", config, "--service", "../../x", "--version", "/etc/x"]
        #expect(AgentProgram.main(arguments) == 0)
        #expect(try HostFiles().list(directory.root, namesMax: 10).sorted() == ["agent.yaml", "deploys"])
        let names = try HostFiles().list(directory.path("deploys"), namesMax: 10)
        #expect(names.count == 1 && names.allSatisfy { $0.first?.isNumber == true && $0.hasSuffix(".json") })
        var markers = DeployMarkers(files: HostFiles(), directory: directory.path("deploys"))
        #expect(markers.scan().map(\.service) == ["../../x"])
    }

    @Test(
        "No path of agent.yaml goes up",
        arguments: [
            ("state", "/var/lib/muster/../x"), ("policy", "../policy.yaml"),
            ("deploy_markers", "/var/lib/.."),
        ]
    )
    func paths(key: String, path: String) throws {
        let directory = try TemporaryDirectory()
        let config = try directory.write("agent.yaml", "\(key): \(path)\n".utf8)
        let error = #expect(throws: AgentError.self) { try ObservedHostFiles.load(path: config) }
        let expected = "\"\(key)\" must be a path without \"..\", found \"\(path)\""
        #expect(error?.message.hasSuffix(expected) == true, "\(error?.message ?? "")")
    }

    @Test(
        "What is missing is said",
        arguments: [
            (["mark", "deploy", "--version", "1"], 64), (["mark"], 64),
            (["mark", "deploy", "--service", "a", "--version", "1", "--config", "/nonexistent"], 1),
        ] as [([String], Int32)]
    )
    func mistakes(arguments: [String], status: Int32) {
        #expect(AgentProgram.main(arguments) == status)
    }
}
