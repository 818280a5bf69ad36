import MusterCore

/// Why a message that is a valid frame can't be understood as a value.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A field that must be there is not, or does not have its form.
        case malformed
        /// A list, text or number beyond its limit.
        case tooLarge
        /// A kind of message that this version does not know.
        case unknownKind
        /// A field that this version does not know, in a message where every field counts.
        case unknownField
        /// The envelope is not the next one of the connection.
        case sequence
    }

    package var code: Code
    /// Which field, what was found, and what was expected.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

/// Small conversions that all messages share.
enum Fields {
    /// An identifier in its text form.
    static func identifier<ID: UUIDIdentifier>(_ text: String, _ field: String) throws(WireError) -> ID {
        guard let id = ID(text) else {
            throw WireError(.malformed, "\(field) must be a UUIDv7, found \"\(text.prefix(48))\"")
        }
        return id
    }

    /// A digest as 32 bytes.
    static func digest(_ bytes: some Sequence<UInt8>, _ field: String) throws(WireError) -> Digest {
        guard let digest = Digest(bytes: Array(bytes)) else {
            throw WireError(.malformed, "\(field) must be 32 bytes")
        }
        return digest
    }

    /// A digest as 64 hexadecimal digits.
    static func digest(text: String, _ field: String) throws(WireError) -> Digest {
        guard let digest = Digest(text) else {
            throw WireError(
                .malformed,
                "\(field) must be 64 hexadecimal digits, found \"\(text.prefix(80))\""
            )
        }
        return digest
    }

    /// Refuses a list, text or byte string that is longer than it may be.
    static func check(_ count: Int, max: Int, _ field: String) throws(WireError) {
        guard count <= max else {
            throw WireError(.tooLarge, "\(field) has \(count) elements; at most \(max) are allowed")
        }
    }

    /// A count of the wire; saturates, since a sum of them must not trap later.
    static func count(_ value: UInt64) -> Int { Int(min(value, 1 << 53)) }

    /// A count for the wire.
    static func count(_ value: Int) -> UInt64 { UInt64(Swift.max(0, value)) }

    /// A small count for the wire; saturates.
    static func small(_ value: Int) -> UInt32 { UInt32(clamping: value) }

    /// Text for a reason field: at most `max` bytes, cut at a character.
    static func clipped(_ text: String, max: Int) -> String {
        guard text.utf8.count > max else { return text }
        var clipped = ""
        var used = 0
        for character in text {
            used += character.utf8.count
            if used > max - 3 { break }
            clipped.append(character)
        }
        return clipped + "…"
    }

    /// A text without control characters and marks that turn the direction of writing.
    static func plain(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { !isControl($0) }
        if isPlain { return text }
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !isControl(scalar) { kept.append(scalar) }
        return String(kept)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }

    /// The end of a text: at most `max` bytes, cut at a character.
    static func tail(_ text: String, max: Int) -> String {
        guard text.utf8.count > max else { return text }
        var kept: [Character] = []
        var used = 3
        for character in text.reversed() {
            used += character.utf8.count
            if used > max { break }
            kept.append(character)
        }
        return "…" + String(kept.reversed())
    }

    /// A moment that a host tells of; a host's clock may say anything, so it is kept between 1970 and 2200.
    static func time(_ nanoseconds: Int64) -> Timestamp {
        Timestamp(nanoseconds: min(max(nanoseconds, 0), 7_258_118_400_000_000_000))
    }

    /// Zero on the wire means that there is no time.
    static func optionalTime(_ nanoseconds: Int64) -> Timestamp? {
        nanoseconds == 0 ? nil : time(nanoseconds)
    }

    /// A number that a host tells; what is none, or beyond all sense, would spoil the JSON of all hosts.
    static func finite(_ value: Double) -> Double {
        value.isFinite ? min(max(value, -1e15), 1e15) : 0
    }
}
