import Glibc
import MusterCore
import MusterIncident
import MusterTesting
import Testing

extension SystemTests {
    /// A host that has acted and is cut off before anybody could tell it whether to keep that.
    @Suite struct DeadManTests {
        @Test(
            "a host that is cut off after an action and does not see it help takes it back by itself, and tells when it is back",
            .enabled(if: TestNetwork.isPossible, "network namespaces need root")
        )
        func takenBack() throws {
            let scene = try Scene()
            let incident = try scene.act()
            try scene.network.cut()
            let cut = ContinuousClock.now
            #expect(scene.mode == "safe")
            _ = try scene.coordinator.wait(for: "the host to go back by itself", within: .seconds(30)) {
                scene.mode == "normal" ? true : nil
            }
            #expect(
                ContinuousClock.now - cut < .seconds(12),
                "10 s from the action, and what it takes to look"
            )
            // Nobody else knows yet.
            #expect(try scene.state(in: incident) != .rolledBack)
            try scene.network.heal()
            let report = try scene.coordinator.wait(for: "the host to tell") {
                try scene.report(in: incident, .rolledBack)
            }
            #expect(report.reason.hasPrefix("not verified: "))
            let detail = try scene.coordinator.incident(incident)
            #expect(detail.rollouts?.first?.state == .stopped)
            #expect(detail.timeline.contains { $0.kind == .escalated })
        }

        @Test(
            "a host that is cut off after an action and sees it help keeps it, and the coordinator's outage undoes nothing",
            .enabled(if: TestNetwork.isPossible, "network namespaces need root")
        )
        func kept() throws {
            let scene = try Scene()
            let incident = try scene.act()
            try scene.network.cut()
            try scene.coordinator.kill()
            try scene.coordinator.directory.write("ready", [])
            // Well past the deadline of ten seconds.
            usleep(13_000_000)
            #expect(scene.mode == "safe")
            try scene.coordinator.start()
            try scene.network.heal()
            let report = try scene.coordinator.wait(for: "the host to tell") {
                try scene.report(in: incident, .committed)
            }
            #expect(report.reason == "this host has verified it")
            #expect(scene.mode == "safe")
        }

        /// A coordinator, and a host at the other end of a cable whose mode a runbook changes.
        private final class Scene {
            let network: TestNetwork
            let coordinator: RealCoordinator
            private let far: RealAgent

            init() throws {
                network = try TestNetwork(in: try TemporaryDirectory())
                coordinator = try RealCoordinator(
                    agentsAddress: "0.0.0.0",
                    settings: ["heartbeat: 1s"],
                    prefix: TestNetwork.entering(network.coordinator)
                )
                let directory = coordinator.directory
                for mode in ["safe", "normal"] { try directory.write(mode, Array(mode.utf8)) }
                try directory.write("mode", Array("normal".utf8))
                try directory.write(
                    "etc/runbooks/safe-mode.yaml",
                    Array(
                        """
                        trigger: { alert: "shop is slow", confidence: low }
                        steps:
                          - action: mitigate
                            run: set_mode
                            with: { to: safe }
                            hosts: host=far
                            rollback: { run: set_mode, with: { to: normal } }
                            verify: { run: is_ready, within: 10s }

                        """.utf8
                    )
                )
                try coordinator.start()
                _ = try coordinator.muster("operator", "keygen", "--name", "dana", "--no-passphrase")
                let key = try coordinator.muster("operator", "key").split(whereSeparator: \.isWhitespace)
                far = try RealAgent(
                    "far",
                    of: coordinator,
                    at: "\(network.coordinatorAddress):\(coordinator.agentsPort)",
                    prefix: TestNetwork.entering(network.host),
                    policy: """
                        approvers:
                          - { name: dana, key: "\(key.first ?? "")" }
                        actions:
                          - name: set_mode
                            argv: ["/bin/cp", "\(directory.root)/{to}", "\(directory.path("mode"))"]
                            parameters: { to: { kind: word } }
                          - name: is_ready
                            argv: ["/usr/bin/test", "-e", "\(directory.path("ready"))"]
                            class: observe

                        """
                )
                try far.start()
            }

            var mode: String { TemporaryDirectory.read(coordinator.directory.path("mode")) }

            /// Brings the host to have acted, and nothing more.
            func act() throws -> IncidentID {
                try alert()
                let incident = try coordinator.wait(for: "a plan") {
                    try coordinator.incidents().first { $0.status == .awaitingApproval }?.id
                }
                _ = try coordinator.muster("approve", "\(incident)", "--yes")
                _ = try coordinator.wait(for: "the action") { mode == "safe" ? true : nil }
                return incident
            }

            private func alert() throws {
                try Programs.run(
                    TestNetwork.entering(network.coordinator) + [
                        "curl", "--silent", "--show-error", "--fail", "--cacert", coordinator.authority,
                        "--header", "@\(try header())", "--data",
                        #"{"name":"shop is slow","service":"shop"}"#,
                        "\(coordinator.url)/api/v1/alerts",
                    ],
                    in: coordinator.directory
                )
            }

            /// A file, so that the token stands on no command line.
            private func header() throws -> String {
                let token = TemporaryDirectory.read(coordinator.directory.path("admin/token"))
                return try coordinator.directory.write(
                    "header",
                    Array("Content-Type: application/json\nAuthorization: Bearer \(token)".utf8)
                )
            }

            func state(in incident: IncidentID) throws -> ActionState? {
                try coordinator.incident(incident).actions.first?.report.state
            }

            func report(in incident: IncidentID, _ state: ActionState) throws -> ActionReport? {
                try coordinator.incident(incident).actions.map(\.report).first { $0.state == state }
            }
        }
    }
}
