internal import CPostgres
import Glibc
import Synchronization

/// One session with a PostgreSQL server, held open so that it can still ask when the pool is exhausted.
///
/// Its calls block the caller's thread, each for its timeout at most; they belong on a thread that may block.
/// Statements of several threads come one after the other.
package final class PostgresSession: Sendable {
    package let target: PostgresTarget
    /// The role that the server knows us by.
    package let role: String
    private let library: PostgresLibrary
    private let link: Mutex<Link>

    /// `@unchecked Sendable`: the connection is touched only under the session's lock.
    private struct Link: @unchecked Sendable {
        var connection: OpaquePointer?
    }

    private init(_ connection: OpaquePointer, library: PostgresLibrary, target: PostgresTarget) {
        self.target = target
        self.library = library
        self.role = library.api.PQuser(connection).map { String(cString: $0) } ?? target.user
        self.link = Mutex(Link(connection: connection))
    }

    deinit { close() }

    /// Opens a session.
    ///
    /// Throws `slotsExhausted` when the server has no connection left for the role.
    package static func connect(
        _ target: PostgresTarget,
        timeout: Duration
    ) throws(PostgresError) -> PostgresSession {
        let library = try PostgresLibrary.shared()
        let connector = PostgresConnector(library: library, target: target, timeout: timeout)
        return PostgresSession(try connector.connect(), library: library, target: target)
    }

    /// Runs a single statement and waits for its end.
    ///
    /// Past the timeout the statement is cancelled, and the session stays usable when the server confirms
    /// that within a second. Rows past `rowsMax` and values past `bytesMax` in all are counted, not kept; the
    /// statement still runs to its end, because stopping it might undo half of what it does.
    package func query(
        _ sql: String,
        timeout: Duration,
        rowsMax: Int = 10_000,
        bytesMax: Int = 8 << 20
    ) throws(PostgresError) -> PostgresResult {
        guard !sql.utf8.contains(0), sql.utf8.count <= 1 << 20 else {
            throw PostgresError(.statement, "a statement has no NUL character and at most 1 MiB")
        }
        let api = library.api
        let target = target
        return try link.withLock { (link) throws(PostgresError) -> PostgresResult in
            guard let connection = link.connection else {
                throw PostgresError(.connectionLost, "the session with \(target) is closed")
            }
            var statement = PostgresStatement(
                api: api,
                connection: connection,
                target: target,
                rowsMax: rowsMax,
                bytesMax: bytesMax
            )
            do throws(PostgresError) {
                return try statement.run(sql, timeout: timeout)
            } catch {
                if !statement.connectionUsable {
                    api.PQfinish(connection)
                    link.connection = nil
                }
                throw error
            }
        }
    }

    /// Whether the server still holds the session, as far as can be seen without asking it.
    ///
    /// True while a statement runs.
    package var isAlive: Bool {
        let api = library.api
        let alive = link.withLockIfAvailable { link -> Bool in
            guard let connection = link.connection else { return false }
            // A server that ends a session says so and closes: words to take in, then the end of the stream.
            for _ in 0..<16 {
                guard api.PQstatus(connection) == CONNECTION_OK else { return false }
                var entry = pollfd(fd: api.PQsocket(connection), events: Int16(POLLIN), revents: 0)
                guard poll(&entry, 1, 0) > 0 else { return true }
                guard api.PQconsumeInput(connection) == 1 else { return false }
                _ = api.PQisBusy(connection)
            }
            return true
        }
        return alive ?? true
    }

    /// Ends the session; waits for a running statement.
    package func close() {
        let api = library.api
        link.withLock { link in
            if let connection = link.connection { api.PQfinish(connection) }
            link.connection = nil
        }
    }
}
