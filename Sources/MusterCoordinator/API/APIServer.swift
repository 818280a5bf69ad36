import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import MusterCore
import NIOCore
import ServiceLifecycle

/// The HTTPS port: API for people and programs, webhooks, and web pages.
///
/// It ends gracefully: on shutdown it takes no new connection and lets running requests finish.
package struct APIServer: Service, CustomStringConvertible {
    /// For logs of the service group, which would print everything in it.
    package let description = "APIServer"
    private let configuration: APIConfiguration
    private let responder: RouterResponder<APIContext>
    private let certificate: APICertificate
    private let logger: Logger
    private let bound = BoundPort()

    /// Prepares everything; the port is opened by ``run()``.
    ///
    /// - Throws: ``OperationError`` with the code `unavailable` when certificate and key can't be used.
    package init(
        configuration: APIConfiguration,
        services: APIServices,
        logger: Logger
    ) throws(OperationError) {
        self.configuration = configuration
        self.logger = logger
        self.certificate = try APICertificate(configuration.identity)
        self.responder = try Self.router(configuration: configuration, services: services).buildResponder()
    }

    /// The port that is really listened on; nil when the server ended without ever listening.
    package func listeningPort() async -> Int? { await bound.value() }

    /// Shows another certificate on every connection from now on.
    ///
    /// - Throws: ``OperationError`` with the code `unavailable` when it can't be used; then all stays as it was.
    package func use(_ identity: CoordinatorIdentity) throws(OperationError) {
        try certificate.replace(identity)
    }

    package func run() async throws {
        defer { bound.settle(nil) }
        let idle = TimeAmount.nanoseconds(configuration.idleMax.nanoseconds)
        let server = try HTTPServerBuilder.tls(
            .http1(configuration: HTTP1Channel.Configuration(idleTimeout: idle)),
            tlsConfiguration: certificate.configuration()
        )
        let application = Application(
            responder: responder,
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.address, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.connectionsMax)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port
                logger.info("API is listening", metadata: ["api.port": "\(port ?? 0)"])
                bound.settle(port)
            },
            logger: logger
        )
        try await application.run()
    }

    private static func router(
        configuration: APIConfiguration,
        services: APIServices
    ) throws(OperationError) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        let gate = Gate(
            operators: services.operators,
            callsPerSecond: configuration.callsPerSecond,
            now: configuration.now
        )
        router.add(middleware: ProblemMiddleware())
        router.get("healthz") { _, _ in
            Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "ok\n")))
        }

        let intake = IntakeRoutes(
            operations: services.operations,
            gate: gate,
            bytesMax: configuration.intakeBytesMax
        )
        intake.addPagerDutyAlias(to: router)
        let api = router.group("api/v1")
        api.get("healthz") { _, _ in try APIBody.response(["status": "ok"]) }
        let guarded = api.group().add(middleware: AuthenticationMiddleware(gate: gate))
        intake.add(to: guarded)
        IncidentRoutes(services: services, bytesMax: configuration.bodyBytesMax).add(to: guarded)
        FleetRoutes(services: services, bytesMax: configuration.bodyBytesMax).add(to: guarded)
        FreezeRoutes(services: services, bytesMax: configuration.bodyBytesMax).add(to: guarded)
        KnowledgeRoutes(services: services, bytesMax: configuration.bodyBytesMax, now: configuration.now)
            .add(to: guarded)
        AskRoutes(services: services, configuration: configuration).add(to: guarded)
        OperatorRoutes(services: services, bytesMax: configuration.bodyBytesMax, now: configuration.now)
            .add(to: guarded)

        let pages = try PageTemplates()
        WebRoutes(services: services, gate: gate, pages: pages, configuration: configuration).add(to: router)
        return router
    }
}
