import MusterCore
import Testing

@testable import MusterCause

@Suite struct ChangeTelemetryTests {
    private func series(
        _ service: String,
        _ metric: String,
        _ value: (Int) -> Double
    ) -> ChangeTelemetry.Series {
        ChangeTelemetry.Series(
            service: service,
            metric: metric,
            samples: (-60..<5).map { (ChangeSamples.minutes(Double($0)), value($0)) }
        )
    }

    private func telemetry(
        _ series: [ChangeTelemetry.Series] = [],
        lines: [ChangeTelemetry.Line] = [],
        spans: [ChangeTelemetry.Span] = []
    ) -> ChangeTelemetry {
        ChangeTelemetry(
            services: ["orders", "web"],
            alert: ChangeTelemetry.Alert(
                service: "orders",
                metric: "errors_ratio",
                summary: "orders fail",
                monitor: "",
                at: ChangeSamples.minutes(4)
            ),
            series: series,
            lines: lines,
            spans: spans,
            patterns: []
        )
    }

    /// The least significant digit of a measurement is never still.
    private func noise(_ minute: Int) -> Double { Double((minute * 7 % 5 + 5) % 5) * 0.01 }

    @Test("The onset is where a series left its level for good, in each service")
    func onsets() {
        let symptom = telemetry([
            series("orders", "errors_ratio") { ($0 < 0 ? 1 : 9) + noise($0) },
            series("web", "latency") { ($0 < 2 ? 1 : 9) + noise($0) },
            series("stock", "latency") { ($0 == -20 ? 9 : 1) + noise($0) },
        ]).symptom()
        #expect(symptom.troubled == ["orders": ChangeSamples.minutes(0), "web": ChangeSamples.minutes(2)])
        #expect(symptom.onset == ChangeSamples.minutes(0))
    }

    @Test("A setting that was turned is a step, and what drifts all the time is no onset")
    func steps() {
        let symptom = telemetry([
            series("orders", "pool_max") { $0 < -8 ? 40 : 4 },
            series("orders", "seconds_until_expiry") { 4000 - 60 * Double($0) + noise($0) },
        ]).symptom()
        #expect(symptom.steps == [Symptom.Step(metric: "pool_max", before: 40, after: 4)])
        #expect(symptom.troubled.isEmpty)
        #expect(symptom.onset == ChangeSamples.minutes(4))
    }

    private func line(
        _ minute: Double,
        _ service: String,
        _ message: String,
        severity: String = "error",
        _ attributes: [String: String] = [:]
    ) -> ChangeTelemetry.Line {
        ChangeTelemetry.Line(
            at: ChangeSamples.minutes(minute),
            service: service,
            severity: severity,
            message: message,
            attributes: attributes
        )
    }

    @Test("Lines that were there before the trouble are no news; their numbers don't make them new")
    func news() {
        let symptom = telemetry(lines: [
            line(-60, "web", "slow upstream 31 ms", severity: "warn"),
            line(1, "web", "slow upstream 88 ms", severity: "warn"),
            line(0, "orders", "cannot reserve item 5"),
        ]).symptom()
        #expect(symptom.troubled == ["orders": ChangeSamples.minutes(0)])
        #expect(symptom.texts.contains(Symptom.Text("cannot reserve item 5", weight: 1)))
        #expect(!symptom.texts.contains { $0.text.hasPrefix("slow upstream") })
    }

    @Test("Failures that are all of one zone are told, unless there is only one")
    func zones() {
        let failures = (0..<6).map { line(Double($0) / 4, "orders", "reset", ["zone": "b"]) }
        let well = line(-30, "web", "served", severity: "info", ["zone": "a"])
        #expect(telemetry(lines: failures + [well]).symptom().onlyAt == "zone b")
        #expect(telemetry(lines: failures).symptom().onlyAt.isEmpty)
    }

    @Test(
        "The deepest failing span tells who fails by itself, and calls of hosts that are not ours are kept apart"
    )
    func spans() {
        func span(
            _ id: String,
            _ parent: String?,
            _ service: String,
            _ attributes: [String: String]
        ) -> ChangeTelemetry.Span {
            ChangeTelemetry.Span(
                id: id,
                parent: parent,
                service: service,
                name: "call",
                at: ChangeSamples.minutes(2),
                milliseconds: 900,
                isError: true,
                errors: ["503"],
                attributes: attributes
            )
        }
        let symptom = telemetry(spans: [
            span("a", nil, "web", [:]), span("b", "a", "orders", ["server.address": "db.shop.internal"]),
            span("c", "b", "orders", ["http.url": "https://api.parcels.example:8443/v1"]),
        ]).symptom()
        #expect(symptom.failing == ["orders"])
        #expect(symptom.calls == [Symptom.Call(caller: "web", callee: "orders")])
        #expect(symptom.outsideFailures.map(\.peer) == ["api.parcels.example"])
    }
}
