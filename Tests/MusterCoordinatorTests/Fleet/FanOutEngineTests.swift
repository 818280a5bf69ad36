import MusterCore
import MusterIdentity
import Testing

@testable import MusterCoordinator

@Suite("Decisions of a fan-out")
struct FanOutEngineTests {
    private let a = SHA256.hash([1])
    private let b = SHA256.hash([2])
    private let question = Question(
        id: QuestionID(at: Timestamp(nanoseconds: 1)),
        probe: .facts,
        budget: QuestionBudget(deadline: .seconds(1), bytesMax: 1_000, rowsMax: 10)
    )

    private func part(
        _ index: Int,
        bytes: Int = 10,
        rows: Int = 1,
        kind: String = "facts"
    ) -> FanOutEngine.Part {
        FanOutEngine.Part(index: index, kind: kind, bytes: bytes, rows: rows)
    }

    /// The kinds of the replies among directives.
    private func replies(_ directives: [FanOutEngine.Directive]) -> [OutcomeKind] {
        directives.compactMap { directive in
            if case .reply(_, _, let outcome) = directive { outcome.kind } else { nil }
        }
    }

    /// The hosts whose connections end.
    private func cuts(_ directives: [FanOutEngine.Directive]) -> [AgentID] {
        directives.compactMap { if case .cut(let host, _) = $0 { host } else { nil } }
    }

    private func asked() -> FanOutEngine {
        var engine = FanOutEngine()
        _ = engine.ask(question, of: [a])
        return engine
    }

    @Test("hosts that are not connected are answered for at once")
    func unreachable() {
        var engine = FanOutEngine()
        #expect(
            engine.ask(question, of: [a, b]) == [.send(question.id, to: a), .send(question.id, to: b)]
        )
        #expect(replies(engine.unsent(question.id, to: b, reason: "not connected")) == [.unreachable])
        #expect(engine.unsent(question.id, to: b, reason: "not connected") == [])
        #expect(engine.questionsOpen == 1)
    }

    @Test("a host that never ends a question does not keep what all others were asked")
    func shrinks() {
        var engine = FanOutEngine()
        let hosts = (0..<1_000).map { SHA256.hash(Array("host \($0)".utf8)) }
        _ = engine.ask(question, of: hosts)
        for host in hosts.dropLast(3) {
            _ = engine.ended(question.id, at: host, with: Outcome(.failed), parts: 0)
        }
        #expect(engine.sharesKept(of: question.id) == 1_000)
        #expect(replies(engine.expired(question.id)) == [.timeout, .timeout, .timeout])
        #expect(engine.sharesKept(of: question.id) == 3)
        #expect(engine.questionsOpen == 0)
        // What those three still send is late, what the others send again nobody asked for.
        #expect(engine.arrived(part(0), of: question.id, from: hosts[998]) == [.dropLate(hosts[998])])
        #expect(
            engine.ended(question.id, at: hosts[0], with: Outcome(.ok), parts: 0) == [.dropStray(hosts[0])]
        )
        for host in hosts.suffix(2) {
            #expect(engine.ended(question.id, at: host, with: Outcome(.ok), parts: 0) == [])
        }
        #expect(engine.sharesKept(of: question.id) == 1)
        #expect(engine.lost(hosts[997], reason: "x") == [])
        #expect(engine.sharesKept(of: question.id) == 0)
    }

    @Test("browsing leaves room for the questions of incidents, on each host and in all")
    func browsing() {
        var limits = FanOutEngine.Limits()
        limits.perHostMax = 4
        var engine = FanOutEngine(limits: limits)
        var asked: [[OutcomeKind]] = []
        for index in 0..<6 {
            let question = Question(id: QuestionID(at: .zero), probe: .facts, budget: QuestionBudget())
            let purpose: QuestionPurpose = index < 4 ? .browsing : .incident
            asked.append(replies(engine.ask(question, of: [a], for: purpose)))
        }
        #expect(asked == [[], [], [], [.refused], [], [.refused]])

        limits.perHostMax = 1_000
        limits.questionsMax = 4
        engine = FanOutEngine(limits: limits)
        asked = []
        for index in 0..<6 {
            let question = Question(id: QuestionID(at: .zero), probe: .facts, budget: QuestionBudget())
            let purpose: QuestionPurpose = index < 4 ? .browsing : .incident
            asked.append(replies(engine.ask(question, of: [a], for: purpose)))
        }
        #expect(asked == [[], [], [], [.refused], [], [.refused]])
    }

    @Test("an outcome ends the question; what comes again is not asked for")
    func once() {
        var engine = asked()
        #expect(engine.arrived(part(0), of: question.id, from: a) == [.keep(number: 0)])
        #expect(replies(engine.ended(question.id, at: a, with: Outcome(.ok), parts: 1)) == [.ok])
        #expect(engine.ended(question.id, at: a, with: Outcome(.ok), parts: 1) == [.dropStray(a)])
        #expect(engine.expired(question.id) == [])
        #expect(engine.lost(a, reason: "x") == [])
        #expect(engine.questionsOpen == 0)
    }

    @Test("the deadline replies for whoever is missing, and what comes later is late, not a lie")
    func deadline() {
        var engine = asked()
        let directives = engine.expired(question.id)
        #expect(directives.first == .cancel(question.id, at: a))
        #expect(replies(directives) == [.timeout])
        #expect(engine.arrived(part(0), of: question.id, from: a) == [.dropLate(a)])
        #expect(engine.ended(question.id, at: a, with: Outcome(.ok), parts: 1) == [])
        #expect(engine.arrived(part(0), of: question.id, from: a) == [.dropStray(a)])
    }

    @Test("what comes late counts against the budget too, and ends the connection beyond it")
    func lateWithoutEnd() {
        var engine = asked()
        _ = engine.expired(question.id)
        #expect(engine.arrived(part(0, bytes: 900), of: question.id, from: a) == [.dropLate(a)])
        let second = engine.arrived(part(1, bytes: 900), of: question.id, from: a)
        #expect(second.first == .dropLate(a) && cuts(second) == [a])
    }

    @Test("a host that answers another's question is not believed")
    func stray() {
        var engine = asked()
        #expect(engine.arrived(part(0), of: question.id, from: b) == [.dropStray(b)])
        #expect(engine.ended(question.id, at: b, with: Outcome(.ok), parts: 0) == [.dropStray(b)])
        #expect(engine.questionsOpen == 1)
    }

    @Test(
        "what a host says of itself is checked against what came",
        arguments: [
            (Outcome(.ok), 0, 0, OutcomeKind.failed),
            (Outcome(.ok), 1, 1, .ok),
            (Outcome(.ok), 2, 1, .partial),
            (Outcome(.partial, reason: "disk"), 1, 1, .partial),
            (Outcome(.unreachable), 0, 0, .failed),
            (Outcome(.refused), 0, 0, .refused),
        ]
    )
    func checked(_ said: Outcome, parts: Int, received: Int, expected: OutcomeKind) {
        var engine = asked()
        for index in 0..<received { _ = engine.arrived(part(index), of: question.id, from: a) }
        #expect(replies(engine.ended(question.id, at: a, with: said, parts: parts)) == [expected])
    }

    @Test("budgets hold here too, for bytes and for rows")
    func budgets() {
        var bytes = asked()
        #expect(bytes.arrived(part(0, bytes: 900), of: question.id, from: a) == [.keep(number: 0)])
        let cut = bytes.arrived(part(1, bytes: 900), of: question.id, from: a)
        #expect(cut.first == .cancel(question.id, at: a))
        #expect(replies(cut) == [.failed])
        #expect(cuts(cut) == [a])
        var rows = asked()
        let many = rows.arrived(part(0, rows: 11), of: question.id, from: a)
        #expect(replies(many) == [.failed] && cuts(many) == [a])
    }

    @Test("an answer of another kind or out of order fails")
    func nonsense() {
        var kind = asked()
        #expect(replies(kind.arrived(part(0, kind: "logs"), of: question.id, from: a)) == [.failed])
        var order = asked()
        #expect(replies(order.arrived(part(1), of: question.id, from: a)) == [.failed])
    }

    @Test("a connection that ends leaves what had come: nothing is unreachable, a part is partial")
    func lost() {
        var nothing = asked()
        #expect(replies(nothing.lost(a, reason: "reset")) == [.unreachable])
        var part = asked()
        #expect(part.arrived(self.part(0), of: question.id, from: a) == [.keep(number: 0)])
        #expect(replies(part.lost(a, reason: "reset")) == [.partial])
        #expect(part.expired(question.id) == [] && part.questionsOpen == 0)
    }

    @Test("whoever is not believed any more ends with what is said of it, also in part")
    func distrusted() {
        var engine = asked()
        #expect(engine.arrived(part(0), of: question.id, from: a) == [.keep(number: 0)])
        #expect(replies(engine.distrusted(a, Outcome(.failed, reason: "lied"))) == [.failed])
        #expect(engine.distrusted(a, Outcome(.failed)) == [])
        #expect(engine.questionsOpen == 0)
    }

    @Test("a host that leaves questions open is not asked without end")
    func perHost() {
        var limits = FanOutEngine.Limits()
        limits.perHostMax = 2
        var engine = FanOutEngine(limits: limits)
        for second in 1...2 {
            var question = question
            question.id = QuestionID(at: Timestamp(nanoseconds: Int64(second) * 1_000_000_000))
            _ = engine.ask(question, of: [a])
            // Given up here; the host has not ended it.
            _ = engine.expired(question.id)
        }
        #expect(replies(engine.ask(question, of: [a])) == [.refused])
        _ = engine.lost(a, reason: "gone")
        #expect(engine.ask(question, of: [a]) == [.send(question.id, to: a)])
    }
}
