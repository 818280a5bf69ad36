import Dispatch
import FoundationEssentials
import Glibc
import Hummingbird
import Logging
import MusterCore
import Synchronization

/// The demo shop on one host: a real HTTP service with real logs that can really break.
package struct ShopServer: Sendable {
    private let configuration: ShopConfiguration
    private let release: ReleaseInUse
    private let pool: SessionPool?
    private let receipts: ReceiptBook?
    private let desk: CheckoutDesk
    private let faults = ShopFaults()
    private let payments: PaymentService?
    private let access: AppendedLog
    private let errors: AppendedLog

    package init(_ configuration: ShopConfiguration) throws {
        self.configuration = configuration
        self.release = ReleaseInUse(try Release.current(in: configuration.root))
        self.pool = configuration.database.map { SessionPool($0) }
        self.payments = configuration.payments.map { PaymentService($0) }
        self.receipts = configuration.receipts.map { ReceiptBook(folder: $0) }
        self.desk = CheckoutDesk(try configuration.settings.map(ShopSettings.read) ?? ShopSettings())
        for fault in (configuration.faults ?? []).compactMap(ShopFaults.Name.init) { faults.set(fault, true) }
        self.access = try AppendedLog(path: configuration.accessLog)
        self.errors = try AppendedLog(path: configuration.errorLog)
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP puts the release that `current` points at into use.
    package func run() async throws {
        var logger = Logger(label: "shop")
        logger.logLevel = .warning
        signal(SIGHUP, SIG_IGN)
        let hangups = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        hangups.setEventHandler { self.reload() }
        hangups.activate()
        defer { hangups.cancel() }
        note("INFO", "shop \(release.version) starts on \(configuration.host)")
        let pidFile = configuration.pidFile
        let application = Application(
            router: routes(),
            configuration: .init(
                address: .hostname(configuration.address, port: configuration.port),
                serverName: "shop"
            ),
            onServerRunning: { _ in try? Files.write("\(getpid())\n", to: pidFile) },
            logger: logger
        )
        try await application.runService()
        pool?.close()
    }

    private func routes() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: AccessLogger(log: access, format: configuration.accessLogFormat))
        router.get("/healthz") { _, _ in
            try Self.json(ShopHealth(status: "ok", version: release.version))
        }
        router.get("/api/catalog") { _, _ in try Self.json(Catalog.all) }
        router.post("/api/cart") { request, _ in
            let cart = try await Self.cart(of: request)
            return try Self.json(cart)
        }
        router.post("/api/checkout") { request, _ in
            await checkout(try await Self.cart(of: request))
        }
        router.post("/control/leak/:state") { _, context in
            guard let pool, let state = context.parameters.get("state"), state == "on" || state == "off"
            else {
                throw HTTPError(.notFound)
            }
            pool.leaks = state == "on"
            return try Self.json(["held": pool.held])
        }
        router.post("/control/fault/:name/:state") { _, context in
            guard let fault = context.parameters.get("name").flatMap(ShopFaults.Name.init),
                let state = context.parameters.get("state"), state == "on" || state == "off"
            else { throw HTTPError(.notFound) }
            faults.set(fault, state == "on")
            return try Self.json(["fault": fault.rawValue])
        }
        return router
    }

    private func checkout(_ cart: Cart) async -> Response {
        let version = release.version
        do {
            let instalments = try Checkout(release: release.current).instalments(items: cart.items)
            if faults.isOn(.flood) { babble(cart) }
            do { try await payments?.authorise() } catch {
                note("ERROR", "checkout failed in release \(version): payment not authorised: \(error)")
                return Self.failed
            }
            try await desk.serve(items: cart.items) {
                try faults.strike(items: cart.items)
                try await pool?.pay(items: cart.items)
                try receipts?.add(items: cart.items, closes: !faults.isOn(.files))
            }
            return try Self.json(["instalments": instalments.count])
        } catch let failure as Checkout.Failure {
            note(
                "ERROR",
                "checkout failed in release \(version): \(failure) at \(failure.frames.joined(separator: " at "))"
            )
        } catch {
            note("ERROR", "checkout failed in release \(version): payment not stored: \(error)")
        }
        return Self.failed
    }

    private static var failed: Response {
        Response(
            status: .internalServerError,
            body: .init(byteBuffer: .init(string: #"{"error":"payment failed"}"#))
        )
    }

    /// What somebody forgot to take out again.
    private func babble(_ cart: Cart) {
        for step in 0..<ShopFaults.floodLines {
            note(
                "DEBUG",
                "pricing step \(step) of a cart of \(cart.items) items: rule \(step % 7) does not apply"
            )
        }
    }

    private func reload() {
        do {
            if let path = configuration.settings { desk.settings = try ShopSettings.read(path) }
            let new = try Release.current(in: configuration.root)
            let old = release.replace(with: new)
            note("INFO", "shop release \(old.version) replaced by \(new.version)")
        } catch {
            note("ERROR", "shop stays at release \(release.version): \(error)")
        }
    }

    private func note(_ level: String, _ text: String) {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        errors.append("\(WallClock.now().milliseconds) \(level) \(line)")
    }

    private static func cart(of request: Request) async throws -> Cart {
        let body = try await request.body.collect(upTo: 4096)
        guard let cart = try? JSONDecoder().decode(Cart.self, from: Data(body.readableBytesView)),
            (1...1000).contains(cart.items)
        else { throw HTTPError(.badRequest, message: "expected {\"items\": 1 to 1000}") }
        return cart
    }

    private static func json(_ value: some Encodable) throws -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: .init(string: try JSONText.of(value)))
        )
    }
}

/// What somebody wants to buy.
struct Cart: Codable, Sendable {
    var items: Int
}

/// What the shop sells.
private struct Catalog: Codable, Sendable {
    var name: String
    var cents: Int

    static let all = [
        Catalog(name: "kettle", cents: 4900), Catalog(name: "teapot", cents: 3900),
        Catalog(name: "cup", cents: 900), Catalog(name: "sieve", cents: 700),
    ]
}

/// The release that requests are served with; replaced as a whole.
private final class ReleaseInUse: Sendable {
    private let value: Mutex<Release>

    init(_ release: Release) { value = Mutex(release) }

    var current: Release { value.withLock { $0 } }
    var version: String { current.version }

    func replace(with release: Release) -> Release {
        value.withLock { value in
            defer { value = release }
            return value
        }
    }
}

/// Writes one line per request to the access log.
private struct AccessLogger: RouterMiddleware {
    let log: AppendedLog
    let format: AccessLogFormat

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        // Health checks of the deploy tool are nobody's traffic.
        if request.uri.path == "/healthz" || request.uri.path.hasPrefix("/control/") {
            return try await next(request, context)
        }
        let started = WallClock.monotonic()
        let response: Response
        do {
            response = try await next(request, context)
        } catch {
            let status = (error as? any HTTPResponseError)?.status ?? .internalServerError
            record(request, status: status.code, bytes: 0, started: started)
            throw error
        }
        record(
            request,
            status: response.status.code,
            bytes: response.body.contentLength ?? 0,
            started: started
        )
        return response
    }

    private func record(_ request: Request, status: Int, bytes: Int, started: Duration) {
        let user = request.headers.first { $0.name.canonicalName == "x-user" }?.value ?? "-"
        let record = AccessRecord(
            at: WallClock.now(),
            user: user.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? user : "-",
            client: "127.0.0.1",
            method: request.method.rawValue,
            path: request.uri.path,
            status: status,
            bytes: bytes,
            duration: WallClock.monotonic() - started,
            agent: request.headers[.userAgent] ?? "-"
        )
        log.append(record.line(format))
    }
}
