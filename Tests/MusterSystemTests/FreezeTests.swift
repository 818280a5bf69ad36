import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// A signed runbook that runs by itself, on a real host with a real database, and what a freeze makes of it.
    @Suite struct FreezeTests {
        @Test(
            "a signed runbook asks for approval while frozen, also after a restart, and runs by itself when thawed",
            .enabled(if: IdleDatabase.isPossible, "PostgreSQL is not installed")
        )
        func asksAndRuns() throws {
            let scene = try Scene()
            let coordinator = scene.coordinator
            let text = try coordinator.muster("freeze", "--all", "--reason", "moving the data centre")
            #expect(text.contains("1 host told"))
            try scene.host.waitForLog("automatic actions are frozen")
            try coordinator.kill()
            try coordinator.start()
            try scene.waitForHost()
            #expect(try coordinator.muster("freeze", "list").contains("moving the data centre"))

            let frozen = try scene.alert("first")
            let waiting = try coordinator.wait(for: "a request") {
                let detail = try coordinator.incident(frozen)
                return detail.pendingPlans.isEmpty ? nil : detail
            }
            // Nothing else keeps it from running.
            #expect(
                waiting.doubts == ["all automatic actions are frozen by admin: moving the data centre"]
            )
            #expect(waiting.actions.isEmpty)
            #expect(scene.database.isHeld)

            #expect(try coordinator.muster("unfreeze", "--all").contains("is lifted"))
            _ = try coordinator.muster("incident", "close", "\(frozen)")
            let thawed = try scene.alert("second")
            let ended = try coordinator.wait(for: "the action") {
                let detail = try coordinator.incident(thawed)
                return detail.actions.contains { $0.report.state.isFinal || $0.report.state == .done }
                    ? detail : nil
            }
            #expect(ended.actions.map(\.report.state) == [.done])
            #expect(ended.timeline.contains { $0.kind == .approvalPresent })
            _ = try coordinator.wait(for: "the sessions to end") { scene.database.isHeld ? nil : true }
        }

        @Test(
            "a host that its root has frozen refuses what no person approved, and the coordinator can't help it",
            .enabled(if: IdleDatabase.isPossible && geteuid() == 0, "needs PostgreSQL and root")
        )
        func frozenByRoot() throws {
            let scene = try Scene()
            try scene.host.agent("freeze", "--reason", "restoring by hand")
            let incident = try scene.alert("first")
            let refused = try scene.coordinator.wait(for: "the refusal") {
                try scene.coordinator.incident(incident).actions.first { $0.report.state.isFinal }
            }
            #expect(refused.report.state == .refused)
            #expect(refused.report.reason == "this host is frozen by its root: restoring by hand")
            #expect(scene.database.isHeld)
            #expect(try scene.host.agent("unfreeze").contains("not frozen by root any more"))
        }

        /// A coordinator with a signed runbook, and a host with a database whose connections are nearly used up.
        private final class Scene {
            let coordinator: RealCoordinator
            let host: RealAgent
            let database: IdleDatabase

            private static let runbook = """
                trigger: { alert: "PostgreSQL connection pool > 90%", confidence: low }
                steps:
                  - action: verify_hypothesis
                    check: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'"
                    threshold: "> max_connections * 0.5"
                  - action: mitigate
                    command: "\(IdleDatabase.statement)"
                    requires_approval: false
                  - action: verify_resolution
                    check: "Connection pool utilization < 60%"
                    timeout: 60s

                """

            init() throws {
                database = try IdleDatabase()
                coordinator = try RealCoordinator(settings: ["heartbeat: 1s"])
                try coordinator.start()
                let directory = coordinator.directory
                let file = try directory.write("etc/runbooks/pool.yaml", Array(Self.runbook.utf8))
                _ = try coordinator.muster("operator", "keygen", "--name", "dana", "--no-passphrase")
                let key = try coordinator.muster("operator", "key").split(whereSeparator: \.isWhitespace)
                let signed = try coordinator.muster(
                    "runbook",
                    "sign",
                    file,
                    "--irreversible",
                    "2=an ended session can't be brought back"
                )
                guard let digest = signed.split(separator: "[").last?.prefix(64) else {
                    throw SetupFailure("no digest in:\n\(signed)")
                }
                let password = try directory.write("password", Array("unused\n".utf8))
                host = try RealAgent(
                    "db-1",
                    of: coordinator,
                    policy: """
                        approvers:
                          - { name: dana, key: "\(key.first ?? "")" }
                        sql:
                          - { target: shop-db, allow: preapproved }
                        runbooks:
                          preapproval: true
                          signers:
                            - { name: dana, key: "\(key.first ?? "")" }
                          sha256: [\(digest)]

                        """,
                    settings: """
                        dependencies:
                          - name: shop-db
                            kind: postgres
                            host: 127.0.0.1
                            port: \(database.port)
                            database: postgres
                            look: { user: look, password_file: \(password) }
                            act: { user: act, password_file: \(password) }
                            services: [shop]

                        """
                )
                try host.start()
                try waitForHost()
            }

            /// Waits until the coordinator knows the database and how it is.
            func waitForHost() throws {
                _ = try coordinator.wait(for: "the host") {
                    let answer = try coordinator.ask("dependencies", "--on", "all").answer()
                    return answer.coverage.answered == 1 ? true : nil
                }
            }

            /// Posts the alert that the runbook is for.
            func alert(_ fingerprint: String) throws -> IncidentID {
                let token = TemporaryDirectory.read(coordinator.directory.path("admin/token"))
                let header = try coordinator.directory.write(
                    "header",
                    Array("Authorization: Bearer \(token)".utf8)
                )
                let known = Set(try coordinator.incidents().map(\.id))
                try Programs.run(
                    [
                        "curl", "--silent", "--show-error", "--fail", "--cacert", coordinator.authority,
                        "--header", "@\(header)", "--data",
                        """
                        {"name": "PostgreSQL connection pool > 90%", "fingerprint": "\(fingerprint)",
                         "group": "\(fingerprint)", "labels": {"service": "shop", "host": "db-1"}}
                        """,
                        "\(coordinator.url)/api/v1/alerts",
                    ],
                    in: coordinator.directory
                )
                return try coordinator.wait(for: "the incident") {
                    try coordinator.incidents().first { !known.contains($0.id) }?.id
                }
            }
        }
    }

    /// A real PostgreSQL server on loopback, most of whose connections somebody holds and does not use.
    private final class IdleDatabase {
        static let statement =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'psql'"
        private static let connections = 40
        /// All that is not reserved, but for what the agent itself needs.
        private static let held = 35

        let port: Int
        private let directory: TemporaryDirectory
        private let server: ChildProcess
        private let writer: Int32
        private var sessions: [ChildProcess] = []

        private static let programs: String? = {
            let folders = (9...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
            return folders.first { access("\($0)/initdb", X_OK) == 0 }
        }()

        static var isPossible: Bool { programs != nil && Programs.installed("psql") }

        init() throws {
            guard let programs = Self.programs else { throw SetupFailure("PostgreSQL is not installed") }
            directory = try TemporaryDirectory()
            port = try Loopback.freePort()
            let script = directory.path("script")
            guard mkfifo(script, 0o600) == 0 else { throw SetupFailure("\(script) can't be made") }
            writer = open(script, O_RDWR | O_CLOEXEC)
            var prefix: [String] = []
            if geteuid() == 0 {
                // The server refuses to run as root.
                guard let account = getpwnam("postgres")?.pointee else {
                    throw SetupFailure("no user postgres")
                }
                chown(directory.root, account.pw_uid, account.pw_gid)
                prefix = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
            }
            let data = directory.path("data")
            try Programs.run(
                prefix + ["\(programs)/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
                in: directory
            )
            server = try ChildProcess(
                prefix + ["\(programs)/postgres", "-D", data, "-p", "\(port)"]
                    + [
                        "listen_addresses=127.0.0.1", "unix_socket_directories=\(directory.root)",
                        "max_connections=\(Self.connections)", "superuser_reserved_connections=3",
                        "fsync=off",
                    ].flatMap { ["-c", $0] },
                in: directory
            )
            _ = try server.waitForOutput("ready to accept connections")
            try query(
                """
                CREATE ROLE shop LOGIN; CREATE ROLE look LOGIN IN ROLE pg_monitor;
                CREATE ROLE act LOGIN IN ROLE pg_monitor, pg_signal_backend
                """
            )
            // They log in, and then wait for a statement that never comes.
            for _ in 0..<Self.held {
                sessions.append(
                    try ChildProcess(
                        [
                            "psql", "-h", "127.0.0.1", "-p", "\(port)", "-U", "shop", "-d", "postgres", "-f",
                            script,
                        ],
                        in: directory
                    )
                )
            }
            for _ in 0..<100 where count() < Self.held { usleep(100_000) }
        }

        deinit {
            for session in sessions { session.stop() }
            server.stop()
            close(writer)
        }

        /// Whether the sessions that nobody uses are still there.
        var isHeld: Bool { count() == Self.held }

        private func count() -> Int {
            let text = try? query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql'")
            return text.flatMap { Int($0.split(whereSeparator: \.isWhitespace).first ?? "") } ?? 0
        }

        /// Asks as the superuser, for whom a connection is reserved.
        @discardableResult
        private func query(_ statement: String) throws -> String {
            try Programs.run(
                [
                    "/usr/bin/env", "PGAPPNAME=test", "psql", "-h", "127.0.0.1", "-p", "\(port)", "-U",
                    "postgres", "-At", "-c", statement,
                ],
                in: directory
            )
        }
    }
}
