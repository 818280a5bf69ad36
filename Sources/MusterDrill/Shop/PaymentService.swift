import Dispatch
import FoundationEssentials
import MusterCore
import MusterHTTP
import Synchronization

/// The shop's client of the internal service that payments need; what it says of a failure is libcurl's word for it.
final class PaymentService: Sendable {
    private let payments: ShopConfiguration.Payments
    private let busy = Mutex(0)
    private let queue = DispatchQueue(label: "shop.payments", attributes: .concurrent)
    /// Calls at once; more are turned away instead of waiting.
    private static let busyMax = 16
    private static let timeout = Duration.seconds(2)

    init(_ payments: ShopConfiguration.Payments) { self.payments = payments }

    /// Asks whether a payment may be made; waits for the answer on a thread of its own.
    func authorise() async throws {
        let isAdmitted = busy.withLock { busy in
            guard busy < Self.busyMax else { return false }
            busy += 1
            return true
        }
        guard isAdmitted else { throw CallError(message: "too many calls of the payment service at once") }
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            queue.async { [self] in
                defer { busy.withLock { $0 -= 1 } }
                done.resume(with: Result { try callNow() })
            }
        }
    }

    private func callNow() throws {
        let request = HTTPRequest(
            method: "POST",
            url: payments.url,
            headers: [
                ("Content-Type", "application/json"),
                (PaymentDesk.timeHeader, "\(Int(WallClock.now().seconds))"),
            ],
            body: Array(#"{"authorise":true}"#.utf8),
            timeout: Self.timeout,
            bodyLimit: 64 << 10,
            caFile: payments.caFile
        )
        let response = try HTTPClient().send(request)
        guard response.status == 200 else {
            throw CallError(
                message: "the payment service answered with status \(response.status)\(Self.reason(response))"
            )
        }
    }

    /// What it says in JSON of a refusal; empty when nothing.
    private static func reason(_ response: HTTPResponse) -> String {
        struct Refusal: Decodable { var error: String }
        let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(response.body))
        return refusal.map { ": \($0.error.prefix(200))" } ?? ""
    }

    struct CallError: Error, CustomStringConvertible {
        var message: String
        var description: String { message }
    }
}
