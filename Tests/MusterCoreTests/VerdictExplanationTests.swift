import MusterCore
import MusterIncident
import Testing

@Suite struct VerdictExplanationTests {
    private static let moment = Timestamp(nanoseconds: 1_795_400_000_000_000_000)

    private static func id(_ number: UInt64) -> FindingID {
        FindingID(uuid: UUIDv7(at: moment, random: (0, number)))
    }

    private static func finding(_ number: UInt64, _ kind: Finding.Kind, effect: Double = 0.8) -> Finding {
        Finding(
            id: id(number),
            kind: kind,
            text: "finding \(number)",
            hosts: [],
            service: "shop",
            subject: "",
            onset: nil,
            effect: effect,
            coverage: Coverage(asked: 10, outcomes: ["ok": 10]),
            exemplars: ["a", "b", "c", "d"]
        )
    }

    private static func ranking(
        _ verdict: Verdict,
        _ hypotheses: [(CauseKind, Double, for: [UInt64], against: [UInt64])],
        answered: Int = 10
    ) -> Ranking {
        Ranking(
            verdict: verdict,
            hypotheses: hypotheses.map { kind, probability, reasons, against in
                Hypothesis(
                    kind: kind,
                    cause: "cause of \(kind.rawValue)",
                    hosts: [HostReference(id: .zero, name: "web-2")],
                    service: "shop",
                    change: nil,
                    probability: probability,
                    evidence: reasons.map(id),
                    against: against.map(id)
                )
            },
            coverage: Coverage(asked: 10, outcomes: ["ok": answered, "timeout": 10 - answered]),
            unseen: []
        )
    }

    @Test("Three of each, strongest first, with their findings, exemplars and runner-ups")
    func whole() {
        let findings = (1...6).map { Self.finding($0, .errorRate) }
        let why = VerdictExplanation(
            Self.ranking(
                .likely,
                [(.disk, 0.7, for: [4, 3, 2, 1], against: [5]), (.cpu, 0.2, for: [6], against: [])],
                answered: 8
            ),
            findings: findings
        )
        #expect(why.headline == "Likely, 70%: cause of disk.")
        #expect(why.evidence.map(\.finding) == [4, 3, 2].map(Self.id))
        #expect(why.evidence.first?.exemplars == ["a", "b", "c"])
        #expect(why.against.map(\.text) == ["finding 5"])
        #expect(why.runnersUp == ["20% cause of cpu"])
        #expect(why.unseen == ["2 of 10 hosts did not answer"])
        #expect(why.wouldChange.contains { $0.contains("muster ask metrics --on host=web-2") })
        #expect(why.wouldChange.contains { $0.contains("Were it cpu instead") })
        #expect(why.wouldChange.contains { $0.contains("2 silent hosts") })
    }

    @Test(
        "An alert without anything wrong is called so, with how much was seen; a change alone is nothing wrong"
    )
    func quiet() {
        let ranking = Self.ranking(.unknown, [(.badDeploy, 0.2, for: [1], against: [])], answered: 9)
        let why = VerdictExplanation(ranking, findings: [Self.finding(1, .change)])
        #expect(why.headline.hasPrefix("Nothing anomalous was found in what 90% of the hosts answered"))
        let sick = VerdictExplanation(
            ranking,
            findings: [Self.finding(1, .change), Self.finding(2, .dependency)]
        )
        #expect(sick.headline.hasPrefix("Unknown: no cause stands out"))
    }

    @Test("Blind is not quiet")
    func blind() {
        let why = VerdictExplanation(Self.ranking(.unknown, [], answered: 0), findings: [])
        #expect(!why.headline.contains("anomalous"))
    }

    @Test("Each kind of cause has a question of its own that names a command")
    func questions() {
        for kind in CauseKind.allCases {
            let why = VerdictExplanation(
                Self.ranking(.likely, [(kind, 0.7, for: [], against: [])]),
                findings: []
            )
            #expect(why.wouldChange.contains { $0.contains("(muster ask ") }, "\(kind)")
        }
    }

    @Test("What was not asked because it would tell too little is said, with what it would have told")
    func unasked() {
        var inquiry = Inquiry(round: 1, stop: .notWorthIt)
        let ranking = Self.ranking(.unknown, [], answered: 2)
        let plain = VerdictExplanation(ranking, findings: []).wouldChange
        #expect(VerdictExplanation(ranking, findings: [], inquiry: inquiry).wouldChange == plain)
        inquiry.left = [.init(name: "error logs", hosts: 480, bits: 0.012, cost: 1920, purpose: "")]
        let lines = VerdictExplanation(ranking, findings: [], inquiry: inquiry).wouldChange
        #expect(
            lines.contains {
                $0.contains("error logs of 480 hosts (0.012 bits)") && $0.contains("for what it takes")
            }
        )
    }
}
