import Hummingbird
import MusterCore
import Synchronization

/// Decides who a caller is.
struct Gate: Sendable {
    let operators: OperatorStore
    let now: @Sendable () -> Timestamp
    /// By address: ten at once, then one every six seconds.
    private let failures = RateLimiter(burst: 10, perSecond: 1.0 / 6)
    /// By operator: a script that went wild must not take the coordinator from everybody else.
    private let calls: RateLimiter
    /// Senders of alerts come in storms, just when it matters.
    private let deliveries: RateLimiter

    init(operators: OperatorStore, callsPerSecond: Double = 20, now: @escaping @Sendable () -> Timestamp) {
        self.operators = operators
        self.now = now
        calls = RateLimiter(burst: callsPerSecond * 10, perSecond: callsPerSecond)
        deliveries = RateLimiter(burst: callsPerSecond * 100, perSecond: callsPerSecond * 10)
    }

    /// The operator that a token belongs to.
    ///
    /// - Throws: ``Unauthenticated``; ``TooManyFailures`` instead when the address failed often. A good token
    ///   always passes: secrets can't be guessed, so the limit only keeps failures from filling the log.
    ///   ``TooManyCalls`` when this operator calls too often.
    func admit(token text: some StringProtocol, from context: APIContext) async throws -> Caller {
        if let token = AccessToken(text), let record = try await operators.authenticate(token, at: now()) {
            let limiter = record.role == .intake ? deliveries : calls
            guard limiter.note(record.name, at: now()) else { throw TooManyCalls() }
            return Caller(name: record.name, role: record.role, address: context.address)
        }
        guard failures.note(context.address, at: now()) else { throw TooManyFailures() }
        context.logger.warning("Token was not accepted", metadata: ["client.address": "\(context.address)"])
        throw Unauthenticated(message: "the token is unknown, expired or revoked")
    }
}

/// Asks every request for a bearer token.
struct AuthenticationMiddleware: RouterMiddleware {
    let gate: Gate

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let header = request.headers[.authorization] else {
            throw Unauthenticated(
                message: "send \"Authorization: Bearer\" with a token of muster operator create"
            )
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Unauthenticated(message: "the only scheme of authorization here is Bearer")
        }
        var context = context
        context.caller = try await gate.admit(token: parts[1], from: context)
        return try await next(request, context)
    }
}
