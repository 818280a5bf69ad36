import FoundationEssentials
import MusterCore
import SwiftProtobuf

extension AnswerSignature {
    /// The message that an outcome carries; empty when it can't be made.
    var serialised: Data {
        var wire = WireAnswerSignature()
        wire.takenAtNs = taken.nanoseconds
        wire.digest = Data(digest.bytes)
        wire.publicKey = Data(publicKey)
        wire.signature = Data(signature)
        return (try? wire.serializedBytes()) ?? Data()
    }

    /// Reads the signature of an answer; nil when there is none.
    ///
    /// - Throws: ``WireError`` when it can't be understood or a part of it is longer than it can be.
    package init?(_ outcome: WireQuestionOutcome) throws(WireError) {
        guard !outcome.signature.isEmpty else { return nil }
        try Fields.check(outcome.signature.count, max: 256, "the bytes of the answer's signature")
        let wire: WireAnswerSignature
        do { wire = try WireAnswerSignature(serializedBytes: outcome.signature) } catch {
            throw WireError(.malformed, "the signature of an answer can't be understood")
        }
        self.init(
            taken: Timestamp(nanoseconds: wire.takenAtNs),
            digest: try Fields.digest(wire.digest, "the digest of an answer"),
            publicKey: [UInt8](wire.publicKey),
            signature: [UInt8](wire.signature)
        )
    }
}

extension WireAnswerChunk {
    /// The chunk with its content as bytes, which are the same for whoever made them and whoever reads them.
    package func asSealed() throws(WireError) -> WireAnswerChunk {
        let bytes: Data
        do { bytes = try serializedBytes() } catch {
            throw WireError(.malformed, "the answer can't be serialised: \(error)")
        }
        var outer = WireAnswerChunk()
        (outer.questionID, outer.index, outer.sealed) = (questionID, index, bytes)
        return outer
    }

    /// The chunk that was sealed; itself when it was not.
    ///
    /// - Throws: ``WireError`` when what is sealed is no chunk, or one of another place.
    package func unsealed() throws(WireError) -> WireAnswerChunk {
        guard !sealed.isEmpty else { return self }
        let inner: WireAnswerChunk
        do { inner = try WireAnswerChunk(serializedBytes: sealed) } catch {
            throw WireError(.malformed, "a sealed part of an answer can't be understood")
        }
        guard inner.questionID == questionID, inner.index == index, inner.sealed.isEmpty, body == nil else {
            throw WireError(.malformed, "a sealed part of an answer is not the one that it comes as")
        }
        return inner
    }

    /// What is signed of a sealed chunk: its length and its bytes.
    package var signedBytes: [UInt8] {
        let count = UInt32(sealed.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> ($0 as UInt32)) } + sealed
    }
}
