import SwiftProtobuf

/// The content of an envelope, serialised once to be sent to many.
///
/// Serialised parts of one message may be put behind one another (protobuf.dev, "Encoding": merging), so the numbers of each
/// connection go in front of bytes that are the same for all.
package struct EncodedBody: Sendable {
    private let bytes: [UInt8]

    /// - Throws: ``FrameError`` with the code `oversize` when no frame can hold it.
    package init(_ body: WireEnvelope.OneOf_Body) throws(FrameError) {
        var envelope = WireEnvelope()
        envelope.body = body
        do {
            bytes = try envelope.serializedBytes()
        } catch {
            throw FrameError(.garbage, "the message could not be serialised: \(error)")
        }
        guard bytes.count <= Frame.bytesMax - Self.numbersMax else {
            throw FrameError(
                .oversize,
                "the message has \(bytes.count) bytes; a frame holds at most \(Frame.bytesMax)"
            )
        }
    }

    /// Two numbers of at most ten bytes, each with its key.
    private static let numbersMax = 22

    /// The frame with this content and a connection's next numbers.
    package func frame(_ counter: inout EnvelopeCounter) -> [UInt8] {
        var envelope = WireEnvelope()
        counter.stamp(&envelope)
        var numbers: [UInt8] = []
        for (field, value) in [(1, envelope.sequence), (2, envelope.acknowledged)] as [(UInt8, UInt64)]
        where value > 0 {
            numbers.append(field << 3)
            var rest = value
            while rest > 0x7F {
                numbers.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            numbers.append(UInt8(rest))
        }
        let count = numbers.count + bytes.count
        return [UInt8](unsafeUninitializedCapacity: Frame.headerBytes + count) { frame, size in
            for index in 0..<4 { frame[index] = UInt8(truncatingIfNeeded: count >> (24 - index * 8)) }
            size = Frame.headerBytes
            for part in [numbers, bytes] {
                _ = UnsafeMutableBufferPointer(rebasing: frame[size...]).initialize(from: part)
                size += part.count
            }
        }
    }
}
