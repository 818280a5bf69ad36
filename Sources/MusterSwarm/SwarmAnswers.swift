import MusterCore
import MusterWire

/// What the simulated hosts answer: about 1.5 KB of processes, a few log lines, a few facts.
///
/// The bytes of an answer are made once and sent often: serialised messages of one type may be put behind one another,
/// and are then one message with the fields of all (protobuf.dev, "Encoding", last-one-wins and merging).
struct SwarmAnswers {
    /// A serialised `AnswerChunk` without its question's id, by the probe's word.
    private var bodies: [String: [UInt8]] = [:]

    init(host number: Int, at now: Timestamp) {
        bodies["processes"] = Self.body(.processes(Self.processes(number, now)))
        bodies["logs"] = Self.body(.logs(Self.logs(number, now)))
        var facts = FactsAnswer()
        facts.facts = ["kernel": "6.1.0-35-amd64", "host.number": "\(number)"]
        bodies["facts"] = Self.body(.facts(facts))
    }

    /// The serialised part that is the whole answer to a probe, by its word.
    func body(_ probe: String) -> [UInt8]? { bodies[probe] }

    /// A frame with one part of an answer to a question, with room for `more` bytes behind it.
    static func frame(
        _ body: [UInt8],
        question: String,
        part: Int = 0,
        counter: inout EnvelopeCounter,
        more: Int = 0
    ) -> [UInt8] {
        var head = WireAnswerChunk()
        head.questionID = question
        head.index = UInt32(part)
        var envelope = WireEnvelope()
        counter.stamp(&envelope)
        guard let head = try? head.serializedBytes() as [UInt8],
            let envelope = try? envelope.serializedBytes() as [UInt8]
        else { return [] }
        var tail: [UInt8] = [13 << 3 | 2]
        append(head.count + body.count, to: &tail)
        let count = envelope.count + tail.count + head.count + body.count
        var frame: [UInt8] = []
        frame.reserveCapacity(Frame.headerBytes + count + more)
        for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: count >> shift)) }
        for part in [envelope, tail, head, body] { frame.append(contentsOf: part) }
        return frame
    }

    /// A base-128 number.
    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func body(_ answer: Answer) -> [UInt8] {
        var chunk = WireAnswerChunk()
        chunk.body = WireAnswerChunk.OneOf_Body(answer)
        return (try? chunk.serializedBytes()) ?? []
    }

    private static func processes(_ number: Int, _ now: Timestamp) -> ProcessesAnswer {
        var answer = ProcessesAnswer()
        answer.total = 120 + number % 50
        for index in 0..<15 {
            answer.processes.append(
                ProcessRow(
                    pid: 1_000 + number % 20_000 + index,
                    parent: 1,
                    name: "worker-\(index)",
                    command: "/usr/bin/worker --queue orders-\(index) --config /etc/worker.conf",
                    state: index == 0 ? "R" : "S",
                    uid: 33,
                    cpuRatio: Double((number + index) % 100) / 400,
                    residentBytes: 20_000_000 + index * 4_096,
                    threads: 4 + index,
                    openFiles: 20 + index,
                    started: now - .seconds(3_600)
                )
            )
        }
        return answer
    }

    private static func logs(_ number: Int, _ now: Timestamp) -> LogsAnswer {
        var answer = LogsAnswer()
        answer.scanned = 1_000
        answer.matched = 8
        for index in 0..<8 {
            answer.lines.append(
                LogLine(
                    at: now - .seconds(60 - index),
                    file: "/var/log/worker.log",
                    offset: index * 120,
                    level: .error,
                    text: "order \(number * 8 + index) failed: the payment service did not answer in 2000 ms",
                    service: "worker"
                )
            )
        }
        return answer
    }
}
