import MusterCore
import Testing

@testable import MusterWire

@Suite struct AnswerChunkerTests {
    private let question = QuestionID(at: ConversionTests.now)

    private func logs(lines: Int) -> LogsAnswer {
        var answer = LogsAnswer()
        answer.lines = (0..<lines).map {
            LogLine(
                at: ConversionTests.now + .milliseconds($0),
                file: "/var/log/shop.log",
                offset: $0 * 300,
                level: .error,
                text: String(repeating: "y", count: 300),
                service: "shop"
            )
        }
        answer.matched = 123_456
        answer.scanned = 999_999
        answer.summary.levels = ["error": 123_456]
        answer.summary.buckets = [LogBucket(from: ConversionTests.now, count: 123_456)]
        answer.summary.bucketSeconds = 60
        answer.summary.first = ConversionTests.now
        answer.summary.last = ConversionTests.now + .seconds(1)
        answer.summary.covered = ConversionTests.window
        return answer
    }

    private func merge(_ chunker: AnswerChunker) throws -> Answer? {
        var merger = AnswerMerger()
        for chunk in chunker.chunks {
            // Through bytes, as the link does it.
            let frame = try Frame.encode(WireEnvelope(.answer(chunk)))
            var decoder = FrameDecoder()
            decoder.append(frame)
            try merger.add(try #require(try decoder.next()).answer)
        }
        return merger.answer
    }

    @Test func aSmallAnswerIsOneChunk() throws {
        let chunker = AnswerChunker(.logs(logs(lines: 3)), to: question, bytesMax: 8 << 20)
        #expect(chunker.chunks.count == 1)
        guard case .logs(let merged) = try merge(chunker) else { throw WireError(.malformed, "kind") }
        #expect(merged.lines == logs(lines: 3).lines)
    }

    @Test func aLargeAnswerComesTogetherAgainInOrder() throws {
        let chunker = AnswerChunker(.logs(logs(lines: 6000)), to: question, bytesMax: 8 << 20)
        #expect(chunker.chunks.count > 5)
        #expect(chunker.rowsDropped == 0)
        for chunk in chunker.chunks {
            let bytes: [UInt8] = try chunk.serializedBytes()
            #expect(bytes.count <= AnswerChunker.chunkBytesMax + 128)
        }
        guard case .logs(let merged) = try merge(chunker) else { throw WireError(.malformed, "kind") }
        #expect(merged.lines == logs(lines: 6000).lines)
        #expect(merged.matched == 123_456)
        #expect(merged.scanned == 999_999)
        #expect(merged.summary == logs(lines: 0).summary)
    }

    @Test func theBudgetKeepsTheNewestLinesAndCountsTheRest() throws {
        let chunker = AnswerChunker(.logs(logs(lines: 6000)), to: question, bytesMax: 500_000)
        var bytes = 0
        for chunk in chunker.chunks {
            let serialized: [UInt8] = try chunk.serializedBytes()
            bytes += serialized.count
        }
        #expect(bytes <= 500_000)
        guard case .logs(let merged) = try merge(chunker) else { throw WireError(.malformed, "kind") }
        #expect(merged.lines.last == logs(lines: 6000).lines.last)
        #expect(merged.lines.count + chunker.rowsDropped == 6000)
        #expect(merged.lines.count > 1000)
    }

    @Test func requestsWithSketchesAddUpAfterTheTrip() throws {
        var answer = RequestsAnswer()
        answer.covered = ConversionTests.window
        answer.usersCovered = 0.75
        answer.stepSeconds = 10
        answer.sampled = [SampledStretch(window: ConversionTests.window, every: 8)]
        answer.clients.add(Array("10.1.2.3".utf8)[...], isError: true)
        for index in 0..<400 {
            var endpoint = EndpointRequests(service: "shop", method: "GET", path: "/api/\(index)")
            endpoint.count = 10
            endpoint.isLearnt = index == 7
            (endpoint.countVariance, endpoint.errorsVariance) = (56, 7)
            var latency = QuantileSketch()
            latency.add(3, times: 4)
            endpoint.classes = [
                StatusClassRequests(statusClass: 2, count: 6, latency: latency),
                StatusClassRequests(statusClass: 5, count: 4),
            ]
            for value in 1...50 { endpoint.latency.add(Double(value * (index + 1))) }
            for user in 0..<400 {
                endpoint.users.add("u\(user)".utf8, salt: [UInt8](repeating: 9, count: 16))
            }
            answer.endpoints.append(endpoint)
        }
        let chunker = AnswerChunker(.requests(answer), to: question, bytesMax: 8 << 20)
        guard case .requests(let merged) = try merge(chunker) else { throw WireError(.malformed, "kind") }
        #expect(merged.endpoints.count == 400)
        #expect(merged.endpoints.map(\.users) == answer.endpoints.map(\.users))
        #expect(merged.endpoints.map(\.latency) == answer.endpoints.map(\.latency))
        #expect(merged.covered == answer.covered)
        #expect(merged.usersCovered == 0.75 && merged.stepSeconds == 10)
        #expect(merged.sampled == answer.sampled && merged.clients == answer.clients)
        #expect(merged.endpoints.map(\.classes) == answer.endpoints.map(\.classes))
        #expect(merged.endpoints.filter(\.isLearnt).map(\.path) == ["/api/7"])
        #expect(merged.endpoints.allSatisfy { $0.countVariance == 56 && $0.errorsVariance == 7 })
    }

    @Test func aMissingRepeatedOrForeignChunkIsRefused() throws {
        let chunker = AnswerChunker(.logs(logs(lines: 3000)), to: question, bytesMax: 8 << 20)
        var merger = AnswerMerger()
        try merger.add(chunker.chunks[0])
        #expect(throws: WireError.self) { try merger.add(chunker.chunks[0]) }
        #expect(throws: WireError.self) { try merger.add(chunker.chunks[2]) }
        var foreign = AnswerChunker(.facts(FactsAnswer()), to: question, bytesMax: 100).chunks[0]
        foreign.index = 1
        #expect(throws: WireError.self) { try merger.add(foreign) }
        #expect(merger.chunks == 1)
    }
}
