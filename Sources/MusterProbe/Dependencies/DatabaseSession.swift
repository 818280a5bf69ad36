import MusterCore
import MusterPostgres
import Synchronization

/// A session with a PostgreSQL server, as far as a watcher needs it.
package protocol DatabaseSession: AnyObject {
    /// Runs one statement; the protocol itself refuses a second one.
    func query(_ sql: String, timeout: Duration) throws(PostgresError) -> PostgresResult
    var isAlive: Bool { get }
    func close()
}

extension PostgresSession: DatabaseSession {
    package func query(_ sql: String, timeout: Duration) throws(PostgresError) -> PostgresResult {
        // No question and no action needs more than a few rows.
        try query(sql, timeout: timeout, rowsMax: 10_000, bytesMax: 1 << 20)
    }
}

/// Makes sessions; a parameter so that a watcher can be tried without a server.
package typealias DatabaseConnector =
    @Sendable (_ target: PostgresTarget, _ timeout: Duration) throws(PostgresError) -> any DatabaseSession

/// One session that is held open, and made anew when it ended.
///
/// Unchecked: a session is not made for several threads, and every use of this value is under the one lock of the
/// watcher that owns it.
struct HeldSession: @unchecked Sendable {
    private let target: PostgresTarget
    private let connector: DatabaseConnector
    private var session: (any DatabaseSession)?

    init(target: PostgresTarget, connector: @escaping DatabaseConnector) {
        self.target = target
        self.connector = connector
    }

    var isOpen: Bool { session?.isAlive ?? false }

    /// The open session, made now when there is none.
    ///
    /// `setUp` are statements that a new session begins with.
    mutating func open(timeout: Duration, setUp: [String]) throws(ProbeError) -> any DatabaseSession {
        if let session, session.isAlive { return session }
        close()
        do {
            let made = try connector(target, timeout)
            session = made
            for statement in setUp { _ = try made.query(statement, timeout: timeout) }
            return made
        } catch {
            close()
            throw Self.connectFailure(error)
        }
    }

    mutating func close() {
        session?.close()
        session = nil
    }

    /// Ends a session that is in an unknown state; true when it was.
    mutating func closeIfBroken() -> Bool {
        guard let session, !session.isAlive else { return session == nil }
        close()
        return true
    }

    private static func connectFailure(_ error: PostgresError) -> ProbeError {
        let text = SecretMask.mask(error.message)
        let reason =
            error.code == .slotsExhausted
            ? "cannot connect: all connection slots are taken (\(text))" : "cannot connect: \(text)"
        return ProbeError(.unavailable, reason, cause: error)
    }
}

/// A held session with its lock, which may be there or not.
final class LockedSession: Sendable {
    let session: Mutex<HeldSession>

    init(_ session: sending HeldSession) { self.session = Mutex(session) }
}
