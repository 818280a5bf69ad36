import Glibc
import MusterCore
import MusterProbe

/// The host that `agent.yaml` describes: what is observed of it, and how actions reach it.
package struct ObservedHostFiles {
    package let host: any ObservedHost
    package let performer: any ActionPerformer

    /// Prepares the host; nothing is read or connected before the first tick.
    ///
    /// Refuses password files that are missing or open to everybody.
    package init(
        _ observation: ObservationConfiguration,
        configuration: AgentConfiguration
    ) throws(AgentError) {
        // Before anything is looked at.
        SecretMask.use(observation.masking)
        for path in observation.passwordFiles { try Self.check(passwordFile: path) }
        var observation = observation
        if observation.recorder.folder == nil {
            observation.recorder.folder = "\(configuration.state)/recorder"
        }
        let observer = HostObserver(
            configuration: observation,
            name: configuration.name,
            // Half of the ceiling: questions and all else must find room under it while a log floods.
            logCPURatioMax: configuration.cpuRatioMax / 2
        )
        host = observer
        performer = HostActionPerformer(
            databases: ObservedDatabases(observer: observer),
            mask: { SecretMask.mask($0) }
        )
    }

    /// Loads `agent.yaml`, both the agent's own keys and the observer's.
    ///
    /// `path` is the file, or the folder that holds it; a file that nobody named may be missing.
    package static func load(
        path: String?
    ) throws(AgentError) -> (configuration: AgentConfiguration, observation: ObservationConfiguration) {
        let (configuration, observation) = try AgentConfiguration.load(path: path) {
            (reader) throws(DocumentError) in try ObservationConfiguration(&reader)
        }
        return (configuration, observation)
    }

    private static func check(passwordFile path: String) throws(AgentError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system("password_file \(path)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o007 == 0 else {
            throw AgentError(
                .configuration,
                "password_file \(path) must be a file that only its owner can read: chmod 600 it"
            )
        }
    }
}

extension HostObserver: ObservedHost {
    package func inventory() -> HostInventory {
        let facts = facts()
        return HostInventory(
            system: facts.system,
            kernel: facts.kernel,
            cpus: facts.cpus,
            memoryBytes: facts.memoryBytes,
            services: services()
        )
    }
}

/// The observed databases, as actions use them.
private struct ObservedDatabases: ActionDatabases {
    let observer: HostObserver

    /// How long a host's own check of a runbook may take.
    private static let lookTimeout = Duration.seconds(5)

    func act(_ execution: SQLExecution) -> PerformanceOutcome {
        do throws(ProbeError) {
            let count = try observer.act(
                target: execution.target,
                statement: execution.statement,
                timeout: execution.timeout
            )
            return .succeeded(ActionResult(count: count))
        } catch {
            let result = ActionResult(reason: error.message)
            return error.code == .indeterminate ? .indeterminate(result) : .untouched(result)
        }
    }

    func look(target: String, statement: String, settings: [String]) throws(PolicyRefusal) -> SQLAnswer {
        do throws(ProbeError) {
            return try observer.look(
                target: target,
                statement: statement,
                settings: settings,
                timeout: Self.lookTimeout
            )
        } catch {
            throw PolicyRefusal(error.message)
        }
    }
}
