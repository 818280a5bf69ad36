import Glibc
import MusterTesting

/// An agent process of a test's own, joined to a ``RealCoordinator``.
final class RealAgent {
    let name: String
    let configuration: String
    let state: String
    private let directory: TemporaryDirectory
    /// Goes before the program, as `ip netns exec NAME` does.
    private let prefix: [String]
    private var process: ChildProcess?

    /// Makes the key and joins; ``start()`` starts it.
    ///
    /// `address` is the coordinator's as the agent sees it, `prefix` what the program is started with, `policy` what
    /// stands in its policy.yaml, and `settings` are further lines of its agent.yaml.
    init(
        _ name: String,
        of coordinator: RealCoordinator,
        at address: String? = nil,
        prefix: [String] = [],
        policy: String = "observe_only: true\n",
        settings: String = ""
    ) throws {
        self.name = name
        self.prefix = prefix
        directory = coordinator.directory
        configuration = directory.path("\(name).etc")
        state = directory.path("\(name).state")
        mkdir(configuration, 0o700)
        mkdir(state, 0o700)
        try directory.write(
            "\(name).etc/agent.yaml",
            Array(
                """
                coordinator: \(address ?? "127.0.0.1:\(coordinator.agentsPort)")
                name: \(name)
                state: \(state)
                policy: \(configuration)/policy.yaml
                reconnect_max: 1s
                \(settings)

                """.utf8
            )
        )
        try directory.write("\(name).etc/policy.yaml", Array(policy.utf8))
        let text = try coordinator.muster("token", "create", "--uses", "1")
        guard
            let token = text.split(whereSeparator: \.isWhitespace).first(where: {
                $0.hasPrefix("muster-join.")
            })
        else { throw SetupFailure("no token in:\n\(text)") }
        let file = try directory.write("\(name).token", Array(token.utf8))
        try Programs.run(
            prefix + [
                try Programs.path("muster-agent"), "join", "--config", configuration, "--state", state,
                "--token-file", file,
            ],
            in: directory
        )
    }

    /// What another command of the program prints, run on the state folder of this one.
    @discardableResult
    func agent(_ arguments: String...) throws -> String {
        try Programs.run(
            prefix + [try Programs.path("muster-agent")] + arguments + ["--state", state],
            in: directory
        )
    }

    var pid: pid_t { process?.pid ?? 0 }
    var log: String { process?.output ?? "" }

    /// Starts it and waits until it is welcome.
    func start() throws {
        try launch()
        _ = try process?.waitForOutput("link up")
    }

    /// Starts it and waits for nothing.
    func launch() throws {
        process = try ChildProcess(
            prefix + [try Programs.path("muster-agent"), "run", "--config", configuration, "--state", state],
            in: directory
        )
    }

    func waitForLog(_ text: String, within limit: Duration = .seconds(60)) throws {
        _ = try process?.waitForOutput(text, within: limit)
    }

    func signal(_ number: Int32) { if pid > 0 { kill(pid, number) } }

    func stop() {
        process?.stop()
        process = nil
    }
}
