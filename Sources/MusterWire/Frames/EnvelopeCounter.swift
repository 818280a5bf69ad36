/// Numbers the envelopes of one connection and checks those of the peer.
///
/// Both sides count from 1; a gap or a repeat means that the stream is not what was sent.
package struct EnvelopeCounter: Sendable {
    /// Sequence of the last envelope sent; 0 before any.
    package private(set) var sent: UInt64 = 0
    /// Sequence of the last envelope of the peer that was accepted; 0 before any.
    package private(set) var received: UInt64 = 0
    /// Highest sequence of ours that the peer says it has processed.
    package private(set) var acknowledged: UInt64 = 0

    package init() {}

    /// Gives an envelope its place in the stream.
    package mutating func stamp(_ envelope: inout WireEnvelope) {
        sent += 1
        envelope.sequence = sent
        envelope.acknowledged = received
    }

    /// Accepts the peer's next envelope, or says what is wrong with its counters.
    package mutating func accept(_ envelope: WireEnvelope) throws(WireError) {
        guard envelope.sequence == received + 1 else {
            throw WireError(
                .sequence,
                "expected message \(received + 1) of the peer, got \(envelope.sequence)"
            )
        }
        guard envelope.acknowledged <= sent, envelope.acknowledged >= acknowledged else {
            throw WireError(
                .sequence,
                "the peer acknowledged message \(envelope.acknowledged); "
                    + "it had acknowledged \(acknowledged) of \(sent) sent"
            )
        }
        received = envelope.sequence
        acknowledged = envelope.acknowledged
    }
}
