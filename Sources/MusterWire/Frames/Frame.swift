import SwiftProtobuf

/// One message on the wire: a 4-byte big-endian length, then one serialised ``WireEnvelope``.
package enum Frame {
    /// Largest length of an envelope (1 MiB).
    package static let bytesMax = 1 << 20
    /// Bytes of the length in front.
    package static let headerBytes = 4

    /// Serialises an envelope with its length.
    ///
    /// Throws `.oversize` when the envelope is larger than ``bytesMax``.
    package static func encode(_ envelope: WireEnvelope) throws(FrameError) -> [UInt8] {
        let body: [UInt8]
        do {
            body = try envelope.serializedBytes()
        } catch {
            throw FrameError(.garbage, "the message could not be serialised: \(error)")
        }
        guard body.count <= bytesMax else {
            throw FrameError(
                .oversize,
                "the message has \(body.count) bytes; a frame holds at most \(bytesMax)"
            )
        }
        var frame: [UInt8] = []
        frame.reserveCapacity(headerBytes + body.count)
        let length = UInt32(body.count)
        for shift in [24, 16, 8, 0] as [UInt32] { frame.append(UInt8(truncatingIfNeeded: length >> shift)) }
        frame.append(contentsOf: body)
        return frame
    }
}
