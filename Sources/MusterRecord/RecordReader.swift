import FoundationEssentials
import MusterCore
import MusterIdentity
import MusterIncident

/// Reads an exported record, checks it on the way, and hands over what is in it.
///
/// Every byte counts: a line that means the same as the one that was written but is not the same is refused too.
package struct RecordReader: Sendable {
    package enum Item: Hashable, Sendable {
        case header(RecordHeader)
        case event(RecordedEvent)
        /// After all events, in the order of their digests.
        case answer(KeptAnswer)
    }

    /// Longest line; the longest body that is stored is a few megabytes.
    package static let lineBytesMax = 64 << 20

    package private(set) var header: RecordHeader?
    private var chain = ChainCheck()
    private let coding: EventCoding
    /// Digests that events name, each signed by its host.
    private var named: Set<Digest> = []
    /// Answers that have been read and found right.
    package private(set) var answers = 0
    private var lastAnswer: Digest?
    private var rest: [UInt8] = []

    package init(coding: EventCoding = EventCoding()) { self.coding = coding }

    /// Answers that events name, each of them signed by its host.
    package var answersSigned: Int { named.count }

    /// Events that have been read and found right.
    package var events: Int { chain.events }

    /// Takes the next bytes, cut anywhere, and hands each whole line's content to `take`.
    ///
    /// - Throws: ``IncidentRecordError`` for the first line that is wrong, with its place, and whatever `take` throws.
    package mutating func read(
        _ bytes: some Sequence<UInt8>,
        _ take: (Item) throws(IncidentRecordError) -> Void
    ) throws(IncidentRecordError) {
        var start = 0
        var scanned = rest.count
        rest += bytes
        defer { rest.removeFirst(start) }
        while let end = rest[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(rest[start...end])
            start = end + 1
            scanned = start
            try take(try item(line))
        }
        guard rest.count - start <= Self.lineBytesMax else {
            throw IncidentRecordError(
                .corrupt,
                "the line after event \(events) is longer than \(Self.lineBytesMax >> 20) MiB",
                at: place
            )
        }
    }

    /// Says that nothing more comes.
    ///
    /// - Throws: ``IncidentRecordError`` when something is missing.
    package func finish() throws(IncidentRecordError) {
        guard rest.isEmpty else {
            throw IncidentRecordError(.corrupt, "the last line, after event \(events), is cut off", at: place)
        }
        guard let header else { throw IncidentRecordError(.corrupt, "it is empty", at: 0) }
        guard events == header.events else {
            throw IncidentRecordError(
                .corrupt,
                "it ends after event \(events), the header speaks of \(header.events)",
                at: place
            )
        }
        guard chain.head == header.head else {
            throw IncidentRecordError(
                .corrupt,
                "the last event is not the one that the header names",
                at: events
            )
        }
        guard answers == header.answers else {
            throw IncidentRecordError(
                .corrupt,
                "it ends after answer \(answers), the header speaks of \(header.answers)"
            )
        }
    }

    /// Where the next line belongs; nil behind the events.
    private var place: Int? {
        guard let header else { return 0 }
        return events < header.events ? events + 1 : nil
    }

    private mutating func item(_ line: [UInt8]) throws(IncidentRecordError) -> Item {
        guard let header else {
            let header = try readHeader(line)
            self.header = header
            return .header(header)
        }
        guard events < header.events else { return .answer(try readAnswer(line, header)) }
        let event = try readEvent(line, of: header.incident)
        try chain.take(event)
        if event.kind == IncidentEvent.Kind.evidenceKept.rawValue { try check(event) }
        return .event(event)
    }

    /// Whether each answer that an event names was signed by its host.
    private mutating func check(_ event: RecordedEvent) throws(IncidentRecordError) {
        let body = try coding.body(event.body, kind: event.kind, version: event.version)
        guard case .evidenceKept(let evidence, _, _) = body else { return }
        for answer in evidence {
            guard answer.isSigned else {
                throw IncidentRecordError(
                    .corrupt,
                    "event \(event.sequence) names an answer that \(answer.host.name) did not sign",
                    at: event.sequence
                )
            }
            named.insert(answer.digest)
        }
    }

    private mutating func readAnswer(
        _ line: [UInt8],
        _ header: RecordHeader
    ) throws(IncidentRecordError) -> KeptAnswer {
        let number = answers + 1
        guard number <= header.answers else {
            throw IncidentRecordError(
                .corrupt,
                "there is more than the \(header.events) events and \(header.answers) answers of the header"
            )
        }
        guard let raw = try? JSONDecoder().decode(RawAnswer.self, from: Data(line)),
            let bytes = Base64.bytes(raw.bytes)
        else { throw IncidentRecordError(.corrupt, "the line of answer \(number) can't be understood") }
        let answer = KeptAnswer(digest: raw.answer, bytes: bytes)
        guard Array(answer.line.utf8) == line else {
            throw IncidentRecordError(.corrupt, "the line of answer \(number) is not as it is written")
        }
        guard SHA256.hash(bytes) == answer.digest else {
            throw IncidentRecordError(.corrupt, "answer \(answer.digest.short) is not what its host signed")
        }
        guard named.contains(answer.digest) else {
            throw IncidentRecordError(.corrupt, "no event names answer \(answer.digest.short)")
        }
        if let lastAnswer, lastAnswer >= answer.digest {
            throw IncidentRecordError(.corrupt, "answer \(answer.digest.short) is out of its order")
        }
        answers = number
        lastAnswer = answer.digest
        return answer
    }

    private func readHeader(_ line: [UInt8]) throws(IncidentRecordError) -> RecordHeader {
        let raw: RawHeader
        do { raw = try JSONDecoder().decode(RawHeader.self, from: Data(line)) } catch {
            throw IncidentRecordError(
                .corrupt,
                "its first line is not the header of an exported record",
                at: 0
            )
        }
        guard raw.format == RecordHeader.format else {
            throw IncidentRecordError(
                .corrupt,
                "its format is version \(raw.format), this Muster reads \(RecordHeader.format); "
                    + "install a newer one",
                at: 0
            )
        }
        let header = raw.header
        guard Array(header.line.utf8) == line else {
            throw IncidentRecordError(.corrupt, "the header is not as it is written", at: 0)
        }
        return header
    }

    private func readEvent(
        _ line: [UInt8],
        of incident: IncidentID
    ) throws(IncidentRecordError) -> RecordedEvent {
        let place = events + 1
        let raw: RawEvent
        do { raw = try JSONDecoder().decode(RawEvent.self, from: Data(line)) } catch {
            throw IncidentRecordError(.corrupt, "the line of event \(place) can't be understood", at: place)
        }
        guard let event = raw.event(of: incident), Array(event.line.utf8) == line else {
            throw IncidentRecordError(
                .corrupt,
                "the line of event \(place) is not as it is written",
                at: place
            )
        }
        return event
    }
}

/// The header as JSON has it.
private struct RawHeader: Decodable {
    struct Policy: Decodable {
        var roundsMax: Int
        var roundPause: Int64
        var quietFor: Int64
        var silenceAfterExpiry: Int64
        var silenceWhileRunning: Int64

        enum CodingKeys: String, CodingKey {
            case roundsMax = "rounds_max"
            case roundPause = "round_pause"
            case quietFor = "quiet_for"
            case silenceAfterExpiry = "silence_after_expiry"
            case silenceWhileRunning = "silence_while_running"
        }
    }

    var format: Int
    var incident: IncidentID
    var coordinator: String
    var exported: Int64
    var policy: Policy
    var events: Int
    var head: Digest
    var answers: Int

    enum CodingKeys: String, CodingKey {
        case format = "muster_record"
        case incident
        case coordinator
        case exported
        case policy
        case events
        case head
        case answers
    }

    var header: RecordHeader {
        var spans = IncidentPolicy()
        spans.roundsMax = policy.roundsMax
        spans.roundPause = .nanoseconds(policy.roundPause)
        spans.quietFor = .nanoseconds(policy.quietFor)
        spans.silenceAfterExpiry = .nanoseconds(policy.silenceAfterExpiry)
        spans.silenceWhileRunning = .nanoseconds(policy.silenceWhileRunning)
        return RecordHeader(
            incident: incident,
            coordinator: coordinator,
            exported: Timestamp(nanoseconds: exported),
            policy: spans,
            events: events,
            head: head,
            answers: answers
        )
    }
}

/// An answer's line as JSON has it.
private struct RawAnswer: Decodable {
    var answer: Digest
    var bytes: String
}

/// An event's line as JSON has it.
private struct RawEvent: Decodable {
    var sequence: Int
    var version: Int
    var id: String
    var at: Int64
    var kind: String
    var previous: String
    var hash: String
    var body: String

    enum CodingKeys: String, CodingKey {
        case sequence = "seq"
        case version = "v"
        case id
        case at
        case kind
        case previous = "prev_hash"
        case hash
        case body
    }

    func event(of incident: IncidentID) -> RecordedEvent? {
        guard let previous = Hex.bytes(of: previous), let hash = Hex.bytes(of: hash) else { return nil }
        return RecordedEvent(
            version: version,
            id: id,
            incident: incident.description,
            sequence: sequence,
            previous: previous,
            hash: hash,
            at: at,
            kind: kind,
            body: Array(body.utf8)
        )
    }
}
