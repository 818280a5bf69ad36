/// A UUID of version 7 (RFC 9562, section 5.7): its text sorts by the time it was made.
package struct UUIDv7: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// Makes one from a time and randomness.
    ///
    /// Only the milliseconds of `at` are kept. `random` gives 74 of its bits.
    package init(at: Timestamp, random: (UInt64, UInt64)) {
        let milliseconds = UInt64(max(0, at.nanoseconds) / 1_000_000) & 0xFFFF_FFFF_FFFF
        self.high = milliseconds << 16 | 0x7000 | random.0 & 0x0FFF
        self.low = 0x8000_0000_0000_0000 | random.1 & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// Makes one with the system's randomness.
    package init(at: Timestamp) {
        self.init(at: at, random: (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)))
    }

    /// Reads the 36-character text form; nil for anything else, also for other versions.
    package init?(_ text: some StringProtocol) { self.init(digits: Array(text.utf8)) }

    /// Not generic: ids are read with every message, and generic code over characters takes ten microseconds.
    private init?(digits bytes: [UInt8]) {
        guard bytes.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for index in 0..<36 {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let value = Hex.value(of: byte) else { return nil }
            if digits < 16 {
                words.0 = words.0 << 4 | UInt64(value)
            } else {
                words.1 = words.1 << 4 | UInt64(value)
            }
            digits += 1
        }
        guard words.0 >> 12 & 0xF == 7, words.1 >> 62 == 0b10 else { return nil }
        self.high = words.0
        self.low = words.1
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var place = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    text[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = digit < 16 ? high : low
                text[place] = Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - digit % 16 * 4)) & 0xF)
                place += 1
            }
            return place
        }
    }

    package static func < (left: UUIDv7, right: UUIDv7) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// An identifier whose text is a UUIDv7; the conforming types keep kinds apart.
package protocol UUIDIdentifier: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    var uuid: UUIDv7 { get }
    init(uuid: UUIDv7)
}

extension UUIDIdentifier {
    /// Makes a new one with the system's randomness.
    package init(at: Timestamp) { self.init(uuid: UUIDv7(at: at)) }

    /// Reads the text form; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let uuid = UUIDv7(text) else { return nil }
        self.init(uuid: uuid)
    }

    package var description: String { uuid.description }

    package static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected a UUIDv7, found \"\(text.prefix(64))\""
            )
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// One incident.
package struct IncidentID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// One question, sent to any number of hosts.
package struct QuestionID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// One permission for one host to act once.
package struct TicketID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// One finding of an investigation.
package struct FindingID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// One event of an incident.
package struct EventID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// One recorded change.
package struct ChangeID: UUIDIdentifier {
    package let uuid: UUIDv7
    package init(uuid: UUIDv7) { self.uuid = uuid }
}

/// A SHA-256 digest; written as 64 lower-case hexadecimal digits.
package struct Digest: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Its bytes in order, eight in a word: digests are looked up, compared and copied more than anything else.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        func word(_ index: Int) -> UInt64 {
            bytes[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.words = (word(0), word(1), word(2), word(3))
    }

    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// Nil unless the text is 64 hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Hex.bytes(of: text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The hash before the first link of a chain.
    package static let zero = Digest(words: (0, 0, 0, 0))

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    package var description: String { Hex.text(ofWords: [words.0, words.1, words.2, words.3]) }

    /// The first twelve digits, for people.
    package var short: String { String(description.prefix(12)) }

    package static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Digest(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected 64 hexadecimal digits, found \"\(text.prefix(80))\""
            )
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// An agent's identity: SHA-256 of its public key (the DER of SubjectPublicKeyInfo).
package typealias AgentID = Digest

/// A plan's identity: SHA-256 over a domain prefix and the plan's exact bytes.
package typealias PlanID = Digest

/// Hexadecimal, without Foundation.
package enum Hex {
    package static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The digit of a value below 16.
    static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    package static func text(of bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            var place = 0
            for byte in bytes {
                text[place] = digit(byte >> 4)
                text[place + 1] = digit(byte & 0xF)
                place += 2
            }
            return place
        }
    }

    package static func text(of value: UInt64) -> String { text(ofWords: [value]) }

    /// Sixteen digits a word.
    fileprivate static func text(ofWords words: [UInt64]) -> String {
        String(unsafeUninitializedCapacity: 16 * words.count) { text in
            for (index, word) in words.enumerated() {
                for place in 0..<16 {
                    text[index * 16 + place] = digit(
                        UInt8(truncatingIfNeeded: word >> UInt64(60 - place * 4)) & 0xF
                    )
                }
            }
            return 16 * words.count
        }
    }

    /// Nil when a character is no digit or one is left over.
    package static func bytes(of text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(of: digits[index]), let low = value(of: digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
