import Glibc
import MusterPostgres
import MusterTesting
import Testing

@Suite(.enabled(if: PostgresServer.programs != nil, "PostgreSQL is not installed"))
struct PostgresSessionTests {
    private func refusal(_ body: () throws -> Void) -> PostgresError? {
        do {
            try body()
            return nil
        } catch {
            return error as? PostgresError
        }
    }

    @Test("A statement brings its columns, rows and count; a wrong one the server's own words and state")
    func statements() throws {
        let server = try PostgresServer()
        let session = try server.connect()
        #expect(session.role == "postgres")
        let rows = try session.query(
            "SELECT n AS number, NULLIF(n, 2)::text AS maybe, 'ü' AS text FROM generate_series(1, 3) n",
            timeout: .seconds(5)
        )
        #expect(rows.columns == ["number", "maybe", "text"])
        #expect(rows.rows == [["1", "1", "ü"], ["2", nil, "ü"], ["3", "3", "ü"]])
        #expect(rows.affected == 3)
        let empty = try session.query("SELECT 1 AS one WHERE false", timeout: .seconds(5))
        #expect(empty == PostgresResult(columns: ["one"]))
        let few = try session.query("SELECT generate_series(1, 100000)", timeout: .seconds(5), rowsMax: 10)
        #expect(few.rows.count == 10 && few.rowsDropped == 99_990 && few.affected == 100_000)
        _ = try session.query("CREATE TABLE t (n int)", timeout: .seconds(5))
        #expect(try session.query("INSERT INTO t VALUES (1), (2)", timeout: .seconds(5)).affected == 2)

        let syntax = refusal { _ = try session.query("SELEC 1", timeout: .seconds(5)) }
        #expect(syntax?.code == .statement && syntax?.sqlState == "42601")
        #expect(syntax?.message.contains("syntax error at or near \"SELEC\"") == true)
        let two = refusal { _ = try session.query("DELETE FROM t; SELECT 1", timeout: .seconds(5)) }
        #expect(two?.code == .statement)
        #expect(
            refusal { _ = try session.query("COPY t TO STDOUT", timeout: .seconds(5)) }?.code == .statement
        )
        session.close()
        #expect(refusal { _ = try session.query("SELECT 1", timeout: .seconds(5)) }?.code == .connectionLost)
        let again = try server.connect()
        #expect(try again.query("SELECT count(*) FROM t", timeout: .seconds(5)).rows == [["2"]])
    }

    @Test("Past its timeout a statement is cancelled; the session stays, unless the server is deaf")
    func timeouts() throws {
        let server = try PostgresServer()
        let session = try server.connect()
        let clock = ContinuousClock()
        let took = clock.measure {
            let late = refusal { _ = try session.query("SELECT pg_sleep(30)", timeout: .milliseconds(200)) }
            #expect(late?.code == .timeout)
        }
        #expect(took < .seconds(10))
        let running =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND state = 'active'"
        #expect(try session.query(running, timeout: .seconds(5)).rows == [["0"]])

        // Stopped, the server takes no request to cancel, while the session's own process still works.
        kill(server.process.pid, SIGSTOP)
        defer { kill(server.process.pid, SIGCONT) }
        let tookDeaf = clock.measure {
            let late = refusal { _ = try session.query("SELECT pg_sleep(5)", timeout: .milliseconds(200)) }
            #expect(late?.code == .timeout)
            let connecting = refusal {
                _ = try PostgresSession.connect(server.target(), timeout: .milliseconds(300))
            }
            #expect(connecting?.code == .timeout)
        }
        #expect(tookDeaf < .seconds(4))
        #expect(!session.isAlive)
    }

    @Test("An exhausted pool is recognised, and a session held before it still answers")
    func slots() throws {
        let server = try PostgresServer()
        let admin = try server.connect()
        _ = try admin.query("CREATE ROLE app LOGIN PASSWORD 'a password with spaces'", timeout: .seconds(5))
        let held = try server.connect(user: "app")
        var application: [PostgresSession] = []
        var refused: PostgresError?
        while refused == nil && application.count < 10 {
            refused = refusal { application.append(try server.connect(user: "app")) }
        }
        #expect(refused?.code == .slotsExhausted && refused?.sqlState == "53300")
        #expect(refused?.message.contains("remaining connection slots are reserved") == true)
        #expect(try held.query("SELECT 1", timeout: .seconds(5)).rows == [["1"]])

        #expect(held.isAlive)
        let ended = try admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
            timeout: .seconds(5)
        )
        #expect(ended.rows.allSatisfy { $0 == ["t"] } && ended.rows.count == application.count + 1)
        let start = ContinuousClock.now
        while held.isAlive && ContinuousClock.now - start < .seconds(5) { usleep(1000) }
        #expect(!held.isAlive)
        #expect(refusal { _ = try held.query("SELECT 1", timeout: .seconds(5)) }?.code == .connectionLost)
        _ = try server.connect(user: "app")
    }

    @Test("Why a connection is not made is told apart, and no message holds the password")
    func refusals() throws {
        let server = try PostgresServer()
        let nobody = refusal { _ = try server.connect(user: "nobody") }
        #expect(nobody?.code == .authentication)
        let database = refusal {
            _ = try PostgresSession.connect(server.target(database: "none"), timeout: .seconds(5))
        }
        #expect(database?.code == .authentication && database?.sqlState == "3D000")
        var target = server.target()
        target.port = try Loopback.freePort()
        #expect(
            refusal { _ = try PostgresSession.connect(target, timeout: .seconds(5)) }?.code == .unreachable
        )
        target.host = "name.invalid"
        #expect(
            refusal { _ = try PostgresSession.connect(target, timeout: .seconds(20)) }?.code == .unreachable
        )

        var socket = server.target()
        socket.host = server.directory.root
        #expect(try PostgresSession.connect(socket, timeout: .seconds(5)).isAlive)
        chmod(server.passwordFile, 0o644)
        let open = refusal { _ = try server.connect() }
        #expect(open?.code == .configuration && open?.message.contains("chmod 600") == true)
        for error in [nobody, database, open] {
            #expect(error?.message.contains("a password") == false)
            #expect(error?.cause.contains("a password") == false)
        }
    }
}
