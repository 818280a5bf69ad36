import Dispatch
import MusterCore
import MusterPostgres
import Synchronization

/// The shop's pool of PostgreSQL sessions, with the fault that exhausts it.
///
/// Works as pools in the field do: a session is taken for a payment and given back after it. While `leaks`
/// is on it is not given back, so each payment opens a new one until the server has none left to give; the
/// forgotten sessions stay open and idle, also after the leak is off again.
final class SessionPool: Sendable {
    private struct State {
        var idle: [PostgresSession] = []
        var forgotten: [PostgresSession] = []
        var busy = 0
        var leaks = false
    }

    private let target: PostgresTarget
    private let readsHistory: Bool
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "shop.sessions", attributes: .concurrent)
    /// Payments at once; more are turned away instead of waiting.
    private static let busyMax = 16
    private static let timeout = Duration.seconds(2)

    init(_ database: ShopConfiguration.Database) {
        target = database.target
        readsHistory = database.readsHistory ?? false
    }

    var leaks: Bool {
        get { state.withLock(\.leaks) }
        set { state.withLock { $0.leaks = newValue } }
    }

    /// Sessions held, whether in use, idle or forgotten.
    var held: Int { state.withLock { $0.idle.count + $0.forgotten.count + $0.busy } }

    /// Writes one payment.
    ///
    /// Waits on the server, so it runs on a thread of its own.
    func pay(items: Int) async throws {
        guard admit() else { throw PaymentError(message: "too many payments at once") }
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            queue.async { [self] in
                defer { state.withLock { $0.busy -= 1 } }
                done.resume(with: Result { try payNow(items: items) })
            }
        }
    }

    /// Closes everything.
    func close() {
        let sessions = state.withLock { state in
            defer {
                state.idle = []
                state.forgotten = []
            }
            return state.idle + state.forgotten
        }
        for session in sessions { session.close() }
    }

    private func admit() -> Bool {
        state.withLock { state in
            guard state.busy < Self.busyMax else { return false }
            state.busy += 1
            return true
        }
    }

    private func payNow(items: Int) throws {
        // A session that the server ended while it lay idle is found out here and replaced once.
        if let session = state.withLock({ $0.idle.popLast() }) {
            do { return try pay(items: items, with: session) } catch  where !session.isAlive {
                session.close()
            }
        }
        try pay(items: items, with: try PostgresSession.connect(target, timeout: Self.timeout))
    }

    private func pay(items: Int, with session: PostgresSession) throws {
        if readsHistory {
            // Customers are numbered; which one does not matter, only that most of them bought before.
            let customer = Int.random(in: 1...PurchaseHistory.customers)
            _ = try session.query(
                "SELECT count(*), sum(cents) FROM purchases WHERE customer = \(customer)",
                timeout: Self.timeout
            )
        }
        _ = try session.query("INSERT INTO payments (items) VALUES (\(items))", timeout: Self.timeout)
        state.withLock { state in
            if state.leaks { state.forgotten.append(session) } else { state.idle.append(session) }
        }
    }

    /// Why a payment was turned away before the database was asked.
    struct PaymentError: Error, CustomStringConvertible {
        var message: String
        var description: String { message }
    }
}
