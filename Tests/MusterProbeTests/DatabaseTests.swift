import Glibc
import MusterCore
import MusterPostgres
import MusterTesting
import Testing

@testable import MusterProbe

/// A real PostgreSQL that has no connection left, seen through sessions that were opened before.
@Suite(.enabled(if: TestDatabase.programs != nil, "PostgreSQL is not installed"))
struct DatabaseTests {
    @Test func heldSessionsLookAndActWhenNobodyElseGetsIn() throws {
        let server = try TestDatabase()
        let target = DependencyTarget(name: "db", kind: .postgres(server.endpoint))
        let board = DependencyBoard(targets: [target]) { Timestamp(seconds: Double(time(nil))) }
        func check() throws -> DependencyCheck {
            try #require(board.checks(name: "", deadline: .now + .seconds(10)) { false }.checks.first)
        }
        // The first look opens the sessions, the acting one after it has counted.
        _ = try check()
        let before = try check()
        #expect(before.healthy, "\(before.reason)")
        #expect(before.values["max_connections"] == 10)
        #expect(before.values["connections_used"] == 2)

        var sessions: [PostgresSession] = []
        while let session = try? server.connect(user: "shop") { sessions.append(session) }
        #expect(sessions.count == 5)
        let full = try check()
        #expect(!full.healthy)
        #expect(full.reason.contains("no connection slot is left"))
        #expect(full.values["connections_used"] == 7)
        #expect(full.since != nil)
        let late = PostgresWatcher(endpoint: server.endpoint, connector: PostgresWatcher.connector)
        #expect(late.poll(target).reason.contains("all connection slots are taken"))

        let database = try board.database("db")
        let answer = try database.check(
            statement: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'",
            settings: ["max_connections"]
        )
        #expect(answer.value == "6")
        #expect(answer.settings == ["max_connections": "10"])
        #expect(answer.role == "muster_look")

        // Ends the looking session too.
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle'"
        #expect(try database.act(statement: end) == 6)
        var after = try check()
        #expect(after.healthy, "\(after.reason)")
        // Ending a session is a signal to its process, which may take its time on a busy machine.
        let start = ContinuousClock.now
        while after.values["connections_used"] != 2 || sessions.contains(where: \.isAlive),
            ContinuousClock.now - start < .seconds(20)
        {
            usleep(50_000)
            after = try check()
        }
        #expect(after.values["connections_used"] == 2)
        #expect(sessions.allSatisfy { !$0.isAlive })
    }

    @Test func whoWaitsForALockIsCounted() throws {
        let server = try TestDatabase()
        let target = DependencyTarget(name: "db", kind: .postgres(server.endpoint))
        let watcher = PostgresWatcher(endpoint: server.endpoint, connector: PostgresWatcher.connector)
        defer { watcher.close() }
        let holder = try server.connect(user: "postgres")
        defer { holder.close() }
        let waiter = try server.connect(user: "postgres")
        defer { waiter.close() }
        for statement in ["CREATE TABLE stock (n int)", "BEGIN", "LOCK TABLE stock"] {
            _ = try holder.query(statement, timeout: .seconds(10))
        }
        #expect(watcher.poll(target).values["lock_waiting"] == 0)
        let thread = DetachedThread.start {
            _ = try? waiter.query("SELECT n FROM stock", timeout: .seconds(20))
        }
        #expect(thread)
        var check = watcher.poll(target)
        let start = ContinuousClock.now
        while check.values["lock_waiting"] != 1 || check.values["rows_read_per_second"] == nil,
            ContinuousClock.now - start < .seconds(15)
        {
            usleep(50_000)
            check = watcher.poll(target)
        }
        #expect(check.healthy, "\(check.reason)")
        #expect(check.values["lock_waiting"] == 1)
        #expect((check.values["lock_held_seconds"] ?? 0) > 0)
        #expect(check.values["rows_read"] == nil)
        #expect((check.values["rows_read_per_second"] ?? -1) >= 0)
        _ = try holder.query("ROLLBACK", timeout: .seconds(10))
    }

    @Test func aQuestionCanOnlyLook() throws {
        let server = try TestDatabase()
        let watcher = PostgresWatcher(endpoint: server.endpoint, connector: PostgresWatcher.connector)
        defer { watcher.close() }
        for statement in [
            "SELECT 1; SELECT 2", "DELETE FROM pg_description", "SELECT pg_terminate_backend(1) INTO x", "",
            "SELECT nextval('n')", "SELECT 1 FROM pg_sleep(20)",
        ] {
            let start = ContinuousClock.now
            #expect(throws: ProbeError.self, "\(statement)") {
                try watcher.check(statement: statement, settings: [], timeout: .seconds(1))
            }
            #expect(ContinuousClock.now - start < .seconds(4))
        }
        #expect(throws: ProbeError.self) {
            try watcher.check(statement: "SELECT 1", settings: ["a'); DROP TABLE x; --"])
        }
        // What PostgreSQL 15 lets through in a read-only transaction is undone with it.
        _ = try watcher.check(statement: "SELECT lo_create(0)", settings: [])
        _ = try watcher.check(statement: "SELECT pg_advisory_lock(7)", settings: [])
        for trace in ["pg_largeobject_metadata", "pg_locks WHERE locktype = 'advisory'"] {
            #expect(try watcher.check(statement: "SELECT count(*) FROM \(trace)", settings: []).value == "0")
        }
        #expect(try watcher.check(statement: "SELECT 42", settings: []).value == "42")
        #expect(throws: ProbeError.self) { try watcher.act(statement: "SELECT 1; SELECT 2") }
        #expect(try watcher.act(statement: "SELECT n FROM generate_series(1, 3) n") == 3)
    }
}

/// A PostgreSQL server of a test's own with ten connections, three of them reserved, and the roles that it needs.
private final class TestDatabase {
    let directory: TemporaryDirectory
    let port: Int
    let process: ChildProcess

    /// The folder with the server's programs; nil when it is not installed.
    static let programs: String? = (9...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }.first {
        access("\($0)/initdb", X_OK) == 0
    }

    init() throws {
        guard let programs = Self.programs else { throw SetupFailure("PostgreSQL is not installed") }
        directory = try TemporaryDirectory()
        port = try Loopback.freePort()
        var prefix: [String] = []
        // The server refuses to run as root.
        if geteuid() == 0 {
            guard let account = getpwnam("postgres")?.pointee else { throw SetupFailure("no user postgres") }
            chown(directory.root, account.pw_uid, account.pw_gid)
            prefix = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        }
        let data = directory.path("data")
        let make = try ChildProcess(
            prefix + ["\(programs)/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
            in: directory
        )
        guard try make.waitForExit() == 0 else { throw SetupFailure("initdb failed:\n\(make.output)") }
        let settings = [
            "listen_addresses=127.0.0.1", "unix_socket_directories=\(directory.root)", "max_connections=10",
            "superuser_reserved_connections=3", "max_wal_senders=0", "fsync=off", "autovacuum=off",
        ]
        process = try ChildProcess(
            prefix + ["\(programs)/postgres", "-D", data, "-p", "\(port)"] + settings.flatMap { ["-c", $0] },
            in: directory
        )
        _ = try process.waitForOutput("ready to accept connections")
        let session = try connect(user: "postgres")
        for statement in [
            "CREATE ROLE shop LOGIN", "CREATE ROLE muster_look LOGIN", "CREATE ROLE muster_act LOGIN",
            "GRANT pg_monitor TO muster_look", "GRANT pg_monitor, pg_signal_backend TO muster_act",
        ] {
            _ = try session.query(statement, timeout: .seconds(10))
        }
        session.close()
    }

    var endpoint: PostgresEndpoint {
        PostgresEndpoint(
            host: "127.0.0.1",
            port: port,
            database: "postgres",
            look: .init(user: "muster_look"),
            act: .init(user: "muster_act")
        )
    }

    func connect(user: String) throws -> PostgresSession {
        try PostgresSession.connect(
            PostgresTarget(host: "127.0.0.1", port: port, user: user, database: "postgres"),
            timeout: .seconds(10)
        )
    }
}
