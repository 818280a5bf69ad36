import MusterCore
import MusterIdentity
import MusterTesting
import MusterWire
import Testing

@testable import MusterAgent

@Suite("Answers that may become evidence")
struct SealedChunksTests {
    /// Large enough for several chunks, and with maps, whose order on the wire is anybody's guess.
    private static func answer() -> Answer {
        var value = FactsAnswer()
        for number in 0..<300 {
            value.facts["fact-\(number)"] = String(repeating: "x", count: number == 0 ? 200_000 : 500)
        }
        return .facts(value)
    }

    @Test("What is signed is what a frame carries, and the same answer comes out of it")
    func signed() throws {
        let key = try TLSKey.generate()
        let question = QuestionID(at: Timestamp(nanoseconds: 1_800_000_000_000_000_000))
        let chunks = AnswerChunker(Self.answer(), to: question, bytesMax: 8 << 20).chunks
        #expect(chunks.count > 1)
        let taken = Timestamp(nanoseconds: 5)
        let sealed = try SealedChunks(chunks, of: question, at: taken, with: key)

        // Through frames, as they cross the wire.
        var decoder = FrameDecoder()
        for chunk in sealed.chunks { decoder.append(try Frame.encode(WireEnvelope(.answer(chunk)))) }
        let last = WireQuestionOutcome(
            Outcome(.ok),
            of: question,
            chunks: sealed.chunks.count,
            signature: sealed.signature
        )
        decoder.append(try Frame.encode(WireEnvelope(.outcome(last))))
        var bytes: [UInt8] = []
        var merger = AnswerMerger()
        var signature: AnswerSignature?
        while let envelope = try decoder.next() {
            switch envelope.body {
            case .answer(let chunk):
                bytes += chunk.signedBytes
                try merger.add(chunk.unsealed())
            case .outcome(let outcome): signature = try AnswerSignature(outcome)
            default: Issue.record("another message")
            }
        }
        guard case .facts(let facts)? = merger.answer, case .facts(let sent) = Self.answer() else {
            Issue.record("another answer")
            return
        }
        #expect(facts.facts == sent.facts)
        let found = try #require(signature)
        #expect(
            found.taken == taken && found.digest == SHA256.hash(bytes) && found.publicKey == key.publicKey
        )
        let text = Sealing.evidenceBytes(
            question: question,
            agent: key.publicKeyID,
            taken: taken,
            digest: SHA256.hash(bytes)
        )
        #expect(TLSKey.verify(signature: found.signature, of: text, publicKey: key.publicKey))
    }

    @Test("A sealed part that is not the one that it comes as is refused")
    func foreign() throws {
        let question = QuestionID(at: .zero)
        let chunk = try #require(
            AnswerChunker(.facts(FactsAnswer()), to: question, bytesMax: 1 << 20).chunks.first
        )
        var sealed = try chunk.asSealed()
        #expect(try sealed.unsealed() == chunk)
        sealed.index = 1
        #expect(throws: WireError.self) { try sealed.unsealed() }
        sealed = try chunk.asSealed()
        sealed.body = .facts(WireFactsAnswer())
        #expect(throws: WireError.self) { try sealed.unsealed() }
        sealed = try chunk.asSealed().asSealed()
        #expect(throws: WireError.self) { try sealed.unsealed() }
        sealed = try chunk.asSealed()
        sealed.sealed.removeLast()
        #expect(throws: WireError.self) { try sealed.unsealed() }
    }
}
