import MusterCore
import MusterIdentity
import MusterIncident

/// The first line of an exported record.
package struct RecordHeader: Hashable, Sendable {
    /// Version of the format.
    package static let format = 1

    package var incident: IncidentID
    /// Version of the coordinator that wrote it.
    package var coordinator: String
    package var exported: Timestamp
    /// Spans and limits that this coordinator decides by.
    package var policy: IncidentPolicy
    /// Events that follow.
    package var events: Int
    /// Hash of the last of them.
    package var head: Digest
    /// Kept answers of hosts that follow the events.
    package var answers: Int

    package init(
        incident: IncidentID,
        coordinator: String,
        exported: Timestamp,
        policy: IncidentPolicy,
        events: Int,
        head: Digest,
        answers: Int = 0
    ) {
        self.incident = incident
        self.coordinator = coordinator
        self.exported = exported
        self.policy = policy
        self.events = events
        self.head = head
        self.answers = answers
    }

    /// The line with its end.
    ///
    /// The same value is always the same bytes, so that reading finds any that were changed.
    package var line: String {
        let policy =
            #"{"rounds_max":\#(policy.roundsMax),"round_pause":\#(policy.roundPause.nanoseconds),"#
            + #""quiet_for":\#(policy.quietFor.nanoseconds),"#
            + #""silence_after_expiry":\#(policy.silenceAfterExpiry.nanoseconds),"#
            + #""silence_while_running":\#(policy.silenceWhileRunning.nanoseconds)}"#
        return #"{"muster_record":\#(Self.format),"incident":"\#(incident)","#
            + #""coordinator":\#(JSONText.quoted(coordinator)),"exported":\#(exported.nanoseconds),"#
            + #""policy":\#(policy),"events":\#(events),"head":"\#(head)","answers":\#(answers)}"#
            + "\n"
    }
}

extension RecordedEvent {
    /// The event's line of an export, with its end; the incident stands in the header.
    ///
    /// Bodies are JSON as it was written, thus UTF-8. One that somebody damaged so that it is not any more comes out
    /// with other bytes, and its hash tells.
    package var line: String {
        #"{"seq":\#(sequence),"v":\#(version),"id":\#(JSONText.quoted(id)),"at":\#(at),"#
            + #""kind":\#(JSONText.quoted(kind)),"prev_hash":"\#(Hex.text(of: previous))","#
            + #""hash":"\#(Hex.text(of: hash))","body":\#(JSONText.quoted(String(decoding: body, as: UTF8.self)))}"#
            + "\n"
    }
}

/// An answer of a host as it is kept, under the digest that events name it by.
package struct KeptAnswer: Hashable, Sendable {
    package var digest: Digest
    /// As they came on the wire.
    package var bytes: [UInt8]

    package init(digest: Digest, bytes: [UInt8]) {
        self.digest = digest
        self.bytes = bytes
    }

    /// The answer's line of an export, with its end.
    package var line: String { #"{"answer":"\#(digest)","bytes":"\#(Base64.text(bytes))"}"# + "\n" }
}

/// JSON strings in one form only: what must be escaped is, nothing else.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        bytes.reserveCapacity(text.utf8.count + text.utf8.count / 8 + 2)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += Array("\\u00".utf8) + Array(Hex.text(of: [byte]).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}
