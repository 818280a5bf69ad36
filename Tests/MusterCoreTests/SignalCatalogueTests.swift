import MusterCore
import MusterIncident
import MusterYAML
import Testing

@Suite struct SignalCatalogueTests {
    private func read(_ text: String) throws -> SignalCatalogue {
        try SignalCatalogue(document: YAMLReader.read(Array(text.utf8), name: "signals.yaml"))
    }

    @Test("Signals of every runbook are built in, found in letters of either case")
    func builtIn() {
        let catalogue = SignalCatalogue()
        #expect(
            catalogue.names == ["CPU busy", "Connection pool utilization", "Error ratio", "Latency p99"]
        )
        let pool = catalogue["connection POOL utilization"]
        #expect(pool?.cause == .poolExhausted)
        #expect(
            pool?.source == .dependency(kind: "postgres", name: "", value: "connections_used_ratio")
        )
        #expect(catalogue["Connection pool"] == nil)
    }

    @Test("A file adds signals and takes the place of those that are there")
    func file() throws {
        let catalogue = try read(
            """
            signals:
              - name: connection pool utilization
                question: sql
                statement: SELECT 1
                unit: percent
              - { name: Lag, question: metric, value: lag_seconds, window: 1m, unit: seconds, cause: io }
              - { name: Slow, question: requests, value: p95, unit: milliseconds }
              - { name: Cache, question: dependency, kind: redis, dependency: cache, value: used, unit: count }
            """
        )
        #expect(catalogue.names.count == 7)
        #expect(
            catalogue["Connection pool utilization"]
                == SignalDefinition(
                    name: "connection pool utilization",
                    source: .sql(statement: "SELECT 1", target: ""),
                    unit: .percent,
                    cause: nil
                )
        )
        #expect(catalogue["lag"]?.source == .metric(name: "lag_seconds", window: .seconds(60)))
        #expect(catalogue["lag"]?.cause == .io)
        #expect(catalogue["slow"]?.source == .requests(.p95, window: .seconds(30)))
        #expect(catalogue["cache"]?.source == .dependency(kind: "redis", name: "cache", value: "used"))
        #expect(try read("") == SignalCatalogue())
    }

    @Test(
        "A mistake is refused with its place and what was expected",
        arguments: [
            ("signal: []", 1, "unknown key \"signal\"; expected one of signals"),
            ("signals: x", 1, "\"signals\" must be a list"),
            ("signals:\n  - Lag", 2, "expected a signal as \"key: value\" lines"),
            ("signals:\n  - { question: sql }", 2, "missing key \"name\""),
            ("signals:\n  - { name: x, question: sql }", 2, "missing key \"unit\""),
            ("signals:\n  - name: x\n    unit: furlongs", 3, "\"unit\" must be one of ratio, percent"),
            ("signals:\n  - { name: x, unit: count, cause: y }", 2, "\"cause\" must be one of bad-deploy"),
            ("signals:\n  - { name: x, unit: count }", 2, "missing key \"question\""),
            (
                "signals:\n  - name: x\n    unit: count\n    question: shell", 4,
                "unknown question \"shell\"; expected one of sql, dependency, requests, metric"
            ),
            ("signals:\n  - { name: x, unit: count, question: sql }", 2, "missing key \"statement\""),
            ("signals:\n  - { name: x, unit: count, question: requests }", 2, "missing key \"value\""),
            (
                "signals:\n  - { name: x, unit: count, question: requests, value: p50s }", 2,
                "\"value\" must be one of error_ratio, p50"
            ),
            (
                "signals:\n  - name: x\n    unit: count\n    window: long", 4,
                "\"window\" must be a time span"
            ),
            (
                "signals:\n  - { name: x, unit: count, question: metric, value: y, kind: z }", 2,
                "unknown key \"kind\""
            ),
        ] as [(String, Int, String)]
    )
    func mistakes(text: String, line: Int, expected: String) {
        let error = #expect(throws: DocumentError.self) { try read(text) }
        let message = error.map { "\($0)" } ?? ""
        #expect(message.hasPrefix("signals.yaml:\(line):"), "\(message)")
        #expect(message.contains(expected), "\(message)")
    }

    @Test(
        "A measured number gets its kind from the unit",
        arguments: [
            (.ratio, ExpressionValue(0.5, .share)), (.percent, ExpressionValue(0.005, .share)),
            (.milliseconds, ExpressionValue(0.0005, .span)), (.seconds, ExpressionValue(0.5, .span)),
            (.count, ExpressionValue(0.5, .number)),
        ] as [(SignalDefinition.Unit, ExpressionValue)]
    )
    func units(unit: SignalDefinition.Unit, expected: ExpressionValue) {
        let source = SignalDefinition.Source.metric(name: "m", window: .seconds(10))
        let signal = SignalDefinition(name: "m", source: source, unit: unit, cause: nil)
        #expect(signal.value(0.5) == expected)
    }
}
