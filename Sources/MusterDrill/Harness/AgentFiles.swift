import MusterCore
import MusterIdentity

/// What stands in `/etc/muster` of a pretended host, and how its agent joins.
struct AgentFiles {
    let host: DemoHost
    let coordinator: CoordinatorProcess
    /// The server on this host; nil on hosts without one.
    let database: DatabaseServer?
    let observation: HostObservation
    /// Folder with the passwords of the database's roles.
    let secrets: String
    let approver: String
    /// Ed25519 public key in base64, pinned here: the coordinator can't replace it.
    let approverKey: String
    let drainSeconds: Int

    func write() throws(DrillError) {
        try Files.write(agent, to: "\(host.agentConfiguration)/agent.yaml", mode: 0o600)
        try Files.write(policy, to: "\(host.agentConfiguration)/policy.yaml", mode: 0o600)
        if host.plan.duty == .web { try Files.write(rollbackScript, to: rollbackProgram, mode: 0o755) }
    }

    /// What the policy names: an agent runs no program that somebody else could write, as whoever built Muster can write
    /// what lies where it was built.
    private var rollbackProgram: String { "\(host.agentConfiguration)/rollback-release" }

    private var rollbackScript: String {
        let tool = host.deployTool.map { "'\($0)'" }.joined(separator: " ")
        return "#!/bin/sh\nexec \(tool) \"$@\"\n"
    }

    private var agent: String {
        var text = """
            coordinator: "\(coordinator.address):\(coordinator.agentsPort)"
            name: \(host.name)
            state: \(host.agentState)
            discover_logs: false

            """
        var services = observation.services
        var logs = observation.logs
        var dependencies = observation.dependencies
        if host.plan.duty == .web {
            services.insert("shop", at: 0)
            logs += [host.accessLog, host.errorLog].map { HostObservation.File(path: $0, service: "shop") }
            text += "deploy_markers: \(host.markers)\n"
        }
        if let database { dependencies.append(Self.entry(database, secrets: secrets)) }
        if !services.isEmpty { text += "services: [\(services.joined(separator: ", "))]\n" }
        text += Self.list("logs", logs.map(Self.entry))
        text += Self.list("watch", observation.watch.map(Self.entry))
        text += Self.list("dependencies", dependencies)
        return text
    }

    private static func list(_ key: String, _ entries: [String]) -> String {
        entries.isEmpty ? "" : "\(key):\n" + entries.map { "  - \($0)\n" }.joined()
    }

    private static func entry(_ file: HostObservation.File) -> String {
        file.service.isEmpty ? file.path : "{ path: \(file.path), service: \(file.service) }"
    }

    private static func entry(_ database: DatabaseServer, secrets: String) -> String {
        """
        { name: shop-db, kind: postgres, host: \(database.address), port: \(database.port), \
        database: \(DatabaseServer.databaseName), every: 2s, \
        look: { user: muster_look, password_file: \(secrets)/muster_look.password }, \
        act: { user: muster_act, password_file: \(secrets)/muster_act.password }, services: [shop] }
        """
    }

    private var policy: String {
        let tool = [rollbackProgram, "--drain", "\(drainSeconds)", "--to", "{to}"]
        var text = """
            labels: { role: \(host.plan.duty.rawValue) }
            approvers:
              - name: \(approver)
                key: "\(approverKey)"

            """
        if host.plan.duty == .web {
            text += """
                actions:
                  - name: rollback_release
                    argv: [\(tool.map { "\"\($0)\"" }.joined(separator: ", "))]
                    parameters:
                      to: { kind: version }
                    timeout: 60s
                    rollback: rollback_release

                """
        }
        if database != nil {
            text += """
                sql:
                  - target: shop-db
                    allow: preapproved
                runbooks:
                  preapproval: true
                  signers:
                    - name: \(approver)
                      key: "\(approverKey)"
                  sha256: [\(CoordinatorFiles.runbooks.map { "\(SHA256.hash(Array($0.1.utf8)))" }.joined(separator: ", "))]

                """
        }
        return text
    }

    /// Makes the host's key and gets it its certificate, as on a real host.
    static func join(_ host: DemoHost, token: String, programs: Programs) throws(DrillError) {
        try Files.write(token + "\n", to: "\(host.agentConfiguration)/join.token", mode: 0o600)
        try host.command(
            programs.agent,
            [
                "join", "--config", host.agentConfiguration, "--state", host.agentState,
                "--token-file", "\(host.agentConfiguration)/join.token",
            ]
        ).succeed()
    }
}
