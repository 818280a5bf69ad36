import Glibc
import MusterCore
import MusterTesting
import MusterYAML
import Testing

@testable import MusterProbe

/// The whole observer on the machine that the test runs on.
struct ObserverTests {
    private static let now: @Sendable () -> Timestamp = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    private static func id() -> QuestionID { QuestionID(at: now()) }

    private static func ask(
        _ observer: HostObserver,
        _ probe: Probe,
        _ budget: QuestionBudget = QuestionBudget(deadline: .seconds(3)),
        isCancelled: @Sendable () -> Bool = { false }
    ) -> (outcome: Outcome, answer: Answer?) {
        let start = ContinuousClock.now
        let result = observer.answer(
            Question(id: id(), probe: probe, budget: budget),
            isCancelled: isCancelled
        )
        #expect(
            ContinuousClock.now - start < budget.deadline + .seconds(3),
            "\(probe.name) took too long"
        )
        return result
    }

    private static let window = TimeWindow(from: now() - .seconds(60), to: now() + .seconds(60))

    @Test func everyProbeIsAnsweredWithinItsDeadline() throws {
        let directory = try TemporaryDirectory()
        var configuration = ObservationConfiguration()
        let log = try directory.write("app.log", "time=2026-11-23T02:06:00Z level=error msg=broken\n".utf8)
        configuration.logs = [LogFileSettings(path: log, service: "shop")]
        let observer = HostObserver(configuration: configuration, name: "here")
        observer.tick(now: Self.now())
        usleep(300_000)
        observer.tick(now: Self.now())
        let window = Self.window
        let probes: [Probe] = [
            .logs(window: window, service: "", level: nil, text: ""),
            .requests(window: window, service: "", salt: [UInt8](repeating: 7, count: 16), bucketSeconds: 10),
            .metrics(window: window, prefix: ""), .anomalies(window: window, prefix: ""),
            .processes(text: ""), .sockets(port: 0),
            .dependencies(name: ""), .changes(window: window, service: ""), .facts,
        ]
        #expect(Set(probes.map(\.name)).union(["sql"]) == Set(observer.capabilities))
        for probe in probes {
            let (outcome, answer) = Self.ask(observer, probe)
            #expect(outcome.kind == .ok, "\(probe.name): \(outcome.reason)")
            switch answer {
            case .metrics(let metrics):
                let names = Set(metrics.series.map(\.name))
                #expect(
                    names.isSuperset(of: [
                        "cpu_busy_ratio", "memory_used_ratio", "load_one", "process_resident_bytes",
                    ])
                )
            case .processes(let processes):
                #expect(processes.total >= processes.processes.count)
                let own = processes.processes.first { $0.pid == Int(getpid()) }
                #expect((own?.residentBytes ?? 0) > 1 << 20)
                #expect(abs(((own?.started ?? .zero) - Self.now()).inSeconds) < 3600)
            case .facts(let facts):
                #expect(facts.facts["kernel.release"]?.isEmpty == false)
                #expect(Int(facts.facts["memory.total_bytes"] ?? "") ?? 0 > 0)
            case nil: Issue.record("\(probe.name) has no answer")
            default: break
            }
        }
        let (sql, _) = Self.ask(observer, .sql(target: "", statement: "SELECT 1", settings: []))
        #expect(sql.kind == .refused)
        #expect(sql.reason.contains("no database"))
        #expect(Self.ask(observer, .ledger(ticket: nil)).outcome.kind == .refused)
        #expect(Self.ask(observer, .dependencies(name: "unknown")).outcome.kind == .refused)
    }

    @Test func budgetsAreKept() {
        let observer = HostObserver(configuration: ObservationConfiguration(), name: "here")
        observer.tick(now: Self.now())
        let (few, answer) = Self.ask(observer, .processes(text: ""), QuestionBudget(rowsMax: 1))
        #expect(few.kind == .partial)
        guard case .processes(let processes)? = answer else { return }
        #expect(processes.processes.count == 1)
        #expect(few.rowsDropped == processes.total - 1)
        for probe in [
            Probe.facts, .processes(text: ""), .metrics(window: Self.window, prefix: ""), .sockets(port: 0),
        ] {
            #expect(Self.ask(observer, probe, QuestionBudget(deadline: .zero)).outcome.kind == .timeout)
            #expect(
                Self.ask(observer, probe, isCancelled: { true }).outcome.reason == "cancelled by the asker"
            )
        }
    }

    @Test func theConfigurationIsReadAndItsFaultsAreNamed() throws {
        let text = """
            services: [shop]
            logs:
              - { path: /var/log/shop/access.log, service: shop }
              - /var/log/syslog
            watch: [/etc/shop/*.conf]
            deploy_markers: /var/lib/shop/deploys
            dependencies:
              - name: shop-db
                kind: postgres
                host: 10.0.0.5
                database: shop
                look: { user: muster_look, password_file: /etc/muster/look.password }
                act: { user: muster_act, password_file: /etc/muster/act.password }
              - { name: cache, kind: tcp, host: 10.0.0.6, port: 6379, every: 1m, services: [cart] }
            """
        let configuration = try Self.read(text)
        #expect(configuration.logs.map(\.path) == ["/var/log/shop/access.log", "/var/log/syslog"])
        #expect(configuration.watch.map(\.pattern) == ["/etc/shop/*.conf"])
        #expect(configuration.dependencies.map(\.services) == [["shop"], ["cart"]])
        #expect(configuration.dependencies.map(\.interval) == [.seconds(5), .seconds(60)])
        #expect(configuration.passwordFiles == ["/etc/muster/look.password", "/etc/muster/act.password"])
        guard case .postgres(let endpoint) = configuration.dependencies.first?.kind else {
            Issue.record("the first dependency is no database")
            return
        }
        #expect(endpoint.port == 5432)

        let faults = [
            ("logs: [relative.log]", "1:8"),
            ("dependencies:\n  - { name: a, kind: redis, host: b }", "2:22"),
            ("dependencies:\n  - { name: a, kind: tcp, host: b }", "missing key \"port\""),
            ("dependencies:\n  - { name: a, kind: tcp, host: b, port: 1, prot: 2 }", "unknown key \"prot\""),
            (
                "dependencies:\n  - { name: a, kind: tcp, host: b, port: 1 }\n  - { name: a, kind: tcp, host: c, port: 1 }",
                "two dependencies"
            ),
        ]
        for (text, part) in faults {
            let error = #expect(throws: DocumentError.self) { try Self.read(text) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
    }

    private static func read(_ text: String) throws(DocumentError) -> ObservationConfiguration {
        let document = try YAMLReader.read(Array(text.utf8), name: "agent.yaml")
        var reader = try DocumentReader(document.root, in: "agent.yaml", expecting: "a configuration")
        let configuration = try ObservationConfiguration(&reader)
        try reader.finish()
        return configuration
    }
}
