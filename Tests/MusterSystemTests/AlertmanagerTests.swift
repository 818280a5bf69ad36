import Glibc
import MusterCore
import MusterTesting
import Testing

extension SystemTests {
    /// Real Prometheus and Alertmanager fire at a real coordinator over HTTPS.
    @Suite(.enabled(if: Programs.installed("prometheus") && Programs.installed("prometheus-alertmanager")))
    struct AlertmanagerTests {
        @Test func alertOfRealPrometheusOpensOneIncidentThroughRetriesAndACrashAndResolvesIt() throws {
            let coordinator = try RealCoordinator()
            let directory = coordinator.directory
            try coordinator.start()
            let token = try coordinator.intakeTokenFile()
            // Down while the alert fires: Alertmanager has to send the same bytes again until we are back.
            try coordinator.kill()

            let target = try Loopback.freePort()
            let alertmanagerPort = try Loopback.freePort()
            try directory.write("alertmanager.yml", Array(alertmanagerConfiguration(coordinator, token).utf8))
            try directory.write("rules.yml", Array(Self.rules.utf8))
            try directory.write(
                "prometheus.yml",
                Array(prometheusConfiguration(directory, alertmanagerPort, target).utf8)
            )
            let alertmanager = try ChildProcess(
                [
                    "prometheus-alertmanager", "--config.file=\(directory.path("alertmanager.yml"))",
                    "--storage.path=\(directory.path("am"))",
                    "--web.listen-address=127.0.0.1:\(alertmanagerPort)",
                    "--cluster.listen-address=",
                ],
                in: directory
            )
            let prometheus = try ChildProcess(
                [
                    "prometheus", "--config.file=\(directory.path("prometheus.yml"))",
                    "--storage.tsdb.path=\(directory.path("tsdb"))",
                    "--web.listen-address=127.0.0.1:\(try Loopback.freePort())",
                ],
                in: directory
            )
            _ = try alertmanager.waitForOutput("Notify attempt failed", within: .seconds(60))
            try coordinator.start()
            let opened = try coordinator.wait(for: "the incident") { try coordinator.incidents().first }
            #expect(opened.title.contains("InstanceDown"))
            #expect(opened.service == "shop")

            // A crash right after the acknowledgement: what was acknowledged is there, and only once.
            try coordinator.kill()
            try coordinator.start()
            #expect(try coordinator.incidents().map(\.id) == [opened.id])
            let firing = try coordinator.incident(opened.id).timeline.filter { $0.kind == .alertReceived }
            #expect(firing.count == 1)

            // The target comes up: Prometheus and Alertmanager say so, and the incident ends.
            let metrics = try MetricsTarget(port: target)
            defer { metrics.stop() }
            let resolved = try coordinator.wait(for: "the resolution", within: .seconds(90)) {
                try coordinator.incidents().first { $0.status == .resolved }
            }
            #expect(resolved.id == opened.id)
            #expect(try coordinator.incident(opened.id).alerts.map(\.status) == [.resolved])
            _ = prometheus
        }

        @Test func webhookWithoutOrWithTheWrongTokenIsTurnedAway() throws {
            let coordinator = try RealCoordinator()
            try coordinator.start()
            for header in ["X-Nothing: 1", "Authorization: Bearer muster-op.0000000000000000.AAAA"] {
                let status = try Programs.run(
                    [
                        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                        coordinator.authority,
                        "-H", header, "-H", "Content-Type: application/json", "-d", "{}",
                        "\(coordinator.url)/api/v1/alerts/alertmanager",
                    ],
                    in: coordinator.directory
                )
                #expect(status == "401")
            }
            #expect(try coordinator.incidents().isEmpty)
        }

        private func alertmanagerConfiguration(_ coordinator: RealCoordinator, _ token: String) -> String {
            """
            route:
              receiver: muster
              group_by: [alertname]
              group_wait: 1s
              group_interval: 2s
              repeat_interval: 1h
            receivers:
              - name: muster
                webhook_configs:
                  - url: \(coordinator.url)/api/v1/alerts/alertmanager
                    http_config:
                      authorization: { type: Bearer, credentials_file: \(token) }
                      tls_config: { ca_file: \(coordinator.authority) }

            """
        }

        private static let rules = """
            groups:
              - name: shop
                interval: 1s
                rules:
                  - alert: InstanceDown
                    expr: up == 0
                    for: 1s
                    labels: { severity: critical, service: shop }
                    annotations: { summary: "{{ $labels.instance }} is down" }

            """

        private func prometheusConfiguration(
            _ directory: TemporaryDirectory,
            _ alertmanager: Int,
            _ target: Int
        ) -> String {
            """
            global: { scrape_interval: 1s, evaluation_interval: 1s }
            rule_files: ["\(directory.path("rules.yml"))"]
            alerting:
              alertmanagers:
                - static_configs: [{ targets: ["127.0.0.1:\(alertmanager)"] }]
            scrape_configs:
              - job_name: shop
                static_configs: [{ targets: ["127.0.0.1:\(target)"] }]

            """
        }
    }
}
