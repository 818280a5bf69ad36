import Glibc
import MusterCore
import MusterPostgres
import Synchronization

/// Watches one PostgreSQL database through sessions that are open before anything is wrong.
///
/// When all slots are taken nobody can connect any more, so a session opened beforehand is the only one that can
/// still ask. Two are held: one looks, the other acts. Polled every few seconds, neither is ever idle for long; when
/// one ends (a runbook may end idle sessions, ours too) it is made anew at the next use. All calls block; they are
/// meant for threads of their own.
package final class PostgresWatcher: Sendable {
    package let endpoint: PostgresEndpoint
    private let look: LockedSession
    private let act: LockedSession?
    /// Rows read at the last look, when that was, and how many a second it made.
    private let rows = Mutex<(read: Double, at: ContinuousClock.Instant, rate: Double?)?>(nil)

    /// Settings of every session: what hangs must end by itself.
    private static let lookSetUp = [
        "SET default_transaction_read_only = on",
        "SET idle_in_transaction_session_timeout = '30s'",
    ]

    /// Makes sessions with real servers.
    package static let connector: DatabaseConnector = { (target, timeout) throws(PostgresError) in
        try PostgresSession.connect(target, timeout: timeout)
    }

    package init(endpoint: PostgresEndpoint, connector: @escaping DatabaseConnector) {
        func target(_ role: PostgresEndpoint.Role) -> PostgresTarget {
            PostgresTarget(
                host: endpoint.host,
                port: endpoint.port,
                user: role.user,
                database: endpoint.database,
                passwordFile: role.passwordFile,
                tls: endpoint.tls
            )
        }
        self.endpoint = endpoint
        look = LockedSession(HeldSession(target: target(endpoint.look), connector: connector))
        act = endpoint.act.map { LockedSession(HeldSession(target: target($0), connector: connector)) }
    }

    /// Looks at the server and keeps both sessions fresh.
    package func poll(_ target: DependencyTarget) -> DependencyCheck {
        var check = target.emptyCheck
        let clock = CheckClock()
        do {
            let result = try lookQuery(PostgresActivity.statement, timeout: target.timeout, clock)
            check.connectMilliseconds = clock.milliseconds
            try PostgresActivity(result).describe(in: &check)
            addRate(to: &check)
        } catch {
            check.reason = error.message
        }
        check.totalMilliseconds = clock.milliseconds
        refreshActing(timeout: target.timeout)
        return check
    }

    /// Makes a rate of the count of rows, which alone tells nothing; of two looks at nearly the same time, the rate before.
    private func addRate(to check: inout DependencyCheck) {
        guard let read = check.values.removeValue(forKey: "rows_read") else { return }
        let now = ContinuousClock.now
        check.values["rows_read_per_second"] = rows.withLock { rows in
            guard let last = rows else {
                rows = (read, now, nil)
                return nil
            }
            let elapsed = now - last.at
            guard elapsed > .milliseconds(200) else { return last.rate }
            // A server that was restarted after a crash counts anew.
            let rate = read >= last.read ? (read - last.read) / elapsed.inSeconds : nil
            rows = (read, now, rate)
            return rate
        }
    }

    /// Runs one SELECT in a read-only transaction and returns the first column of its first row.
    ///
    /// The server's own parser makes sure that it is a single query: it is declared as a cursor, which takes
    /// nothing else. Beside it come the settings asked for, at most 16, by name.
    package func check(
        statement: String,
        settings: [String],
        timeout: Duration = .seconds(3)
    ) throws(ProbeError) -> SQLAnswer {
        for name in settings where !Self.isSettingName(name) {
            throw ProbeError(.refused, "\"\(name.prefix(64))\" is no name of a server setting")
        }
        guard settings.count <= 16, statement.utf8.count <= 16 << 10, !statement.utf8.contains(0) else {
            throw ProbeError(.refused, "a statement has at most 16 KiB, and at most 16 settings beside it")
        }
        let clock = CheckClock()
        while true {
            let answer = try look.session.withLockIfAvailable { (held) throws(ProbeError) -> SQLAnswer in
                var answer = try Self.scalar(&held, statement, settings, timeout: timeout, clock)
                answer.target = endpoint.text
                return answer
            }
            if let answer { return answer }
            guard clock.left(of: timeout) > .zero else {
                throw ProbeError(.timeout, "the session with \(endpoint.text) is busy with another question")
            }
            usleep(2000)
        }
    }

    /// Runs the statement on the held session, in a transaction that is left in any case.
    private static func scalar(
        _ held: inout HeldSession,
        _ statement: String,
        _ settings: [String],
        timeout: Duration,
        _ clock: CheckClock
    ) throws(ProbeError) -> SQLAnswer {
        let session = try held.open(timeout: clock.left(of: timeout), setUp: lookSetUp)
        defer { leave(session, &held) }
        return try scalar(session, statement, settings, timeout: timeout, clock)
    }

    /// Runs a statement once, with the acting role, and counts what it did.
    ///
    /// The count is the rows whose first column is true, or all rows when it is no truth value, or the rows
    /// affected when none come back. `indeterminate` is thrown when the session ended on the way: the statement
    /// may have had its effect and must not be tried again.
    package func act(statement: String, timeout: Duration = .seconds(30)) throws(ProbeError) -> Int {
        guard let act else {
            throw ProbeError(.refused, "no acting role is configured for \(endpoint.text)")
        }
        guard statement.utf8.count <= 16 << 10, !statement.utf8.contains(0) else {
            throw ProbeError(.refused, "a statement has at most 16 KiB")
        }
        return try act.session.withLock { (held) throws(ProbeError) -> Int in
            let session = try Self.freshSession(&held, timeout: timeout)
            defer { _ = held.closeIfBroken() }
            do throws(PostgresError) {
                return Self.count(try session.query(statement, timeout: timeout))
            } catch {
                let text = SecretMask.mask(error.message)
                // A statement that was stopped half-way may have ended sessions, which nothing takes back.
                guard session.isAlive, error.code == .statement else {
                    if error.code != .timeout { held.close() }
                    throw ProbeError(
                        .indeterminate,
                        "the statement was sent, but did not come to its end; it may have taken effect: \(text)",
                        cause: error
                    )
                }
                throw ProbeError(.failed, text, cause: error)
            }
        }
    }

    /// Ends both sessions; the next use makes them anew.
    package func close() {
        look.session.withLock { $0.close() }
        act?.session.withLock { $0.close() }
    }

    /// A session that has just answered, so that a dead one is found before the statement is sent, not after.
    private static func freshSession(
        _ held: inout HeldSession,
        timeout: Duration
    ) throws(ProbeError) -> any DatabaseSession {
        let session = try held.open(timeout: timeout, setUp: [])
        if (try? session.query("SELECT 1", timeout: .seconds(2))) != nil, session.isAlive { return session }
        held.close()
        return try held.open(timeout: timeout, setUp: [])
    }

    /// Runs our own query on the looking session, once more on a new one when the old one turns out to be dead.
    private func lookQuery(
        _ sql: String,
        timeout: Duration,
        _ clock: CheckClock
    ) throws(ProbeError) -> PostgresResult {
        try look.session.withLock { (held) throws(ProbeError) -> PostgresResult in
            let wasOpen = held.isOpen
            let session = try held.open(timeout: timeout, setUp: Self.lookSetUp)
            do throws(PostgresError) { return try session.query(sql, timeout: timeout) } catch {
                guard held.closeIfBroken(), wasOpen, clock.left(of: timeout) > .zero else {
                    throw ProbeError(.failed, SecretMask.mask(error.message), cause: error)
                }
            }
            let again = try held.open(timeout: clock.left(of: timeout), setUp: Self.lookSetUp)
            do throws(PostgresError) { return try again.query(sql, timeout: timeout) } catch {
                _ = held.closeIfBroken()
                throw ProbeError(.failed, SecretMask.mask(error.message), cause: error)
            }
        }
    }

    /// Skipped while an action runs: that keeps the session fresh by itself.
    private func refreshActing(timeout: Duration) {
        _ = act?.session.withLockIfAvailable { held in
            _ = try? Self.freshSession(&held, timeout: timeout)
        }
    }

    private static func scalar(
        _ session: any DatabaseSession,
        _ statement: String,
        _ settings: [String],
        timeout: Duration,
        _ clock: CheckClock
    ) throws(ProbeError) -> SQLAnswer {
        func run(_ sql: String) throws(ProbeError) -> PostgresResult {
            let left = clock.left(of: timeout)
            guard left > .zero else { throw ProbeError(.timeout, "the database took too long") }
            do throws(PostgresError) { return try session.query(sql, timeout: left) } catch {
                throw ProbeError(.failed, SecretMask.mask(error.message), cause: error)
            }
        }
        func first(_ result: PostgresResult) -> String? { result.rows.first?.first ?? nil }

        if first(try run("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")) == "t" {
            throw ProbeError(
                .refused,
                "the looking role is a superuser, which no question may use; give it a role with pg_monitor only"
            )
        }
        var answer = SQLAnswer()
        _ = try run("BEGIN READ ONLY")
        _ = try run("SET LOCAL statement_timeout = \(max(1, Int(clock.left(of: timeout).inMilliseconds)))")
        _ = try run("DECLARE muster_question NO SCROLL CURSOR FOR \(statement)")
        answer.value = first(try run("FETCH FORWARD 1 FROM muster_question")).map { SecretMask.mask($0) }
        for name in settings {
            answer.settings[name] = first(try run("SELECT current_setting('\(name)', true)"))
        }
        answer.role = first(try run("SELECT current_user")) ?? ""
        return answer
    }

    /// Takes back whatever a question did to the session; one that does not let itself be cleaned is ended.
    private static func leave(_ session: any DatabaseSession, _ held: inout HeldSession) {
        // Advisory locks outlive a transaction.
        for statement in ["ROLLBACK", "SELECT pg_advisory_unlock_all()"] {
            guard (try? session.query(statement, timeout: .seconds(1))) != nil else { return held.close() }
        }
    }

    private static func count(_ result: PostgresResult) -> Int {
        guard !result.columns.isEmpty else { return result.affected }
        let firsts = result.rows.map { $0.first ?? nil }
        guard firsts.allSatisfy({ $0 == nil || $0 == "t" || $0 == "f" }) else { return result.rows.count }
        return firsts.count { $0 == "t" }
    }

    private static func isSettingName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 63
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: ".")
            }
    }
}
