import CLinux
import Glibc
import MusterCore
import MusterPostgres

/// A real PostgreSQL server in a folder of its own, whose clock can be stepped.
///
/// The statement of the pool runbook ends sessions idle for ten minutes. To show that in less, the server
/// runs under libfaketime with an offset that is read from a file; only this server's wall clock moves.
final class DatabaseServer {
    /// Roles that the server knows, with a password each.
    enum Role: String, CaseIterable {
        /// The application; no superuser, so that it gets no reserved slot.
        case shop
        /// Reads statistics: pg_monitor.
        case look = "muster_look"
        /// Ends sessions of others: pg_signal_backend.
        case act = "muster_act"
    }

    static let maxConnections = 40
    static let databaseName = "shop"

    let address: String
    let port: Int
    let pid: pid_t
    private let folder: String
    private let process: ChildProcess
    private let clockFile: String?

    /// Where Debian puts the programs of the server; nil when it is not installed.
    static var programs: String? {
        let versions = Files.names(in: "/usr/lib/postgresql").compactMap(Int.init).sorted(by: >)
        return versions.map { "/usr/lib/postgresql/\($0)/bin" }.first { Files.isExecutable("\($0)/initdb") }
    }

    /// Where Debian puts libfaketime; nil when it is not installed.
    static var clockLibrary: String? {
        // Debian has one folder for each architecture.
        Files.names(in: "/usr/lib").filter { $0.contains("-linux-") }.sorted()
            .map { "/usr/lib/\($0)/faketime/libfaketime.so.1" }.first(where: Files.exists)
    }

    /// Makes a cluster in `folder`, starts it in the place of `host` and makes the roles.
    ///
    /// `clients` are the networks that may log in, with a password. `steppable` puts it under libfaketime.
    init(
        folder: String,
        host: HostNetwork.Host,
        port: Int,
        clients: String,
        secrets: String,
        steppable: Bool
    ) throws {
        guard let programs = Self.programs else {
            throw DrillError(.missing, "PostgreSQL is not installed; try: apt-get install postgresql-15")
        }
        self.folder = folder
        self.address = host.address
        self.port = port
        let account = geteuid() == 0 ? "postgres" : nil
        try Files.makeFolder(folder, mode: 0o700)
        if let account { try Self.give(folder, to: account) }
        try Command(
            program: "\(programs)/initdb",
            arguments: ["-D", "\(folder)/data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
            user: account,
            timeout: .seconds(60)
        ).succeed()
        try Self.configure(
            "\(folder)/data",
            address: host.address,
            port: port,
            socket: folder,
            clients: clients
        )

        var environment: [String] = []
        if steppable {
            guard let library = Self.clockLibrary else {
                throw DrillError(.missing, "libfaketime is not installed; try: apt-get install faketime")
            }
            let file = "\(folder)/clock"
            try Files.write("+0\n", to: file)
            environment = [
                "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(file)", "FAKETIME_CACHE_DURATION=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1",
            ]
            clockFile = file
        } else {
            clockFile = nil
        }
        let entry = ProcessEntry(
            parent: getpid(),
            // Fast shutdown: the server ends its own children.
            deathSignal: SIGINT,
            room: host.room,
            group: host.room == nil ? nil : "system.slice/postgresql.service",
            user: account,
            environment: environment,
            command: ["\(programs)/postgres", "-D", "\(folder)/data"]
        )
        process = try ChildProcess.start("postgres", entry: entry, output: .file("\(folder)/server.log"))
        pid = process.pid
        do {
            try makeRoles(secrets: secrets)
        } catch {
            stop()
            throw error
        }
    }

    /// Ends the server and its sessions.
    func stop() { process.stop(asking: SIGINT, grace: .seconds(5)) }

    /// Moves the server's wall clock ahead of everybody else's.
    func stepClock(by offset: Duration) throws(DrillError) {
        guard let clockFile else { throw DrillError(.database, "this server's clock can't be stepped") }
        try Files.write("+\(Int(offset.inSeconds))\n", to: clockFile)
    }

    /// Opens a session as the superuser over the server's socket; it takes one of the reserved slots.
    func superuser(of database: String = "postgres") throws(PostgresError) -> PostgresSession {
        try PostgresSession.connect(
            PostgresTarget(
                host: folder,
                port: port,
                user: "postgres",
                database: database,
                passwordFile: nil
            ),
            timeout: .seconds(2)
        )
    }

    private func makeRoles(secrets: String) throws {
        var made: PostgresSession?
        try Interruption.wait(upTo: .seconds(20), for: "PostgreSQL to start; see \(folder)/server.log") {
            guard process.isRunning else {
                throw DrillError(.database, "PostgreSQL ended at its start; see \(self.folder)/server.log")
            }
            made = try? superuser()
            return made != nil
        }
        guard let session = made else { return }
        defer { session.close() }
        var statements = ["CREATE DATABASE \(Self.databaseName)"]
        for role in Role.allCases {
            let password = Secrets.word()
            try Files.write(password, to: "\(secrets)/\(role.rawValue).password", mode: 0o600)
            statements.append("CREATE ROLE \(role.rawValue) LOGIN NOSUPERUSER PASSWORD '\(password)'")
        }
        statements += [
            "GRANT pg_monitor TO muster_look", "GRANT pg_monitor, pg_signal_backend TO muster_act",
        ]
        for statement in statements { _ = try session.query(statement, timeout: .seconds(10)) }
        let shop = try PostgresSession.connect(
            PostgresTarget(
                host: folder,
                port: port,
                user: "postgres",
                database: Self.databaseName,
                passwordFile: nil
            ),
            timeout: .seconds(5)
        )
        defer { shop.close() }
        for statement in [
            "CREATE TABLE payments (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), items int NOT NULL)",
            "GRANT INSERT, SELECT ON payments TO shop", "GRANT USAGE ON SEQUENCE payments_id_seq TO shop",
        ] {
            _ = try shop.query(statement, timeout: .seconds(10))
        }
    }

    private static func configure(
        _ data: String,
        address: String,
        port: Int,
        socket: String,
        clients: String
    ) throws(DrillError) {
        let settings = """

            listen_addresses = '\(address)'
            port = \(port)
            unix_socket_directories = '\(socket)'
            max_connections = \(maxConnections)
            superuser_reserved_connections = 3
            fsync = off
            password_encryption = 'scram-sha-256'
            log_timezone = 'UTC'
            timezone = 'UTC'
            """
        let path = "\(data)/postgresql.conf"
        let before = try Files.text(path)
        try rewrite(path, before + settings + "\n")
        // The superuser comes in by the socket alone, whose folder only this account may enter.
        try rewrite(
            "\(data)/pg_hba.conf",
            "local all postgres trust\nhost all all \(clients) scram-sha-256\n"
        )
    }

    /// Writes in place: the file keeps the account that owns it.
    private static func rewrite(_ path: String, _ text: String) throws(DrillError) {
        var owner = stat()
        guard stat(path, &owner) == 0 else { throw DrillError(.file, "\(path) is missing") }
        try Files.write(text, to: path, mode: 0o600)
        chown(path, owner.st_uid, owner.st_gid)
    }

    private static func give(_ path: String, to account: String) throws(DrillError) {
        guard let entry = getpwnam(account)?.pointee, chown(path, entry.pw_uid, entry.pw_gid) == 0 else {
            throw DrillError(.missing, "can't give \(path) to the account \(account)")
        }
    }
}
