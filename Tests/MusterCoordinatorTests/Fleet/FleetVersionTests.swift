import MusterCore
import MusterWire
import Testing

@testable import MusterCoordinator

/// Agents one version older or newer than the coordinator.
@Suite("Agents of other versions", .timeLimit(.minutes(1)))
struct FleetVersionTests {
    @Test(
        "what a newer agent says that is not known here is refused and counted, and the agent goes on working"
    )
    func newer() async throws {
        try await TestFleet.run { fleet in
            let (_, credentials) = try await fleet.join("web-1")
            let agent = try await fleet.connect(credentials)
            var hello = WireHello()
            hello.version = "0.2.0"
            hello.inventory.name = "web-1"
            var envelope = WireEnvelope(.hello(hello))
            envelope.sequence = 1
            // A field of tomorrow inside a message of today is passed over.
            try agent.send(bytes: framed(envelope, adding: [0xFA, 0x3E, 0x01, 0x61]))
            guard case .welcome? = await agent.next() else {
                Issue.record("expected to be welcome")
                return
            }
            // A message of tomorrow.
            var unknown = WireEnvelope()
            unknown.sequence = 2
            try agent.send(bytes: framed(unknown, adding: [0xFA, 0x3E, 0x01, 0x61]))
            guard case .refused(let refused)? = await agent.next() else {
                Issue.record("expected a refusal")
                return
            }
            #expect(refused.sequence == 2 && refused.reason.contains("not known to this version"))
            #expect(fleet.gateway.counts.messagesRefused == 1)
            let host = try #require(await fleet.gateway.hosts().first)
            #expect(host.version == "0.2.0" && host.state == .connected)
        }
    }

    @Test("an older agent refuses what it does not know, and is asked and answers as before")
    func older() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("web-1")
            try agent.send(
                .refused(WireRefused(sequence: 2, reason: "this kind of message is not known to agent 0.0.9"))
            )
            async let reply = fleet.gateway.ask(
                .facts,
                of: [credentials.id],
                budget: QuestionBudget(deadline: .seconds(60))
            )
            guard case .question(let question)? = await agent.next() else {
                Issue.record("expected a question")
                return
            }
            var outcome = WireQuestionOutcome()
            outcome.questionID = question.id
            // The fields that version knew, and a kind of outcome that this one does not know.
            outcome.kind = .UNRECOGNIZED(99)
            try agent.send(.outcome(outcome))
            let replies = await reply.replies
            #expect(replies.map(\.outcome.kind) == [.failed])
            #expect(fleet.log.contains("agent refused a message"))
        }
    }

    /// A frame of an envelope with more bytes behind it.
    private func framed(_ envelope: WireEnvelope, adding more: [UInt8]) throws -> [UInt8] {
        let body = try envelope.serializedBytes() as [UInt8] + more
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: body.count >> $0) } + body
    }
}
