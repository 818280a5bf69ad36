import FoundationEssentials
import MusterCore
import MusterIncident

/// Reads an exported record, checks it on the way, and hands over what is in it.
///
/// Every byte counts: a line that means the same as the one that was written but is not the same is refused too.
package struct RecordReader: Sendable {
    package enum Item: Hashable, Sendable {
        case header(RecordHeader)
        case event(RecordedEvent)
    }

    /// Longest line; the longest body that is stored is a few megabytes.
    package static let lineBytesMax = 64 << 20

    package private(set) var header: RecordHeader?
    private var chain = ChainCheck()
    private var rest: [UInt8] = []

    package init() {}

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
    }

    /// Where the next line belongs.
    private var place: Int { header == nil ? 0 : events + 1 }

    private mutating func item(_ line: [UInt8]) throws(IncidentRecordError) -> Item {
        guard let header else {
            let header = try readHeader(line)
            self.header = header
            return .header(header)
        }
        let event = try readEvent(line, of: header.incident)
        guard events < header.events else {
            throw IncidentRecordError(
                .corrupt,
                "there is more than the \(header.events) events of the header",
                at: place
            )
        }
        try chain.take(event)
        return .event(event)
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

    enum CodingKeys: String, CodingKey {
        case format = "muster_record"
        case incident
        case coordinator
        case exported
        case policy
        case events
        case head
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
            head: head
        )
    }
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
