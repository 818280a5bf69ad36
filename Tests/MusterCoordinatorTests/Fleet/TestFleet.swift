import GRDB
import Logging
import MusterCore
import MusterIdentity
import MusterWire
import Synchronization

@testable import MusterCoordinator

/// The wall clock of tests.
enum FleetClock {
    static func now() -> Timestamp { FleetConfiguration.systemClock() }
}

/// Keeps what was logged.
final class LogBook: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func contains(_ text: String) -> Bool { all.contains { $0.contains(text) } }

    func count(_ text: String) -> Int { all.count { $0.contains(text) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(book: self) } }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let data = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = "\(event.level) \(event.message) \(data.joined(separator: " "))"
            book.lines.withLock { $0.append(line) }
        }
    }
}

/// A gateway on a free port of loopback, with its own authority and an empty database in memory.
struct TestFleet: Sendable {
    let gateway: FleetGateway
    let authority: CertificateAuthority
    let store: SQLiteFleetStore
    let port: Int
    let log: LogBook

    /// Runs `body` against a gateway that is stopped afterwards.
    static func run(
        _ configure: (inout FleetConfiguration) -> Void = { _ in },
        freezes: @escaping @Sendable (FleetHost) -> [Freeze] = { _ in [] },
        _ body: (TestFleet) async throws -> Void
    ) async throws {
        var configuration = FleetConfiguration()
        configuration.address = "127.0.0.1"
        configuration.port = 0
        configuration.drainGrace = .milliseconds(50)
        // All tests of the package run at once on two cores: what takes milliseconds may take seconds then.
        configuration.helloMax = .seconds(20)
        configuration.challengeMax = .seconds(4)
        configure(&configuration)
        let now = FleetClock.now()
        let authority = try CertificateAuthority.create(name: "test", now: now)
        let key = try TLSKey.generate()
        let certificate = try authority.issueCoordinator(
            key: key,
            names: ["127.0.0.1"],
            now: now,
            life: .seconds(3600)
        )
        let log = LogBook()
        let store = try emptyStore()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let gateway = try FleetGateway(
            configuration: configuration,
            identity: CoordinatorIdentity(authority: authority, certificate: certificate, key: key),
            store: store,
            logger: log.logger,
            freezes: freezes,
            onListening: { port.yield($0) }
        )
        // Ended below, whatever the body does.
        let running = Task { try await gateway.run() }
        guard let opened = await ports.first(where: { _ in true }) else { return }
        let fleet = TestFleet(gateway: gateway, authority: authority, store: store, port: opened, log: log)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(fleet))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        try await running.value
        try result.get()
    }

    static func emptyStore() throws -> SQLiteFleetStore {
        let database = try DatabaseQueue()
        var migrator = DatabaseMigrator()
        SQLiteFleetStore.migrate(&migrator)
        try migrator.migrate(database)
        return SQLiteFleetStore(database: database)
    }

    /// A certificate of `authority` (this fleet's own by default) for a new key.
    func credentials(
        of other: CertificateAuthority? = nil,
        at now: Timestamp = FleetClock.now(),
        life: Duration = .seconds(3600)
    ) throws -> TestAgent.Credentials {
        let key = try TLSKey.generate()
        let certificate = try (other ?? authority).issueAgent(
            request: key.certificateRequest(name: "test"),
            now: now,
            life: life
        )
        return TestAgent.Credentials(key: key, certificate: certificate)
    }

    /// A certificate for a key that has one already.
    func certificate(
        for key: TLSKey,
        at now: Timestamp,
        life: Duration = .seconds(3600)
    ) throws -> Certificate {
        try authority.issueAgent(request: key.certificateRequest(name: "test"), now: now, life: life)
    }

    /// Connects with or without a certificate.
    func connect(_ credentials: TestAgent.Credentials?) async throws -> TestAgent {
        try await TestAgent.secure(port: port, trusting: authority, credentials: credentials)
    }

    /// Makes a host known, connects it, and gets it welcomed.
    func join(
        _ name: String,
        labels: [String: String] = [:],
        services: [String: String] = [:]
    ) async throws -> (agent: TestAgent, credentials: TestAgent.Credentials) {
        let token = try await gateway.createToken(labels: labels, uses: 1, life: .seconds(60), by: "test")
        let key = try TLSKey.generate()
        let joining = try await connect(nil)
        try joining.send(
            .joinRequest(
                WireJoinRequest(
                    tokenID: token.id,
                    secret: token.secret,
                    certificateRequest: key.certificateRequest(name: name),
                    name: name
                )
            )
        )
        guard case .joinResult(let result)? = await joining.next(), result.refusal.isEmpty else {
            throw FleetError(.refused, "the join failed")
        }
        let certificate = try Certificate(der: result.certificateBytes)
        let credentials = TestAgent.Credentials(key: key, certificate: certificate)
        let agent = try await connect(credentials)
        guard case .welcome? = try await agent.hello(name: name, services: services) else {
            throw FleetError(.refused, "the Hello failed")
        }
        return (agent, credentials)
    }
}
