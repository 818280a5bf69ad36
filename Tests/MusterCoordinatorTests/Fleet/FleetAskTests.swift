import MusterCore
import MusterIdentity
import MusterWire
import Synchronization
import Testing

@testable import MusterCoordinator

@Suite("Asking the fleet", .timeLimit(.minutes(1)))
struct FleetAskTests {
    /// Answers the next question of an agent with `facts`.
    private func answer(_ agent: TestAgent, facts: [String: String]) async throws {
        guard case .question(let wire)? = await agent.next() else {
            throw FleetError(.invalid, "no question came")
        }
        let question = try Question(wire)
        var value = FactsAnswer()
        value.facts = facts
        let chunker = AnswerChunker(.facts(value), to: question.id, bytesMax: question.budget.bytesMax)
        for chunk in chunker.chunks { try agent.send(.answer(chunk)) }
        let outcome = WireQuestionOutcome(Outcome(.ok), of: question.id, chunks: chunker.chunks.count)
        try agent.send(.outcome(outcome))
    }

    @Test("every host asked gives exactly one reply, whatever it does")
    func oneEach() async throws {
        try await TestFleet.run { fleet in
            let (answering, answered) = try await fleet.join("a")
            let (refusing, refused) = try await fleet.join("b")
            let (_, silent) = try await fleet.join("c")
            let (leaving, left) = try await fleet.join("d")
            let away = try fleet.credentials().id
            async let answers: Void = answer(answering, facts: ["kernel.release": "6.1"])
            async let refusals: Void = {
                guard case .question(let wire)? = await refusing.next() else { return }
                let outcome = Outcome(.refused, reason: "policy")
                try refusing.send(.outcome(WireQuestionOutcome(outcome, of: Question(wire).id, chunks: 0)))
            }()
            async let leaves: Void = {
                _ = await leaving.next()
                leaving.close()
            }()
            let told = Mutex<[HostReply]>([])
            let begun = ContinuousClock.now
            let reply = await fleet.gateway.ask(
                .facts,
                of: [answered.id, refused.id, silent.id, left.id, away, answered.id],
                budget: QuestionBudget(deadline: .milliseconds(500)),
                onReply: { reply in told.withLock { $0.append(reply) } }
            )
            let took = ContinuousClock.now - begun
            _ = try await (answers, refusals, leaves)
            let outcomes = Dictionary(
                uniqueKeysWithValues: reply.replies.map { ($0.host.id, $0.outcome.kind) }
            )
            #expect(
                outcomes == [
                    answered.id: .ok, refused.id: .refused, silent.id: .timeout, left.id: .unreachable,
                    away: .unreachable,
                ]
            )
            #expect(told.withLock { $0.count } == 5)
            // The silent host alone would be waited for without end.
            #expect(took < .seconds(5))
            #expect(fleet.gateway.hub.fanOut.questionsOpen == 0)
            guard case .facts(let facts)? = reply.replies.first(where: { $0.host.id == answered.id })?.answer
            else {
                Issue.record("expected an answer")
                return
            }
            #expect(facts.facts == ["kernel.release": "6.1"])
        }
    }

    @Test("an answer that may become evidence is handed on as it came; what anybody asks is not sealed")
    func sealed() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("a")
            let key = credentials.key
            /// Answers the next question; returns whether it was to be sealed.
            @Sendable func answer(_ spoil: Bool = false) async throws -> Bool {
                guard case .question(let wire)? = await agent.next() else {
                    throw FleetError(.invalid, "no question came")
                }
                let question = try Question(wire)
                var value = FactsAnswer()
                for number in 0..<200 { value.facts["fact-\(number)"] = "\(number)" }
                let chunks = AnswerChunker(.facts(value), to: question.id, bytesMax: 1 << 20).chunks
                guard question.isSealed else {
                    for chunk in chunks { try agent.send(.answer(chunk)) }
                    let outcome = WireQuestionOutcome(Outcome(.ok), of: question.id, chunks: chunks.count)
                    try agent.send(.outcome(outcome))
                    return false
                }
                let sealed = try chunks.map { try $0.asSealed() }
                let digest = SHA256.hash(sealed.flatMap(\.signedBytes))
                let signed = Sealing.evidenceBytes(
                    question: question.id,
                    agent: key.publicKeyID,
                    taken: .zero,
                    digest: digest
                )
                let signature = AnswerSignature(
                    taken: .zero,
                    digest: digest,
                    publicKey: key.publicKey,
                    signature: try key.sign(signed)
                )
                for var chunk in sealed {
                    if spoil { chunk.questionID = QuestionID(at: .zero).description }
                    try agent.send(.answer(chunk))
                }
                var outcome = WireQuestionOutcome(
                    Outcome(.ok),
                    of: question.id,
                    chunks: sealed.count,
                    signature: signature
                )
                if spoil { outcome.signature.append(0xFF) }
                try agent.send(.outcome(outcome))
                return true
            }
            let budget = QuestionBudget(deadline: .seconds(10))
            func ask(_ purpose: QuestionPurpose) async -> HostReply? {
                await fleet.gateway.ask(
                    .facts,
                    of: [credentials.id],
                    budget: budget,
                    purpose: purpose,
                    onReply: nil
                ).replies.first
            }
            async let first = answer()
            let evidence = try #require(await ask(.evidence))
            #expect(try await first)
            guard case .facts(let facts)? = evidence.answer else {
                Issue.record("expected an answer")
                return
            }
            #expect(facts.facts.count == 200)
            let kept = try #require(evidence.sealed)
            #expect(SHA256.hash(kept.bytes) == kept.signature.digest)

            for purpose in [QuestionPurpose.incident, .browsing] {
                async let next = answer()
                let reply = try #require(await ask(purpose))
                #expect(try await !next)
                #expect(reply.answer != nil && reply.sealed == nil)
            }

            // A part that is sealed for another question is not taken for this one.
            async let last = answer(true)
            let spoilt = try #require(await ask(.evidence))
            #expect(try await last)
            #expect(spoilt.answer == nil && spoilt.sealed == nil)
        }
    }

    @Test("a host that did not answer in time is told that nobody waits any more")
    func cancels() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("a")
            let budget = QuestionBudget(deadline: .milliseconds(50))
            let reply = await fleet.gateway.ask(.facts, of: [credentials.id], budget: budget, onReply: nil)
            #expect(reply.replies.map(\.outcome.kind) == [.timeout])
            guard case .question(let question)? = await agent.next(),
                case .cancel(let cancel)? = await agent.next()
            else {
                Issue.record("expected a question and its cancellation")
                return
            }
            #expect(cancel.questionID == question.id)
        }
    }

    @Test("cancelling the asker ends the question at once")
    func withdrawn() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("a")
            let asking = Task {
                await fleet.gateway.ask(.facts, of: [credentials.id], budget: QuestionBudget(), onReply: nil)
            }
            guard case .question? = await agent.next() else {
                Issue.record("expected a question")
                return
            }
            asking.cancel()
            #expect(await asking.value.replies.map(\.outcome.kind) == [.timeout])
            guard case .cancel? = await agent.next() else {
                Issue.record("expected the cancellation")
                return
            }
        }
    }

    @Test("whoever answers a question that it was not asked is not believed, and is put into quarantine")
    func lies() async throws {
        try await TestFleet.run { fleet in
            let (honest, asked) = try await fleet.join("a")
            let (liar, _) = try await fleet.join("b")
            async let reply = fleet.gateway.ask(
                .facts,
                of: [asked.id],
                budget: QuestionBudget(deadline: .seconds(4)),
                onReply: nil
            )
            guard case .question(let wire)? = await honest.next() else {
                Issue.record("expected a question")
                return
            }
            let question = try Question(wire)
            var facts = FactsAnswer()
            facts.facts = ["who": "liar"]
            let chunk = try #require(
                AnswerChunker(.facts(facts), to: question.id, bytesMax: 1 << 20).chunks.first
            )
            try liar.send(.answer(chunk))
            try liar.send(.outcome(WireQuestionOutcome(Outcome(.ok), of: question.id, chunks: 1)))
            #expect(await liar.isClosed())
            #expect(fleet.gateway.counts.answersStray > 0 && fleet.gateway.counts.quarantined == 1)
            let states = await fleet.gateway.hosts().map(\.state)
            #expect(states == [.connected, .quarantined])
            facts.facts = ["who": "honest"]
            for chunk in AnswerChunker(.facts(facts), to: question.id, bytesMax: 1 << 20).chunks {
                try honest.send(.answer(chunk))
            }
            try honest.send(.outcome(WireQuestionOutcome(Outcome(.ok), of: question.id, chunks: 1)))
            let replies = await reply.replies
            #expect(replies.count == 1)
            guard case .facts(let answer)? = replies.first?.answer else {
                Issue.record("expected an answer")
                return
            }
            #expect(answer.facts == ["who": "honest"])
        }
    }

    @Test("a ticket reaches its host and no other; a host that is away is unreachable")
    func tickets() async throws {
        try await TestFleet.run { fleet in
            let (agent, credentials) = try await fleet.join("a")
            let (other, _) = try await fleet.join("b")
            let now = FleetClock.now()
            let plan = Plan(
                incident: IncidentID(at: now),
                runbook: "test",
                runbookDigest: .zero,
                step: 0,
                action: .command(name: "restart", parameters: [:]),
                targets: [HostReference(id: credentials.id, name: "a")],
                rollback: nil,
                irreversible: "test",
                notBefore: now,
                expires: now + .seconds(60),
                proposer: "test",
                evidence: [],
                commitWithin: .zero,
                summary: "test"
            )
            let bytes = WireCodec.seal(plan)
            let sealed = SealedPlan(id: Sealing.planID(bytes), bytes: bytes, plan: plan)
            var ticket = Ticket(
                id: TicketID(at: now),
                plan: sealed,
                agent: credentials.id,
                expires: now + .seconds(60),
                approvals: [],
                preApproval: nil
            )
            try await fleet.gateway.send(ticket)
            guard case .ticket(let wire)? = await agent.next() else {
                Issue.record("expected the ticket")
                return
            }
            #expect(try Ticket(wire, identify: Sealing.planID) == ticket)
            try await fleet.gateway.commit(ticket.id, on: credentials.id)
            try await fleet.gateway.abort(ticket.id, on: credentials.id, reason: "no")
            guard case .commit(let commit)? = await agent.next(), case .abort(let abort)? = await agent.next()
            else {
                Issue.record("expected commit and abort")
                return
            }
            #expect(try commit.ticket == ticket.id && abort.ticket == ticket.id)
            ticket.agent = try fleet.credentials().id
            let unknown = await #expect(throws: FleetError.self) { try await fleet.gateway.send(ticket) }
            #expect(unknown?.code == .unknown)
            agent.close()
            await eventually { await fleet.gateway.hosts().contains { $0.state == .disconnected } }
            ticket.agent = credentials.id
            let away = await #expect(throws: FleetError.self) { try await fleet.gateway.send(ticket) }
            #expect(away?.code == .unreachable)
            other.close()
        }
    }
}
