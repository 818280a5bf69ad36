import GRDB
import Logging
import MusterCore
import MusterIncident
import MusterYAML
import ServiceLifecycle

/// The whole coordinator, put together.
///
///     let coordinator = try Coordinator(configuration: …, logger: …)
///     try await coordinator.run()
package struct Coordinator: Sendable {
    package let fleet: FleetGateway
    package let incidents: IncidentService
    package let api: APIServer
    package let operators: OperatorStore
    private let identityWatch: IdentityWatch
    private let mapper: ServiceMapper
    private let logger: Logger

    /// Reads keys, opens the record and prepares everything; nothing listens before ``run()``.
    ///
    /// - Throws: ``StateFileError``, ``StoreError``, ``FleetError`` or ``OperationError`` with a sentence for people.
    package init(configuration: CoordinatorConfiguration, logger: Logger) throws {
        self.logger = logger
        let now: @Sendable () -> Timestamp = FleetConfiguration.systemClock
        let state = CoordinatorState(folder: configuration.state)
        try state.lock()
        try state.repair()
        let stamp = state.identityStamp
        let identity = try state.load(at: now())
        let database = try Self.database(state).pool
        operators = OperatorStore(database: database)

        let freezes = try FreezeBoard(database: database)

        var agents = FleetConfiguration()
        (agents.address, agents.port) = (configuration.agents.address, configuration.agents.port)
        agents.version = CoordinatorVersion.text
        agents.certificateLife = configuration.certificateLife
        agents.heartbeatInterval = configuration.heartbeat
        fleet = try FleetGateway(
            configuration: agents,
            identity: identity,
            store: SQLiteFleetStore(database: database),
            logger: logger,
            freezes: { freezes.concerning($0, at: now()) }
        )
        let mapper = ServiceMapper(fleet: fleet, interval: configuration.mapInterval)
        freezes.use { mapper.dependencies(of: $0) }
        self.mapper = mapper
        let transport = configuration.webhook.map { _ in WebhookTransport(caFile: configuration.webhookCAFile)
        }
        let knowledge = try KnowledgeDesk(database: database, policy: configuration.knowledge)
        incidents = IncidentService(
            configuration: configuration,
            fleet: fleet,
            store: IncidentStore(database: database),
            changes: ChangeStore(database: database),
            freezes: freezes,
            knowledge: knowledge,
            notifier: Notifier(webhook: configuration.webhook, transport: transport),
            logger: logger,
            map: ServiceMapLookup(mapper)
        )
        var http = APIConfiguration(identity: identity)
        (http.address, http.port) = (configuration.api.address, configuration.api.port)
        api = try APIServer(
            configuration: http,
            services: APIServices(
                operations: incidents,
                fleet: fleet,
                administration: fleet,
                map: mapper,
                operators: operators,
                audit: AuditLog(database: database),
                knowledge: knowledge
            ),
            logger: logger
        )
        let (fleet, api) = (fleet, api)
        identityWatch = IdentityWatch(
            state: state,
            logger: logger,
            use: { identity in
                try fleet.use(identity)
                try api.use(identity)
            },
            stamp: stamp
        )
        let approvers = ApproverDirectory(configuration, now: now)
        if let problem = approvers.problem {
            logger.warning("the list of approvers can't be used", metadata: ["reason": "\(problem)"])
        }
        for problem in RunbookLibrary(directory: configuration.runbooks, approvers: approvers).read().problems
        {
            logger.warning("a runbook can't be used", metadata: ["reason": "\(problem)"])
        }
    }

    /// Serves until TERM or INT, then ends gracefully.
    package func run() async throws {
        // Before anything works on it: an incident that goes on must know its hosts.
        try await fleet.load()
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    // They end in the opposite order: an incident must not take the end for an outage, and whoever asks
                    // something is told by the fleet's end.
                    .init(service: api, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: fleet, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: incidents, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: mapper, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: identityWatch, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: HeapCare(), successTerminationBehavior: .gracefullyShutdownGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }

    /// The record with all its tables.
    package static func database(_ state: CoordinatorState) throws(StoreError) -> CoordinatorDatabase {
        try CoordinatorDatabase(
            path: state.database,
            parts: [
                IncidentStore.migrate, ChangeStore.migrate, SQLiteFleetStore.migrate, OperatorStore.migrate,
                AuditLog.migrate, FreezeBoard.migrate, KnowledgeDesk.migrate,
            ]
        )
    }

    /// Makes the state directory: authority, certificate, record, and the first operator.
    ///
    /// - Returns: The token of the operator `admin`, to be shown once.
    package static func initialise(_ state: CoordinatorState, names: [String]) async throws -> OperatorCreated
    {
        let now = FleetConfiguration.systemClock()
        try state.create(names: names, at: now)
        try state.lock()
        let operators = OperatorStore(database: try database(state).pool)
        return try await operators.create(
            OperatorRequest(name: "admin", role: .admin),
            by: "muster-coordinator init",
            at: now
        )
    }
}

extension Coordinator {
    /// Makes another operator of the role admin in the record of a state directory.
    ///
    /// - Returns: Its token, to be shown once.
    package static func recover(_ state: CoordinatorState, name: String) async throws -> OperatorCreated {
        guard state.exists else {
            throw StateFileError(
                message: "\(state.folder) holds no authority; run muster-coordinator init first"
            )
        }
        return try await OperatorStore(database: try database(state).pool).create(
            OperatorRequest(name: name, role: .admin),
            by: "muster-coordinator recover",
            at: FleetConfiguration.systemClock()
        )
    }
}

extension CoordinatorConfiguration {
    /// Reads `coordinator.yaml` of a directory, with what it names; without the file all keys are as usual.
    package static func load(directory: String) throws -> CoordinatorConfiguration {
        let path = "\(directory)/coordinator.yaml"
        guard StateFile.exists(path) else {
            return try CoordinatorConfiguration(
                document: try YAMLReader.read([], name: path),
                directory: directory,
                read: { try? StateFile.read($0, bytesMax: YAMLReader.bytesMax) }
            )
        }
        return try CoordinatorConfiguration(
            document: try YAMLReader.read(
                try StateFile.read(path, bytesMax: YAMLReader.bytesMax),
                name: path
            ),
            directory: directory,
            read: { try? StateFile.read($0, bytesMax: YAMLReader.bytesMax) }
        )
    }
}

/// The version of the coordinator.
package enum CoordinatorVersion {
    package static let text = "0.1.0"
}
