import Glibc
import MusterCore
import MusterTesting
import MusterYAML
import Testing

@testable import MusterProbe

private let nodeExporter = "/usr/bin/prometheus-node-exporter"

/// What endpoints tell, and what of it is recorded.
@Suite struct PrometheusTests {
    private func scrape(
        _ texts: String...,
        seconds: Int = 10,
        change: (inout PrometheusTarget) -> Void = { _ in }
    )
        -> (values: [MetricKey: Double], scrape: PrometheusScrape)
    {
        var target = PrometheusTarget(url: "http://127.0.0.1:9/metrics", name: "shop")
        change(&target)
        var scrape = PrometheusScrape(target)
        var values: [MetricKey: Double] = [:]
        for text in texts { values = scrape.take(Array(text.utf8)[...], elapsed: .seconds(seconds)) }
        return (values, scrape)
    }

    private func key(_ name: String, _ labels: String = "") -> MetricKey {
        MetricKey("prometheus:" + name, labels.isEmpty ? "shop" : "shop{\(labels)}")
    }

    @Test("Counters are told as rates, gauges as they are, and braces inside labels mean nothing")
    func kinds() {
        func text(_ count: Int) -> String {
            """
            # HELP http_requests_total Requests with a } and a \\n in the help.
            # TYPE http_requests_total counter
            http_requests_total{method="post",path="/a}b\\"{c"} \(count) 1395066363000
            # TYPE queue gauge
            queue -3.5e2
            # TYPE stuck gauge
            stuck NaN
            jobs_total\t\(count * 2)
            other{a="b",} 7 # {trace_id="x"} 1 2
            """
        }
        let values = scrape(text(100), text(150)).values
        #expect(values[key("http_requests_total_per_second", #"method="post",path="/a}b\"{c""#)] == 5)
        #expect(values[key("queue")] == -350)
        #expect(values[key("stuck")] == nil)
        #expect(values[key("jobs_total_per_second")] == 10)
        #expect(values[key("other", #"a="b","#)] == 7)
        #expect(values.count == 4)
    }

    @Test("A counter that was reset rose from nothing, and one that was away has no rate")
    func resets() {
        let name = key("x_total_per_second")
        #expect(scrape("x_total 100", "x_total 30").values[name] == 3)
        #expect(scrape("x_total 100", "y 1", "x_total 130").values[name] == nil)
    }

    @Test("Of a distribution its rate is told, and its mean since the scrape before")
    func distributions() {
        func text(_ count: Int, _ sum: Double) -> String {
            """
            # TYPE latency_seconds histogram
            latency_seconds_bucket{path="/",le="0.1"} \(count)
            latency_seconds_bucket{path="/",le="+Inf"} \(count)
            latency_seconds_sum{path="/"} \(sum)
            latency_seconds_count{path="/"} \(count)
            """
        }
        let values = scrape(text(1_000, 50), text(1_100, 80)).values
        #expect(values[key("latency_seconds_count_per_second", #"path="/""#)] == 10)
        #expect(values[key("latency_seconds_mean", #"path="/""#)].map { abs($0 - 0.3) < 1e-9 } == true)
        #expect(values.count == 2)
    }

    @Test("OpenMetrics is read too: its counters end in _total, though their family does not")
    func openMetrics() {
        func text(_ count: Int) -> String {
            """
            # TYPE foo counter
            # UNIT foo seconds
            foo_total{a="b"} \(count).0 1520879607.789 # {id="x"} 0.67
            foo_created{a="b"} 1520430000.123
            # EOF
            """
        }
        let values = scrape(text(10), text(30)).values
        #expect(values == [key("foo_total_per_second", #"a="b""#): 2])
    }

    @Test("What is not understood is counted, with the number of the first line")
    func malformed() {
        let (values, scrape) = scrape(
            "good 1\n\n2bad 1\nx{a=\"b 1\ny\nz one\n" + String(repeating: "l", count: 20_000)
        )
        #expect(values == [key("good"): 1])
        #expect(scrape.malformed == 5 && scrape.firstMalformed == 3)
    }

    @Test("Only what is wanted is recorded, and no more than there is room for; the rest is counted")
    func bounds() {
        let text = (0..<50).map { "shop_queue{n=\"\($0)\"} 1\n" }.joined() + "go_threads 5\nshop_secret 1\n"
        let (values, scrape) = scrape(text) { target in
            target.seriesMax = 20
            target.keep = ["shop_*"]
            target.drop = ["*_secret"]
        }
        #expect(values.count == 20)
        #expect(scrape.refused == 30)
        #expect(values.keys.allSatisfy { $0.name == "prometheus:shop_queue" })
    }

    @Test("A mistake in the configuration names its place")
    func configuration() throws {
        func read(_ text: String) throws -> ObservationConfiguration {
            let document = try YAMLReader.read(Array(text.utf8), name: "agent.yaml")
            var reader = try DocumentReader(document.root, in: "agent.yaml", expecting: "a configuration")
            let configuration = try ObservationConfiguration(&reader)
            try reader.finish()
            return configuration
        }
        let all = try read(
            "prometheus:\n  - { url: \"http://127.0.0.1:9100/metrics\", every: 30s, keep: [node_*] }\n"
        )
        #expect(
            all.prometheus.first?.name == "127.0.0.1:9100" && all.prometheus.first?.interval == .seconds(30)
        )
        for (text, message) in [
            ("prometheus:\n  - { url: \"ftp://x\" }\n", "agent.yaml:2:12: \"url\" must begin with"),
            ("prometheus:\n  - { url: \"http://x\", every: 1s }\n", "\"every\" must be from"),
            ("prometheus:\n  - { url: \"http://x\" }\n  - { url: \"http://x/b\" }\n", "two endpoints \"x\""),
        ] {
            let error = #expect(throws: DocumentError.self) { try read(text) }
            #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "")")
        }
    }

    @Test(
        "A real node_exporter is recorded: its memory is the kernel's, its CPUs are as idle as they may be",
        .enabled(if: access(nodeExporter, X_OK) == 0, "prometheus-node-exporter is not installed")
    )
    func real() throws {
        let directory = try TemporaryDirectory()
        let port = try Loopback.freePort()
        let exporter = try ChildProcess(
            [nodeExporter, "--web.listen-address=127.0.0.1:\(port)", "--log.level=error"],
            in: directory
        )
        defer { exporter.stop() }
        var target = PrometheusTarget(url: "http://127.0.0.1:\(port)/metrics", name: "node")
        target.interval = .milliseconds(500)
        target.seriesMax = 800
        target.drop = ["go_*"]
        let scraper = PrometheusScraper(targets: [target])
        let recorder = MetricsRecorder(reader: HostReader(files: HostFiles()))
        let began = WallMoment.now
        let idle = MetricKey("prometheus:node_cpu_seconds_total_per_second", #"node{cpu="0",mode="idle"}"#)
        var seen: [MetricKey: Double] = [:]
        _ = try exporter.wait(for: "two scrapes") {
            scraper.tick()
            let values = scraper.take()
            recorder.record(values, at: WallMoment.now)
            seen.merge(values) { $1 }
            return seen[idle]
        }
        #expect(scraper.problems.isEmpty, "\(scraper.problems)")
        #expect(seen[MetricKey("prometheus:up", "node")] == 1)
        let total = try #require(seen[MetricKey("prometheus:node_memory_MemTotal_bytes", "node")])
        #expect(total == Double(try HostReader(files: HostFiles()).memory().total))
        #expect((0...1.2).contains(try #require(seen[idle])))
        // And the question about metrics tells them.
        var recording = recorder.recording(
            TimeWindow(from: began - .seconds(10), to: WallMoment.now + .seconds(10))
        )
        let kept = recording.series(MetricKey("prometheus:node_memory_MemTotal_bytes", "node"))?.values.last
        #expect(kept.map { abs($0 / total - 1) < 1e-5 } == true)
        exporter.stop()
        let start = ContinuousClock.now
        while scraper.problems.isEmpty, ContinuousClock.now - start < .seconds(30) {
            scraper.tick()
            usleep(10_000)
        }
        #expect(scraper.problems.first?.hasPrefix("node could not be scraped: ") == true)
        #expect(scraper.take()[MetricKey("prometheus:up", "node")] == 0)
    }
}
