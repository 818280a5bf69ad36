import Glibc
import MusterPostgres
import MusterTesting

/// A real PostgreSQL server of a test's own, with six connections, three of them reserved for superusers.
///
/// All its roles have the same password.
final class PostgresServer {
    let directory: TemporaryDirectory
    let port: Int
    let passwordFile: String
    let process: ChildProcess

    /// The folder with the server's programs; nil when it is not installed.
    static let programs: String? = {
        let versions = (9...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        return versions.first { access("\($0)/initdb", X_OK) == 0 }
    }()

    init() throws {
        guard let programs = Self.programs else { throw SetupFailure("PostgreSQL is not installed") }
        directory = try TemporaryDirectory()
        port = try Loopback.freePort()
        passwordFile = try directory.write("password", "a password with spaces\n".utf8)
        let prefix = try Self.handOver([directory.root, passwordFile])
        let data = directory.path("data")
        let make = try ChildProcess(
            prefix + [
                "\(programs)/initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256",
                "--pwfile=\(passwordFile)", "--no-sync",
            ],
            in: directory
        )
        guard try make.waitForExit() == 0 else { throw SetupFailure("initdb failed:\n\(make.output)") }
        process = try ChildProcess(
            prefix + ["\(programs)/postgres", "-D", data, "-p", "\(port)"]
                + [
                    "listen_addresses=127.0.0.1", "unix_socket_directories=\(directory.root)",
                    "max_connections=6", "superuser_reserved_connections=3", "max_wal_senders=0", "fsync=off",
                ].flatMap { ["-c", $0] },
            in: directory
        )
        _ = try process.waitForOutput("ready to accept connections")
    }

    func target(user: String = "postgres", database: String = "postgres") -> PostgresTarget {
        PostgresTarget(
            host: "127.0.0.1",
            port: port,
            user: user,
            database: database,
            passwordFile: passwordFile
        )
    }

    func connect(user: String = "postgres") throws -> PostgresSession {
        try PostgresSession.connect(target(user: user), timeout: .seconds(10))
    }

    /// The server refuses to run as root; gives what it needs to its own user, and says how to become it.
    private static func handOver(_ paths: [String]) throws -> [String] {
        guard geteuid() == 0 else { return [] }
        guard let account = getpwnam("postgres")?.pointee else { throw SetupFailure("no user postgres") }
        for path in paths { chown(path, account.pw_uid, account.pw_gid) }
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    }
}
