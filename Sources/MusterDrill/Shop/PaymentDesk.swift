import FoundationEssentials
import Glibc
import Hummingbird
import Logging
import MusterCore

/// The demo's payment service where requests say when they were made: one that is far from its own time is refused, as
/// signed requests and tokens are.
package struct PaymentDesk: Sendable {
    private let address: String
    private let port: Int
    private let log: AppendedLog

    /// Nanoseconds since 1970 would be cheating: whole seconds, as tokens have them.
    static let timeHeader = "X-Request-Time"
    /// How far a request may be off, as leeway of tokens usually is.
    static let leeway = Duration.seconds(60)

    package init(address: String, port: Int, log path: String) throws {
        self.address = address
        self.port = port
        log = try AppendedLog(path: path)
    }

    /// Serves until SIGTERM or SIGINT.
    package func run() async throws {
        var logger = Logger(label: "payments")
        logger.logLevel = .warning
        let router = Router(context: BasicRequestContext.self)
        router.get("/healthz") { _, _ in "ok\n" }
        router.post("/authorise") { request, _ in
            let told = request.headers.first { $0.name.canonicalName == Self.timeHeader.lowercased() }?.value
            return answer(Self.refusal(of: told, at: WallClock.now()))
        }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(address, port: port), serverName: "payments"),
            logger: logger
        )
        try await application.runService()
    }

    private func answer(_ refusal: String?) -> Response {
        guard let refusal else { return Self.json(.ok, #"{"authorised":true}"#) }
        log.append("\(WallClock.now().milliseconds) WARN payment refused: \(refusal)")
        return Self.json(.unauthorized, #"{"error":"\#(refusal)"}"#)
    }

    private static func json(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: .init(string: text))
        )
    }

    /// Why a request that says that it was made at `told` is refused; nil when it is not.
    static func refusal(of told: String?, at now: Timestamp) -> String? {
        guard let told, let seconds = Int(told), seconds > 0, seconds < 1 << 33 else {
            return "MissingRequestTime: the request does not say when it was made"
        }
        let off = Double(seconds) - now.seconds
        guard abs(off) > leeway.inSeconds else { return nil }
        return "RequestTimeTooSkewed: the request was made \(abs(off).text(decimals: 0)) s "
            + "\(off > 0 ? "after" : "before") it arrived"
    }
}
