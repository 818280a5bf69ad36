import MusterCore
import Testing

@testable import MusterWire

@Suite struct HealthDigestTests {
    private func line(_ name: String, _ subject: String) -> HealthDigest.Line {
        HealthDigest.Line(
            name: name,
            subject: subject,
            direction: .up,
            score: 8.25,
            onset: Timestamp(nanoseconds: 1_800_000_000_000_000_000),
            value: 0.5,
            usual: 0.25
        )
    }

    private func digest(_ lines: [HealthDigest.Line]) -> HealthDigest {
        var digest = HealthDigest()
        digest.worst = lines
        (digest.open, digest.recent, digest.watched, digest.learning, digest.refused) = (7, 1, 200, 3, 9)
        return digest
    }

    /// A heartbeat that holds nothing else, as it travels: its frame has at most 12 bytes beside the digest.
    private func frame(_ wire: WireHealthDigest) throws -> [UInt8] {
        try Frame.encode(WireEnvelope(.heartbeat(.with { $0.health = wire })))
    }

    @Test("A digest comes back as it was")
    func whole() throws {
        let digest = digest([line("disk_busy_ratio", "sda"), line("cpu_busy_ratio", "")])
        let bytes = try frame(WireHealthDigest(digest))
        #expect(bytes.count < 150)
        var decoder = FrameDecoder()
        decoder.append(bytes)
        guard case .heartbeat(let heartbeat)? = try decoder.next()?.body else {
            Issue.record("no heartbeat")
            return
        }
        #expect(heartbeat.hasHealth)
        #expect(try HealthDigest(heartbeat.health) == digest)
    }

    @Test(
        "A digest never takes more than 512 bytes, and drops the least lines first",
        arguments: [1, 40, 64, 4_000]
    )
    func bounded(_ length: Int) throws {
        let long = String(repeating: "ü", count: length)
        let lines = (0..<20).map { line("\($0)" + long, long) }
        let wire = WireHealthDigest(digest(lines))
        #expect(try frame(wire).count <= 512 + 12)
        #expect(!wire.worst.isEmpty && wire.worst[0].name.hasPrefix("0"))
        #expect(try HealthDigest(wire).open == 7)
    }

    @Test("A digest of a hostile agent is refused, or cleaned")
    func hostile() throws {
        var wire = WireHealthDigest(digest([line("a", "b")]))
        wire.worst[0].name = "a\u{1B}[2J\nb"
        wire.worst[0].subject = "\u{202E}sda\u{7}"
        wire.worst[0].score = .nan
        wire.worst[0].onsetAtNs = .min
        let read = try HealthDigest(wire)
        #expect(read.worst[0].name == "a[2Jb" && read.worst[0].subject == "sda")
        #expect(read.worst[0].score == 0 && read.worst[0].onset == .zero)
        var long = wire
        long.worst[0].subject = String(repeating: "x", count: 65)
        #expect(throws: WireError.self) { try HealthDigest(long) }
        var many = wire
        many.worst = Array(repeating: wire.worst[0], count: 9)
        #expect(throws: WireError.self) { try HealthDigest(many) }
    }

    @Test("Anomalies come back as they were, in chunks too")
    func anomalies() throws {
        var answer = AnomaliesAnswer()
        answer.watched = 200
        answer.learning = 3
        for index in 0..<4_000 {
            answer.anomalies.append(
                SeriesAnomaly(
                    name: "request_p99_ms",
                    subject: "GET /api/\(index)",
                    direction: SeriesAnomaly.Direction.allCases[index % 3],
                    state: SeriesAnomaly.State.allCases[index % 4],
                    onset: Timestamp(nanoseconds: 1_800_000_000_000_000_000),
                    noticed: Timestamp(nanoseconds: 1_800_000_030_000_000_000),
                    ended: index % 4 == 0 ? nil : Timestamp(nanoseconds: 1_800_000_600_000_000_000),
                    score: 12.5,
                    usual: 30,
                    deviation: 4,
                    worst: 900,
                    latest: 35
                )
            )
        }
        let chunker = AnswerChunker(.anomalies(answer), to: QuestionID(at: .zero), bytesMax: 8 << 20)
        #expect(chunker.chunks.count > 1 && chunker.rowsDropped == 0)
        var merger = AnswerMerger()
        for chunk in chunker.chunks { try merger.add(chunk) }
        guard case .anomalies(let read)? = merger.answer else {
            Issue.record("no anomalies")
            return
        }
        #expect(read.anomalies == answer.anomalies && read.watched == 200 && read.learning == 3)
    }
}
