import MusterCore
import MusterIdentity
import MusterWire

/// An answer as it goes out when it may become evidence: its chunks as bytes, and the host's signature over them.
struct SealedChunks {
    let chunks: [WireAnswerChunk]
    let signature: AnswerSignature

    init(
        _ chunks: [WireAnswerChunk],
        of question: QuestionID,
        at now: Timestamp,
        with key: TLSKey
    ) throws {
        var hash = SHA256()
        self.chunks = try chunks.map { chunk in
            let sealed = try chunk.asSealed()
            hash.update(sealed.signedBytes)
            return sealed
        }
        let digest = hash.finalize()
        let signed = Sealing.evidenceBytes(
            question: question,
            agent: key.publicKeyID,
            taken: now,
            digest: digest
        )
        signature = AnswerSignature(
            taken: now,
            digest: digest,
            publicKey: key.publicKey,
            signature: try key.sign(signed)
        )
    }
}
