import MusterCore
import Testing

@testable import MusterCoordinator

/// Lost packets and resets are told from their counters, beside how much is sent at all.
@Suite struct NetworkFindingsTests {
    private typealias Samples = DependencySamples

    private func series(_ name: String, before: Double, after: Double) -> MetricSeries {
        var series = MetricSeries(name: name, subject: "")
        series.at = (0..<60).map { Samples.now - .seconds(60 - $0) }
        series.values = (0..<60).map { $0 < 30 ? before : after }
        series.baselineMedian = before
        series.score = after > before ? 40 : 0
        series.onset = after > before ? series.at[30] : nil
        return series
    }

    private func answers(_ series: [MetricSeries]) -> [(host: HostReference, answer: Answer)] {
        var answer = MetricsAnswer()
        answer.series = series
        return [(Samples.reference("web-1"), .metrics(answer))]
    }

    private func findings(_ series: [MetricSeries]) -> [Finding] {
        NetworkFindings.findings(answers(series), coverage: Samples.coverage, at: Samples.now)
    }

    @Test("A tenth of the segments sent again is loss, with its share and its onset")
    func loss() throws {
        let lossy = [
            series("tcp_retransmits_per_second", before: 0, after: 20),
            series("tcp_sent_segments_per_second", before: 400, after: 200),
        ]
        let finding = try #require(findings(lossy).first)
        #expect(finding.suggests == .networkLoss)
        #expect(finding.text.contains("10%"))
        #expect(finding.onset == Samples.now - .seconds(30))
        #expect(NetworkFindings.losses(answers(lossy)) == [Samples.reference("web-1"): 0.1])
    }

    @Test("What is sent again to a far end that does not answer is no loss of its own; elsewhere it is")
    func wall() throws {
        let lossy = [
            series("tcp_retransmits_per_second", before: 0, after: 20),
            series("tcp_sent_segments_per_second", before: 400, after: 200),
        ]
        func suggests(wallOf name: String) -> CauseKind? {
            let wall = DependencyFindings.findings(
                Samples.answers([(name, Samples.check("http://10.0.0.3:9090: no connection within 2 s"))]),
                coverage: Samples.coverage,
                at: Samples.now
            )
            return NetworkFindings.findings(
                answers(lossy),
                beside: wall,
                coverage: Samples.coverage,
                at: Samples.now
            ).first?.suggests
        }
        #expect(suggests(wallOf: "web-1") == nil)
        #expect(suggests(wallOf: "web-2") == .networkLoss)
    }

    @Test("A host that measured no loss is told from one that did not measure")
    func measured() {
        let quiet = [
            series("tcp_retransmits_per_second", before: 0, after: 0),
            series("tcp_sent_segments_per_second", before: 400, after: 400),
        ]
        #expect(NetworkFindings.losses(answers(quiet)) == [Samples.reference("web-1"): 0])
        #expect(NetworkFindings.losses(answers([quiet[1]])).isEmpty)
    }

    @Test("Bursts with quiet seconds between are loss too, although no level moved")
    func bursts() {
        var again = series("tcp_retransmits_per_second", before: 0, after: 0)
        for index in stride(from: 48, to: 60, by: 3) { again.values[index] = 24 }
        let sent = series("tcp_sent_segments_per_second", before: 200, after: 80)
        #expect(findings([again, sent]).first?.suggests == .networkLoss)
    }

    @Test("As many sent again among far more is what networks do")
    func busy() {
        let found = findings([
            series("tcp_retransmits_per_second", before: 0, after: 20),
            series("tcp_sent_segments_per_second", before: 40_000, after: 40_000),
        ])
        #expect(found.isEmpty)
    }

    @Test("A share that was as large before is no news, and neither is one late segment")
    func noNews() {
        #expect(
            findings([
                series("tcp_retransmits_per_second", before: 18, after: 20),
                series("tcp_sent_segments_per_second", before: 200, after: 200),
            ]).isEmpty
        )
        #expect(
            findings([
                series("tcp_retransmits_per_second", before: 0, after: 0.5),
                series("tcp_sent_segments_per_second", before: 1, after: 1),
            ]).isEmpty
        )
    }

    @Test("Connections that are reset every second are told; a few are not")
    func resets() throws {
        let found = findings([series("tcp_resets_per_second", before: 0.1, after: 25)])
        #expect(found.first?.suggests == .network)
        #expect(findings([series("tcp_resets_per_second", before: 0, after: 1)]).isEmpty)
    }
}
