import FoundationEssentials
import Glibc
import MusterCore
import MusterIncident
import MusterTesting

/// A coordinator process of a test's own, with an operator who uses the real command line.
final class RealCoordinator {
    let directory: TemporaryDirectory
    let agentsPort: Int
    let apiPort: Int
    private let prefix: [String]
    private var process: ChildProcess?

    var url: String { "https://127.0.0.1:\(apiPort)" }
    var authority: String { directory.path("state/ca.pem") }

    /// Makes authority and first operator; ``start()`` starts it.
    ///
    /// `settings` are further lines of its configuration, and agents may dial any address of `agentsAddress`. `prefix` goes
    /// before its program and before the operator's, as `ip netns exec NAME` does.
    init(agentsAddress: String = "127.0.0.1", settings: [String] = [], prefix: [String] = []) throws {
        self.prefix = prefix
        directory = try TemporaryDirectory()
        agentsPort = try Loopback.freePort()
        apiPort = try Loopback.freePort()
        mkdir(directory.path("etc"), 0o700)
        mkdir(directory.path("etc/runbooks"), 0o700)
        mkdir(directory.path("admin"), 0o700)
        try directory.write(
            "etc/coordinator.yaml",
            Array(
                """
                listen: { agents: "\(agentsAddress):\(agentsPort)", api: "127.0.0.1:\(apiPort)" }
                state: \(directory.path("state"))
                runbooks: \(directory.path("etc/runbooks"))
                quiet_for: 1s
                \(settings.joined(separator: "\n"))

                """.utf8
            )
        )
        let text = try Programs.run(
            [
                try Programs.path("muster-coordinator"), "init", "--config", directory.path("etc"), "--name",
                "127.0.0.1",
            ],
            in: directory
        )
        let token = text.split { $0.isWhitespace }.first { $0.hasPrefix("muster-op.") }
        guard let token else { throw SetupFailure("init named no token:\n\(text)") }
        try directory.write("admin/token", Array("\(token)\n".utf8))
        try directory.write(
            "admin/config.yaml",
            Array("server: \(url)\nca: \(authority)\ntoken_file: \(directory.path("admin/token"))\n".utf8)
        )
    }

    func start() throws {
        let child = try ChildProcess(
            prefix + [try Programs.path("muster-coordinator"), "serve", "--config", directory.path("etc")],
            in: directory
        )
        process = child
        _ = try child.waitForOutput("API is listening")
    }

    /// As a crash does.
    func kill() throws {
        guard let process else { return }
        Glibc.kill(process.pid, SIGKILL)
        _ = try process.waitForExit()
        self.process = nil
    }

    var log: String { process?.output ?? "" }

    /// Asks it to end, as a planned restart does; ``waitForExit()`` waits for it.
    func terminate() { if let process { Glibc.kill(process.pid, SIGTERM) } }

    func waitForExit() throws {
        _ = try process?.waitForExit()
        process = nil
    }

    /// Waits until a text stands in its log so often.
    func waitForLog(_ text: String, count: Int = 1) throws {
        _ = try wait(for: "\"\(text)\"") { log.ranges(of: text).count >= count ? true : nil }
    }

    /// Has operators trust one more authority.
    func trustAlso(_ file: String) throws {
        let both = TemporaryDirectory.read(authority) + TemporaryDirectory.read(file)
        try directory.write("admin/ca.pem", Array(both.utf8))
        try directory.write(
            "admin/config.yaml",
            Array(
                "server: \(url)\nca: \(directory.path("admin/ca.pem"))\ntoken_file: \(directory.path("admin/token"))\n"
                    .utf8
            )
        )
    }

    /// What `muster` prints for an operator.
    func muster(_ arguments: String...) throws -> String {
        try Programs.run(
            try operatorCommand(arguments),
            in: directory
        )
    }

    /// The command line of an operator.
    func operatorCommand(_ arguments: [String]) throws -> [String] {
        prefix + ["/usr/bin/env", "MUSTER_CONFIG=\(directory.path("admin"))", try Programs.path("muster")]
            + arguments
    }

    /// Starts a question of an operator; its answer is read with ``Asked/answer()``.
    func ask(_ arguments: String...) throws -> Asked {
        let command = try operatorCommand(["ask"] + arguments + ["--json"])
        let output = directory.path("ask-\(UInt64.random(in: 0 ... .max)).json")
        return Asked(
            child: try ChildProcess(
                ["/bin/sh", "-c", "out=$0; exec \"$@\" >\"$out\"", output] + command,
                in: directory
            ),
            output: output
        )
    }

    /// What `muster ask` prints for people, however the question ends.
    func outputOfAsk(_ arguments: String...) throws -> String {
        let child = try ChildProcess(try operatorCommand(["ask"] + arguments), in: directory)
        _ = try child.waitForExit()
        return child.output
    }

    /// A question that runs.
    struct Asked {
        let child: ChildProcess
        let output: String

        /// Waits for the end; the command says with its status that not all answered.
        func answer() throws -> FleetAnswer {
            _ = try child.waitForExit()
            return try JSONDecoder().decode(
                FleetAnswer.self,
                from: Data(TemporaryDirectory.read(output).utf8)
            )
        }
    }

    func incidents() throws -> [IncidentSummary] {
        try JSONDecoder().decode([IncidentSummary].self, from: Data(try muster("incidents", "--json").utf8))
    }

    func incident(_ id: IncidentID) throws -> IncidentDetail {
        try JSONDecoder().decode(
            IncidentDetail.self,
            from: Data(try muster("incident", "show", "\(id)", "--json").utf8)
        )
    }

    /// A token that may deliver alerts and nothing else, in a file.
    func intakeTokenFile() throws -> String {
        let text = try muster("operator", "create", "alertmanager", "--role", "intake")
        let token = text.split { $0.isWhitespace || $0 == "\"" }.first { $0.hasPrefix("muster-op.") }
        guard let token else { throw SetupFailure("no token in:\n\(text)") }
        return try directory.write("alertmanager.token", Array(token.utf8))
    }

    /// Looks until something is there.
    func wait<Value>(
        for what: String,
        within limit: Duration = .seconds(60),
        _ look: () throws -> Value?
    ) throws -> Value {
        let start = ContinuousClock.now
        while true {
            if let value = try look() { return value }
            guard ContinuousClock.now - start < limit else {
                throw SetupFailure("waited in vain for \(what); the coordinator said:\n\(log)")
            }
            usleep(200_000)
        }
    }
}
