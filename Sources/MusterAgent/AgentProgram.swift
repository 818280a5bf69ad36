import Glibc
import MusterCore
import MusterIdentity
import MusterProbe

/// `muster-agent` from its arguments to its exit code.
package enum AgentProgram {
    /// Carries out a command; returns the exit code.
    package static func main(_ arguments: [String]) -> Int32 {
        do throws(AgentError) {
            switch try AgentCommand(arguments) {
            case .help: print(AgentCommand.helpText)
            case .version: print("muster-agent \(AgentVersion.text)")
            case .join(let join): try self.join(join)
            case .run(let config, let state): try run(config: config, state: state)
            case .markDeploy(let mark): try markDeploy(mark)
            case .showLedger(let state): try showLedger(state ?? AgentConfiguration().state)
            case .acceptLedger(let state, let reason):
                try acceptLedger(state ?? AgentConfiguration().state, reason: reason)
            case .freeze(let state, let reason):
                try freeze(state ?? AgentConfiguration().state, reason: reason)
            case .unfreeze(let state): try unfreeze(state ?? AgentConfiguration().state)
            case .checkPolicy(let path, let state):
                let file = PolicyFile(
                    path: AgentConfiguration.file(path, "policy.yaml"),
                    state: state ?? AgentConfiguration().state
                )
                try checkPolicy(file, at: Moment.wall())
            }
            return 0
        } catch {
            let text = Array("muster-agent: \(error.message)\n".utf8)
            _ = write(2, text, text.count)
            return error.exitCode
        }
    }

    private static func run(config: String?, state: String?) throws(AgentError) {
        var (configuration, observation) = try ObservedHostFiles.load(path: config)
        if let state { configuration.state = state }
        let files = try ObservedHostFiles(observation, configuration: configuration)
        let agent = try Agent(
            configuration: configuration,
            host: files.host,
            performer: files.performer,
            log: .standardError
        )
        try agent.run(handlingSignals: true)
    }

    private static func join(_ join: AgentCommand.Join) throws(AgentError) {
        let configuration: AgentConfiguration
        if let config = join.config {
            configuration = try ObservedHostFiles.load(path: config).configuration
        } else {
            configuration = AgentConfiguration()
        }
        var coordinator = configuration.coordinator
        if let text = join.coordinator {
            guard let endpoint = Endpoint(text) else {
                throw AgentError(
                    .usage,
                    "--coordinator must be HOST or HOST:PORT, found \"\(text.prefix(80))\""
                )
            }
            coordinator = endpoint
        }
        guard let coordinator else {
            throw AgentError(.usage, "join needs --coordinator HOST:7443, or \"coordinator\" in agent.yaml")
        }
        let id = try HostJoin(
            coordinator: coordinator,
            token: try token(join.tokenFile),
            name: join.name ?? configuration.name,
            folder: join.state ?? configuration.state
        ).run()
        print("joined \(coordinator) as agent \(id)")
    }

    private static func token(_ file: String) throws(AgentError) -> JoinToken {
        let bytes =
            file == "-"
            ? try SafeFile.read(0, "standard input", bytesMax: 1024)
            : try SafeFile.read(file, bytesMax: 1024)
        guard let bytes else { throw AgentError(.configuration, "\(file) is missing") }
        let text = String(decoding: bytes, as: UTF8.self)
        let trimmed = text.split { $0 == "\n" || $0 == "\r" || $0 == " " || $0 == "\t" }
        guard trimmed.count == 1, let token = JoinToken(String(trimmed[0])) else {
            throw AgentError(
                .configuration,
                "\(file) holds no join token: it is one line that begins with \"muster-join.\""
            )
        }
        return token
    }

    private static func markDeploy(_ mark: AgentCommand.DeployMark) throws(AgentError) {
        let observation = try ObservedHostFiles.load(path: mark.config).observation
        guard let folder = observation.deployMarkers else {
            throw AgentError(
                .configuration,
                "agent.yaml names no folder for markers; add deploy_markers: /var/lib/muster-agent/deploys"
            )
        }
        let now = Moment.wall()
        var fields = AgentCommand.DeployMark.options.map { (name: $0.1, value: mark.fields[$0.1] ?? "") }
        fields.append((name: "at", value: "\(now)"))
        do throws(ProbeError) {
            print("wrote \(try DeployMarkers.leave(fields, in: folder, at: now))")
        } catch {
            throw AgentError(.system, error.message)
        }
    }

    private static func checkPolicy(_ file: PolicyFile, at now: Timestamp) throws(AgentError) {
        let path = file.path
        var status = stat()
        guard stat(path, &status) == 0 else {
            print("\(path) is missing: this host is observe-only")
            return
        }
        let policy = try file.load(at: now, remembering: false)
        print("\(path) is safe and understood")
        if policy.observeOnly { print("observe-only: every action is refused") }
        for action in policy.actions {
            let program = action.argv.first ?? ""
            let note =
                action.programObjection.map { "  (WARNING: it is refused: \($0))" }
                ?? (access(program, X_OK) == 0 ? "" : "  (WARNING: \(program) can't be run)")
            print(
                "action \(action.name): \(action.allow.rawValue), at most \(action.ratePerHour) an hour\(note)"
            )
            explain(action, at: now)
        }
        for rule in policy.sql {
            let target = rule.target.isEmpty ? "the only target" : rule.target
            print("statements on \(target): \(rule.allow.rawValue), at most \(rule.ratePerHour) an hour")
        }
        print(
            "approvers: \(names(policy.approvers.filter { $0.may.contains(.approve) })); needed: \(policy.approvalsNeeded)"
        )
        if policy.allowsBreakGlass {
            let alone = policy.approvers.filter { $0.may.contains(.breakGlass) }
            print("may set a plan going alone (break_glass): \(names(alone))")
        }
        switch policy.approverSource {
        case .policy, .root: break
        case .list(let epoch, let expires):
            print("they come from \(ApproverFile.name) beside it: epoch \(epoch), until \(expires)")
        case .refused(let reason): print("WARNING: nobody can approve: \(reason)")
        }
        if policy.allowsPreApproval {
            print(
                "signed runbooks are taken from: \(names(policy.runbookSigners)); "
                    + "listed: \(policy.preApprovedRunbooks.map(\.short).sorted().joined(separator: ", "))"
            )
        }
    }

    /// Hours, folder and environment of an action, where it has any of its own.
    private static func explain(_ action: PolicyAction, at now: Timestamp) {
        if let hours = action.hours {
            let next = hours.next(after: now).map { "not before \($0)" } ?? "now too"
            print("  \(action.name) may begin \(hours.text): \(next); a rollback may at any time")
        }
        let surroundings = action.surroundings
        if surroundings.folder != "/" {
            var status = stat()
            let isThere = stat(surroundings.folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            print(
                "  \(action.name) runs in \(surroundings.folder)\(isThere ? "" : "  (WARNING: it is no folder)")"
            )
        }
        for (name, variable) in surroundings.environment.sorted(by: { $0.key < $1.key }) {
            switch variable {
            case .fixed(let value): print("  \(action.name) gets \(name)=\(value)")
            case .passed: print("  \(action.name) gets \(name) of the agent's own environment")
            }
        }
    }

    /// Reads without the agent's lock: it may be running.
    private static func showLedger(_ folder: String) throws(AgentError) {
        let path = "\(folder)/\(LedgerFile.name)"
        guard let bytes = try SafeFile.read(path, bytesMax: LedgerFile.bytesMax + (4 << 20)) else {
            throw AgentError(.system, "\(path) is missing")
        }
        let contents = LedgerCodec.decode(bytes)
        for record in contents.records {
            switch record {
            case .step(let step):
                let report = step.report
                let reason = report.reason.isEmpty ? "" : "  \(report.reason)"
                print("\(report.at)  \(report.ticket)  \(report.state.rawValue)  \(step.subject)\(reason)")
            case .accepted(let at, let reason): print("\(at)  begun: \(reason)")
            case .acknowledged: break
            }
        }
        if let damage = contents.damage { throw AgentError(.system, "\(path): \(damage)") }
    }

    private static func acceptLedger(_ folder: String, reason: String) throws(AgentError) {
        guard geteuid() == 0 else {
            throw AgentError(
                .refused,
                "only root may begin the ledger anew: what ran on this host is forgotten by it"
            )
        }
        for (ticket, subject) in LedgerFile.undecided(folder: folder) {
            print(
                "WARNING: \(subject) (ticket \(ticket)) was done and not decided; nothing takes it back by itself now"
            )
        }
        for file in try LedgerFile.begin(folder: folder, reason: reason, now: Moment.wall()) {
            print("moved aside: \(file)")
        }
        print("the ledger is begun anew; plans from before now are refused. Start the agent.")
    }

    private static func freeze(_ folder: String, reason: String) throws(AgentError) {
        guard geteuid() == 0 else {
            throw AgentError(.refused, "only root may freeze the host; operators use \"muster freeze\"")
        }
        try FreezeFile.freezeByRoot(folder: folder, reason: reason)
        print("frozen: nothing runs on this host that no person approved, until \"muster-agent unfreeze\"")
    }

    private static func unfreeze(_ folder: String) throws(AgentError) {
        guard geteuid() == 0 else {
            throw AgentError(.refused, "only root may lift what root has frozen")
        }
        let wasFrozen = try FreezeFile.thawByRoot(folder: folder)
        print(wasFrozen ? "not frozen by root any more" : "root had not frozen this host")
        for freeze in FreezeFile(folder: folder).freezes where freeze.isOn(at: Moment.wall()) {
            print("still frozen by the coordinator: \(freeze.text)")
        }
    }

    private static func names(_ keys: [PolicyKey]) -> String {
        keys.isEmpty ? "nobody" : keys.map(\.name).joined(separator: ", ")
    }
}
