import MusterCore
import Testing

@Suite struct OutcomeTests {
    private func reply(_ name: String, _ kind: OutcomeKind) -> HostReply {
        HostReply(host: HostReference(id: .zero, name: name), outcome: Outcome(kind), answer: nil)
    }

    @Test("Only ok and partial leave something to look at")
    func hasAnswer() {
        #expect(OutcomeKind.allCases.filter(\.hasAnswer) == [.ok, .partial])
    }

    @Test("Each way of ending counts as itself and the part answered is a share", arguments: 0...4)
    func ratio(answered: Int) {
        let kinds: [OutcomeKind] = [.failed, .refused, .timeout, .unreachable]
        let replies = kinds.enumerated().map { index, kind in
            reply("h\(index)", index < answered ? .partial : kind)
        }
        let coverage = Coverage(replies)
        #expect(coverage.asked == 4)
        #expect(coverage.answered == answered)
        #expect(coverage.ratio == Double(answered) / 4)
        #expect(OutcomeKind.allCases.reduce(0) { $0 + coverage.count($1) } == 4)
    }

    @Test("Nobody asked is nobody answered")
    func nobody() {
        #expect(Coverage().summary == "answered 0/0")
        #expect(Coverage().ratio == 0)
        #expect(Coverage([]) == Coverage())
    }

    @Test("Ways of ending that a newer host may send don't count as answers")
    func strangers() {
        let coverage = Coverage(asked: 4, outcomes: ["ok": 2, "busy": 1, "timeout": 1])
        #expect(coverage.answered == 2)
        #expect(coverage.summary == "answered 2/4, 1 timeout")
    }

    @Test("Replies of a fleet stand by host name, whoever was first")
    func order() {
        let question = QuestionID(uuid: UUIDv7(at: .zero, random: (0, 1)))
        let replies = ["web-2", "db-1", "web-1"].map { reply($0, .ok) }
        let fleet = FleetReply(question: question, probe: .facts, replies: replies)
        #expect(fleet.replies.map(\.host.name) == ["db-1", "web-1", "web-2"])
        #expect(fleet.coverage.summary == "answered 3/3")
    }
}
