import MusterCore
import Testing

@testable import MusterWire

@Suite struct FrameTests {
    private static func heartbeat(_ sequence: UInt64) -> WireEnvelope {
        var envelope = WireEnvelope(.heartbeat(.with { $0.linesDropped = 7 }))
        envelope.sequence = sequence
        return envelope
    }

    @Test func framesComeOutWholeHoweverTheBytesAreCut() throws {
        let stream = try (1...5).flatMap { try Frame.encode(Self.heartbeat($0)) }
        for size in 1...stream.count {
            var decoder = FrameDecoder()
            var sequences: [UInt64] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                decoder.append(stream[start..<min(start + size, stream.count)])
                while let envelope = try decoder.next() { sequences.append(envelope.sequence) }
            }
            #expect(sequences == [1, 2, 3, 4, 5])
            #expect(decoder.bytesPending == 0)
        }
    }

    @Test func anOversizeLengthIsRefusedBeforeItsBytesArrive() {
        var decoder = FrameDecoder()
        decoder.append([0x00, 0x10, 0x00, 0x01])
        #expect(throws: FrameError.self) { try decoder.next() }
        decoder.append([1, 2, 3])
        #expect(decoder.bytesPending == 0)
        #expect(throws: FrameError.self) { try decoder.next() }
    }

    @Test func garbageAndEmptyFramesAreErrorsThatStay() {
        for bytes: [UInt8] in [[0, 0, 0, 0], [0, 0, 0, 3, 0xFF, 0xFF, 0xFF]] {
            var decoder = FrameDecoder()
            decoder.append(bytes)
            #expect(throws: FrameError.self) { try decoder.next() }
            decoder.append((try? Frame.encode(Self.heartbeat(1))) ?? [])
            #expect(throws: FrameError.self) { try decoder.next() }
        }
    }

    @Test func aTruncatedFrameWaitsForItsRest() throws {
        let frame = try Frame.encode(Self.heartbeat(1))
        var decoder = FrameDecoder()
        decoder.append(frame.dropLast())
        #expect(try decoder.next() == nil)
        #expect(decoder.bytesPending == frame.count - 1)
    }

    @Test func aMessageOfAKindFromTheFutureIsAFrameWithoutBody() throws {
        // Field 60 of the envelope, a message of two bytes, and sequence 1.
        let body: [UInt8] = [0x08, 0x01, 0xE2, 0x03, 0x02, 0x08, 0x01]
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, UInt8(body.count)] + body)
        let envelope = try #require(try decoder.next())
        #expect(envelope.body == nil)
        #expect(envelope.sequence == 1)
    }

    @Test func aGapARepeatAndAnAcknowledgementOfTheFutureEndTheStream() throws {
        var counter = EnvelopeCounter()
        try counter.accept(Self.heartbeat(1))
        #expect(throws: WireError.self) { try counter.accept(Self.heartbeat(1)) }
        #expect(throws: WireError.self) { try counter.accept(Self.heartbeat(3)) }
        var ahead = Self.heartbeat(2)
        ahead.acknowledged = 1
        #expect(throws: WireError.self) { try counter.accept(ahead) }
    }
}
