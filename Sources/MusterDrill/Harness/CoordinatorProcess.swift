import Glibc
import MusterCore

/// The real coordinator as a child process: set up by its own commands, started, killed, started again.
final class CoordinatorProcess {
    let address: String
    let agentsPort: Int
    let apiPort: Int
    private let folder: String
    private let programs: Programs
    private var process: ChildProcess?

    /// Writes its configuration; ``setUp(peopleIn:)`` starts it.
    init(folder: String, address: String, programs: Programs) throws(DrillError) {
        self.folder = folder
        self.address = address
        self.programs = programs
        agentsPort = try FreePort.find(on: address)
        apiPort = try FreePort.find(on: address)
        try Files.makeFolder("\(folder)/etc/runbooks")
        try Files.makeFolder("\(folder)/state", mode: 0o700)
        try CoordinatorFiles(
            configuration: configuration,
            state: state,
            agents: "\(address):\(agentsPort)",
            api: "\(address):\(apiPort)"
        ).write()
    }

    var url: String { "https://\(address):\(apiPort)" }
    var configuration: String { "\(folder)/etc" }
    var state: String { "\(folder)/state" }
    var caFile: String { "\(state)/ca.pem" }

    /// Makes the CA and the first operator, has the pool runbook signed, starts, and makes everybody else.
    func setUp(peopleIn peopleFolder: String) throws -> People {
        let responder = try person("sarah", in: peopleFolder)
        let approver = try person("dana", in: peopleFolder)
        try approver.command(["operator", "keygen", "--name", approver.name, "--no-passphrase"]).succeed()
        try approver.command([
            "runbook", "sign", "\(configuration)/runbooks/postgresql-connection-pool.yaml",
            "--irreversible", "2=an ended session can't be brought back; its client connects anew",
            "--on", "role=db", "--life", "30d",
        ]).succeed()
        let answer = try Command(
            program: programs.coordinator,
            arguments: ["init", "--config", configuration, "--state", state, "--name", address]
        ).succeed()
        let nobody = CoordinatorAPI(url: url, caFile: caFile)
        let admin = nobody.with(token: try Self.token(in: answer))
        try start()
        try responder.configure(
            url: url,
            caFile: caFile,
            token: try admin.makeOperator(responder.name, role: .responder)
        )
        try approver.configure(
            url: url,
            caFile: caFile,
            token: try admin.makeOperator(approver.name, role: .approver)
        )
        return People(
            admin: admin,
            alertmanager: nobody.with(token: try admin.makeOperator("alertmanager", role: .intake)),
            observer: nobody.with(token: try admin.makeOperator("drill", role: .responder)),
            responder: responder,
            approver: approver
        )
    }

    /// Kills it as a crash would and starts it again with what is on disk.
    func killAndRestart() throws {
        process?.stop(asking: SIGKILL, grace: .seconds(5))
        try start()
    }

    func stop() { process?.stop() }

    private func start() throws {
        let child = try ChildProcess.start(
            "coordinator",
            entry: ProcessEntry(
                parent: getpid(),
                deathSignal: SIGKILL,
                command: [programs.coordinator, "serve", "--config", configuration, "--state", state]
            ),
            output: .file("\(folder)/coordinator.out")
        )
        process = child
        try Interruption.wait(upTo: .seconds(20), for: "the coordinator; see \(folder)/coordinator.out") {
            guard child.isRunning else {
                throw DrillError(.process, "the coordinator ended; see \(self.folder)/coordinator.out")
            }
            return CoordinatorAPI(url: url, caFile: caFile).isUp
        }
    }

    private func person(_ name: String, in folder: String) throws(DrillError) -> Person {
        let person = Person(name: name, folder: "\(folder)/\(name)", programs: programs)
        try Files.makeFolder(person.folder, mode: 0o700)
        return person
    }

    /// The token of an operator in a command's answer.
    private static func token(in answer: String) throws(DrillError) -> String {
        let words = answer.split { $0.isWhitespace || $0 == "\"" }
        guard let token = words.first(where: { $0.hasPrefix("muster-op.") }) else {
            throw DrillError(.process, "muster-coordinator init named no token: \(answer.prefix(500))")
        }
        return String(token)
    }
}
