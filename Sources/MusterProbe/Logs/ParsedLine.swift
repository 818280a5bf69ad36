import Glibc
import MusterCore

/// What one log line says, as far as it was understood; slices point into the line.
package struct ParsedLine {
    /// Nil when the line names no time.
    package var at: Timestamp?
    /// Nil when the line names no level.
    package var level: LogLevel?
    /// The message alone, where the format has one; else the line without its time.
    ///
    /// Empty for a request without words of its own.
    package var message: ArraySlice<UInt8> = []
    /// Service that the line itself names.
    package var service: ArraySlice<UInt8>?
    /// Whether it is plain text, of which a header that stands before the message may be part of it still.
    package var isPlain = false
    /// The whole line without what carried it, when it is plain text.
    package var text: ArraySlice<UInt8> = []
    /// Set when the line tells of a request that was served.
    package var request: ParsedRequest?

    package init() {}
}

/// A request that was served.
package struct ParsedRequest {
    package var method: ArraySlice<UInt8>
    /// As logged, with query.
    package var path: ArraySlice<UInt8>
    package var status: Int
    package var latencyMilliseconds: Double?
    /// Nil when nobody was logged in.
    package var user: ArraySlice<UInt8>?
    /// Address of the client; nil when none is logged.
    package var client: ArraySlice<UInt8>?
}

/// Understands one log line: access lines of nginx (combined or common format), JSON, logfmt, else plain text, each
/// by itself or inside a ``LogEnvelope``.
///
/// Each line is recognised by itself, so a file may mix formats. Whatever a line holds, something comes back.
package struct LogLineParser: Sendable {
    /// Times without a zone are in the host's zone: seconds east of UTC.
    package var zoneOffsetSeconds: Int

    package init(zoneOffsetSeconds: Int = 0) { self.zoneOffsetSeconds = zoneOffsetSeconds }

    /// Reads one line; `now` supplies the year to formats that leave it out.
    package func parse(_ line: ArraySlice<UInt8>, now: Timestamp) -> ParsedLine {
        guard let envelope = LogEnvelope(line) else { return parseMessage(line, now: now) }
        var parsed = parseMessage(envelope.message, now: now)
        // Whoever carries lines knows its zone, and never leaves out the year.
        parsed.at = envelope.at ?? parsed.at
        parsed.level = parsed.level ?? envelope.level
        parsed.service = parsed.service ?? envelope.service
        return parsed
    }

    private func parseMessage(_ line: ArraySlice<UInt8>, now: Timestamp) -> ParsedLine {
        switch line.first ?? 0 {
        case UInt8(ascii: "{"):
            if let parsed = JSONLine.parse(line) { return parsed }
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: ":"),
            UInt8(ascii: "u"):
            // An address, or `unix:` for a request over a local socket.
            if let parsed = AccessLine.parse(line) { return parsed }
        default: break
        }
        if let parsed = LogfmtLine.parse(line) { return parsed }
        return PlainLine.parse(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds)
    }

    /// The time alone that a line names: cheaper than ``parse(_:now:)``.
    func time(of line: ArraySlice<UInt8>, now: Timestamp) -> Timestamp? {
        if line.first == UInt8(ascii: "{"), let parsed = JSONLine.parse(line) { return parsed.at }
        if let time = LeadingTime(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds) { return time.at }
        return (AccessLine.parse(line) ?? LogfmtLine.parse(line))?.at
    }

    /// Time and level of a line that can't be but plain text; nil for any other.
    ///
    /// The same as ``parse(_:now:)`` tells, at less cost.
    func plain(_ line: ArraySlice<UInt8>, now: Timestamp) -> (at: Timestamp?, level: LogLevel?)? {
        guard isPlain(line) else { return nil }
        return PlainLine.timeAndLevel(line, now: now, zoneOffsetSeconds: zoneOffsetSeconds)
    }

    /// Whether a line can't be but plain text: all other forms have quotes, or begin with a pair or an envelope.
    private func isPlain(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first, first != UInt8(ascii: "{"), first != UInt8(ascii: "<"),
            !line.withUnsafeBytes({ bytes in
                bytes.baseAddress.map { memchr($0, 0x22, bytes.count) != nil } ?? false
            }), LogEnvelope(line) == nil
        else { return false }
        for byte in line.drop(while: { $0 == 0x20 || $0 == 0x09 }) {
            if byte == UInt8(ascii: "=") { return false }
            if byte == 0x20 { break }
        }
        return true
    }
}
