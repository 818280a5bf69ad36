import MusterCause
import MusterCore
import Testing

@Suite struct EvidenceGraphTests {
    /// Front calls the shop, which calls stock and pay; stock calls the store.
    private static let calls = [("front", "shop"), ("shop", "stock"), ("stock", "store"), ("shop", "pay")]

    private static func graph(_ findings: [Finding], observed: Bool = true) -> EvidenceGraph {
        var graph = EvidenceGraph()
        for (caller, callee) in calls { graph.add(call: caller, to: callee) }
        if observed {
            for name in ["front", "shop", "stock", "store", "pay"] {
                graph.add(service: name, observed: true)
            }
        }
        for finding in findings { graph.add(finding) }
        return graph
    }

    private static func finding(
        _ number: UInt64,
        _ kind: Finding.Kind,
        _ service: String,
        effect: Double = 1,
        from caller: String? = nil,
        magnitude: Double? = nil,
        suggests: CauseKind? = nil
    ) -> Finding {
        Finding(
            id: RankingSamples.id(number),
            kind: kind,
            text: "\(kind.rawValue) of \(service)",
            hosts: [],
            service: service,
            subject: "",
            onset: nil,
            effect: effect,
            coverage: RankingSamples.everybody,
            suggests: suggests,
            counterpart: caller,
            magnitude: magnitude
        )
    }

    private static func first(_ graph: EvidenceGraph, _ symptom: EvidenceGraph.Symptom? = nil) -> String? {
        graph.places(alerting: "front", symptom: symptom).first?.service
    }

    @Test("Slowness is followed to the deepest service that shows all of it")
    func latency() {
        let slow = ["front", "shop", "stock", "store"].enumerated().map {
            Self.finding(UInt64($0.offset + 1), .latency, $0.element, magnitude: 100)
        }
        #expect(Self.first(Self.graph(slow)) == "store")
    }

    @Test("A service that is slower than what it calls is slow by itself")
    func selfTime() {
        let slow = [
            Self.finding(1, .latency, "front", magnitude: 100),
            Self.finding(2, .latency, "shop", magnitude: 100),
            Self.finding(3, .latency, "stock", magnitude: 15),
        ]
        #expect(Self.first(Self.graph(slow)) == "shop")
    }

    @Test("Time on the way to a callee is not the caller's own")
    func transit() {
        let findings = [
            Self.finding(1, .latency, "stock", magnitude: 100),
            Self.finding(2, .transit, "store", from: "stock", magnitude: 95),
        ]
        let places = Self.graph(findings).places(alerting: "front")
        #expect(places.first?.service == "store")
        #expect(places.first?.kind == .networkDelay)
    }

    @Test("Failures are followed as slowness is, and what the alert is about counts most")
    func errors() {
        let findings = [
            Self.finding(1, .errorRate, "shop", magnitude: 50),
            Self.finding(2, .errorRate, "pay", magnitude: 50),
            Self.finding(3, .latency, "store", magnitude: 10),
        ]
        #expect(Self.first(Self.graph(findings), .errors) == "pay")
        #expect(Self.first(Self.graph(findings), .latency) == "store")
    }

    @Test("What nobody called before explains nothing of its caller")
    func newcomer() {
        var graph = Self.graph([
            Self.finding(1, .errorRate, "pay", magnitude: 50),
            Self.finding(2, .errorRate, "nowhere", magnitude: 50),
        ])
        graph.add(call: "pay", to: "nowhere")
        #expect(Self.first(graph) == "nowhere")
        graph.add(service: "nowhere", isNew: true)
        #expect(Self.first(graph) == "pay")
    }

    @Test("A resource that is short is no symptom of what is called")
    func resource() {
        let findings = [
            Self.finding(1, .resource, "shop", suggests: .cpu),
            Self.finding(2, .latency, "shop", magnitude: 10),
            Self.finding(3, .latency, "store", magnitude: 9.9),
        ]
        let place = Self.graph(findings).places(alerting: "front").first
        #expect(place?.service == "shop")
        #expect(place?.kind == .cpu)
    }

    @Test("A changed path counts less where the callee's changed as well")
    func path() {
        let findings = [Self.finding(1, .path, "shop"), Self.finding(2, .path, "pay")]
        let places = Self.graph(findings).places(alerting: "front")
        #expect(places.map(\.service).prefix(2) == ["pay", "shop"])
        #expect(places[0].score > 3 * places[1].score)
    }

    @Test(
        "That the alerting service fails tells about itself only when all that it calls was seen to be well"
    )
    func alerting() {
        let failing = [Self.finding(1, .errorRate, "front", magnitude: 50)]
        #expect(Self.graph(failing).places(alerting: "front").first?.score ?? 0 > 1)
        let blind = Self.graph(failing, observed: false).places(alerting: "front")
        #expect(blind.allSatisfy { $0.score == 0 })
    }

    @Test("Order of arrival and merging change nothing; the same finding counts once")
    func merging() {
        let findings = [
            Self.finding(1, .latency, "shop", magnitude: 100),
            Self.finding(2, .latency, "stock", magnitude: 90),
            Self.finding(3, .path, "pay", effect: 0.4), Self.finding(4, .resource, "store", effect: 0.3),
        ]
        let whole = Self.graph(findings).places(alerting: "front")
        var other = Self.graph(Array(findings.suffix(2)))
        other.merge(Self.graph(Array(findings.prefix(3))))
        other.merge(Self.graph(findings.reversed()))
        let merged = other.places(alerting: "front")
        #expect(merged.map(\.service) == whole.map(\.service))
        #expect(zip(merged, whole).allSatisfy { abs($0.score - $1.score) < 1e-12 })
    }

    @Test("Names have no influence, not even on the order of equals")
    func names() {
        func order(_ named: (String) -> String) -> [String] {
            var graph = EvidenceGraph()
            for name in ["d", "a", "c", "b"] { graph.add(service: named(name), observed: true) }
            graph.add(Self.finding(1, .path, named("c"), effect: 0.5))
            return graph.places().map(\.service)
        }
        #expect(order { $0 } == ["c", "d", "a", "b"])
        #expect(order { $0 == "d" ? "zz" : $0 } == ["c", "zz", "a", "b"])
    }

    @Test("Calls in a ring, and of a service to itself, end")
    func ring() {
        var graph = EvidenceGraph()
        graph.add(call: "a", to: "b")
        graph.add(call: "b", to: "a")
        graph.add(call: "a", to: "a")
        graph.add(Self.finding(1, .latency, "a", magnitude: 1))
        #expect(graph.places(alerting: "a").count == 2)
        #expect(EvidenceGraph().places().isEmpty)
    }

    @Test("Confidence is calibrated, keeps the order, and falls with what was not seen")
    func confidence() {
        let calibration = CauseCalibration()
        let shares = stride(from: 0.0, through: 1.0, by: 0.05).map { calibration.probability(share: $0) }
        #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(shares.allSatisfy { $0 >= 0 && $0 <= 1 })
        func probability(_ answered: Int) -> Double {
            let input = RankingInput(
                findings: [Self.finding(1, .path, "pay"), Self.finding(2, .path, "store", effect: 0.3)],
                onset: RankingSamples.onset,
                service: "front",
                related: [],
                hosts: [],
                coverage: Coverage(asked: 10, outcomes: ["ok": answered, "timeout": 10 - answered]),
                unseen: [],
                knowledge: .init(alertIsKnown: false, causes: []),
                calls: Self.calls.map { ServiceCall(caller: $0.0, callee: $0.1) },
                observed: ["front", "shop", "stock", "store", "pay"]
            )
            return CauseRanking.rank(input).hypotheses.first?.probability ?? 0
        }
        let falling = [10, 9, 7, 5, 3, 1].map(probability)
        #expect(falling[0] > 0.9)
        #expect(zip(falling, falling.dropFirst()).allSatisfy { $0 > $1 })
    }
}
