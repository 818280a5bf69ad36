import SwiftProtobuf

/// Cuts a stream of bytes into envelopes.
///
/// Feed it what was read, then call ``next()`` until it returns nil. The length is checked before anything is
/// kept for the frame, so a peer can make it hold at most one frame and what was read behind it. After an
/// error the stream has no boundary any more: every later call throws the same error.
package struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    private var broken: FrameError?

    package init() {}

    /// Bytes received that are not yet part of a whole frame.
    package var bytesPending: Int { buffer.count - start }

    /// Takes bytes as they were read.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        guard broken == nil else { return }
        if start > 0 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole envelope; nil when more bytes are needed.
    package mutating func next() throws(FrameError) -> WireEnvelope? {
        if let broken { throw broken }
        guard bytesPending >= Frame.headerBytes else { return nil }
        var length = 0
        for byte in buffer[start..<start + Frame.headerBytes] { length = length << 8 | Int(byte) }
        guard length <= Frame.bytesMax else {
            throw fail(
                .oversize,
                "the peer announced a frame of \(length) bytes; at most \(Frame.bytesMax) are allowed"
            )
        }
        guard length > 0 else { throw fail(.empty, "the peer sent a frame of no bytes") }
        guard bytesPending >= Frame.headerBytes + length else { return nil }
        let body = start + Frame.headerBytes..<start + Frame.headerBytes + length
        let envelope: WireEnvelope
        do {
            envelope = try WireEnvelope(serializedBytes: buffer[body])
        } catch {
            throw fail(
                .garbage,
                "the peer sent a frame of \(length) bytes that is no message of this protocol"
            )
        }
        start = body.upperBound
        if start == buffer.count {
            buffer = []
            start = 0
        }
        return envelope
    }

    private mutating func fail(_ code: FrameError.Code, _ message: String) -> FrameError {
        let error = FrameError(code, message)
        broken = error
        buffer = []
        start = 0
        return error
    }
}

/// So that messages are read where their bytes stand.
extension ArraySlice: @retroactive SwiftProtobufContiguousBytes where Element == UInt8 {}
