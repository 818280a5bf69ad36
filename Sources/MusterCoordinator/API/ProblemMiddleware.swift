import Hummingbird
import MusterCore
import MusterIncident

/// Turns every error into a problem document, so that no call ends in an empty page.
struct ProblemMiddleware: RouterMiddleware {
    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = Problem(error)
            if problem.status >= 500 {
                context.logger.error(
                    "Call failed",
                    metadata: ["http.path": "\(request.uri.path)", "error": "\(error)"]
                )
            }
            return try problem.response()
        }
    }
}

extension Problem {
    /// The document for any error; what we don't know of is an internal error without particulars.
    init(_ error: any Error) {
        switch error {
        case let error as OperationError: self.init(error)
        case let error as FleetError: self.init(error)
        case let error as PayloadTooLarge:
            self.init(413, "too-large", "Body too large", "at most \(error.bytesMax) bytes are taken")
        case is TooManyFailures:
            self.init(429, "too-many-failures", "Too many failed attempts", "wait a minute and try again")
        case is TooManyCalls:
            self.init(
                429,
                "too-many-calls",
                "Too many calls",
                "this operator calls too often; wait a few seconds and call less often"
            )
        case let error as Unauthenticated:
            self.init(401, "unauthenticated", "Not authenticated", error.message)
        case let error as HTTPError where error.status == .notFound:
            self.init(404, "not-found", "Not found", "there is nothing at this path for this method")
        case let error as any HTTPResponseError where error.status.code < 500:
            self.init(error.status.code, "malformed", "Malformed", error.status.reasonPhrase)
        default:
            self.init(500, "internal", "Internal error", "the coordinator's log says more")
        }
    }

    private init(_ error: OperationError) {
        let code = error.code.rawValue
        switch error.code {
        case .malformed: self.init(400, code, "Malformed", error.message)
        case .notFound: self.init(404, code, "Not found", error.message)
        case .conflict: self.init(409, code, "Conflict", error.message)
        case .denied: self.init(403, code, "Denied", error.message)
        case .busy: self.init(503, code, "Busy", error.message)
        case .unavailable: self.init(503, code, "Unavailable", error.message)
        }
    }

    private init(_ error: FleetError) {
        let code = error.code.rawValue
        switch error.code {
        case .invalid: self.init(400, code, "Malformed", error.message)
        case .unknown: self.init(404, code, "Not found", error.message)
        case .refused, .revoked: self.init(409, code, "Conflict", error.message)
        case .busy: self.init(503, code, "Busy", error.message)
        case .unreachable, .undetermined, .store, .listen:
            self.init(503, code, "Unavailable", error.message)
        }
    }

    private init(_ status: Int, _ code: String, _ title: String, _ detail: String) {
        self.init(status: status, code: code, title: title, detail: detail)
    }

    func response() throws -> Response {
        var response = APIBody.response(
            bytes: try APIBody.data(self),
            type: "application/problem+json",
            status: HTTPResponse.Status(code: status)
        )
        switch status {
        case 401: response.headers[.wwwAuthenticate] = "Bearer realm=\"muster\""
        case 429: response.headers[.retryAfter] = code == "too-many-calls" ? "5" : "60"
        case 503: response.headers[.retryAfter] = "1"
        default: break
        }
        return response
    }
}
