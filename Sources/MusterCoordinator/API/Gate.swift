import Hummingbird
import MusterCore
import Synchronization

/// Decides who a caller is.
struct Gate: Sendable {
    let operators: OperatorStore
    let now: @Sendable () -> Timestamp
    private let failures = FailureLimiter()

    init(operators: OperatorStore, now: @escaping @Sendable () -> Timestamp) {
        self.operators = operators
        self.now = now
    }

    /// The operator that a token belongs to.
    ///
    /// - Throws: ``Unauthenticated``; ``TooManyFailures`` instead when the address failed often. A good token
    ///   always passes: secrets can't be guessed, so the limit only keeps failures from filling the log.
    func admit(token text: some StringProtocol, from context: APIContext) async throws -> Caller {
        if let token = AccessToken(text), let record = try await operators.authenticate(token, at: now()) {
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

/// Counts failed attempts per address: ten at once, then one every six seconds.
private final class FailureLimiter: Sendable {
    private struct Bucket {
        var left: Double
        var at: Timestamp
    }

    private static let burst = 10.0
    private static let perSecond = 1.0 / 6
    /// Addresses remembered; beyond it full buckets are forgotten, and then all.
    private static let addressesMax = 4_096

    private let buckets = Mutex<[String: Bucket]>([:])

    /// Notes one failure; false when there were too many.
    func note(_ address: String, at now: Timestamp) -> Bool {
        buckets.withLock { buckets in
            if buckets[address] == nil, buckets.count >= Self.addressesMax {
                buckets = buckets.filter { Self.refilled($0.value, at: now) < Self.burst }
                if buckets.count >= Self.addressesMax { buckets = [:] }
            }
            let left = buckets[address].map { Self.refilled($0, at: now) } ?? Self.burst
            buckets[address] = Bucket(left: max(0, left - 1), at: now)
            return left >= 1
        }
    }

    private static func refilled(_ bucket: Bucket, at now: Timestamp) -> Double {
        min(burst, bucket.left + max(0, (now - bucket.at).inSeconds) * perSecond)
    }
}
