import FoundationEssentials
import GRDB
import MusterCore
import MusterIdentity
import MusterIncident
import Synchronization

@testable import MusterCoordinator

/// A server on a free port of loopback, with an authority, a database and doubles of its own.
struct TestAPI: Sendable {
    let operations: MemoryOperations
    let fleet: ScriptedFleet
    let administration: MemoryAdministration
    let operators: OperatorStore
    let audit: AuditLog
    let database: DatabaseQueue
    let log: LogBook
    let clock: HandClock
    let call: HTTPSCall
    /// The token of an administrator, made beforehand.
    let admin: String

    /// Runs `body` against a server that is stopped afterwards.
    static func run(
        _ configure: (inout APIConfiguration) -> Void = { _ in },
        fleet: ScriptedFleet = ScriptedFleet(),
        _ body: (TestAPI) async throws -> Void
    ) async throws {
        let clock = HandClock()
        let authority = try CertificateAuthority.create(name: "test", now: clock.now)
        let key = try TLSKey.generate()
        let certificate = try authority.issueCoordinator(
            key: key,
            names: ["localhost", "127.0.0.1"],
            now: clock.now,
            life: .seconds(3600)
        )
        var configuration = APIConfiguration(
            identity: CoordinatorIdentity(authority: authority, certificate: certificate, key: key)
        )
        configuration.address = "127.0.0.1"
        configuration.port = 0
        configuration.now = { clock.now }
        configure(&configuration)

        let database = try DatabaseQueue()
        var migrator = DatabaseMigrator()
        OperatorStore.migrate(&migrator)
        AuditLog.migrate(&migrator)
        KnowledgeDesk.migrate(&migrator)
        try migrator.migrate(database)
        let operators = OperatorStore(database: database)
        let audit = AuditLog(database: database, now: { clock.now })
        let root = OperatorRequest(name: "root", role: .admin)
        let admin = try await operators.create(root, by: "test", at: clock.now).token

        let log = LogBook()
        var logger = log.logger
        logger.logLevel = .info
        let operations = MemoryOperations()
        let administration = MemoryAdministration()
        let server = try APIServer(
            configuration: configuration,
            services: APIServices(
                operations: operations,
                fleet: fleet,
                administration: administration,
                map: ServiceMapper(fleet: fleet, interval: .seconds(300)),
                operators: operators,
                audit: audit,
                knowledge: try KnowledgeDesk(database: database)
            ),
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            guard let port = await server.listeningPort() else {
                try await group.next()
                return
            }
            let api = TestAPI(
                operations: operations,
                fleet: fleet,
                administration: administration,
                operators: operators,
                audit: audit,
                database: database,
                log: log,
                clock: clock,
                call: HTTPSCall(port: port, authorityPEM: authority.certificate.pem),
                admin: admin
            )
            defer { group.cancelAll() }
            try await body(api)
        }
    }

    /// The token of a new operator.
    func token(_ role: OperatorRole, name: String? = nil) async throws -> String {
        let request = OperatorRequest(name: name ?? role.rawValue, role: role)
        return try await operators.create(request, by: "test", at: clock.now).token
    }

    /// A call below `/api/v1/`.
    func api(
        _ method: String,
        _ path: String,
        token: String?,
        _ body: String = ""
    ) async throws -> HTTPSCall.Reply {
        try await call.send(method, "/api/v1/\(path)", token: token, body: Array(body.utf8))
    }

    func problem(_ reply: HTTPSCall.Reply) throws -> Problem {
        try JSONDecoder().decode(Problem.self, from: Data(reply.body))
    }
}

/// A clock that only tests move.
final class HandClock: Sendable {
    private let time = Mutex(FleetConfiguration.systemClock())

    var now: Timestamp { time.withLock { $0 } }

    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}
