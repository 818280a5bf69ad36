import MusterCore

/// What lets one host join: who it is for, a secret, and the key of the CA that it may trust.
///
/// Text form: `muster-join.<id>.<secret, base64url>.<SHA-256 of the CA's public key, hexadecimal>`. The text
/// is a secret; its `description` is not, and never holds it.
package struct JoinToken: Hashable, Sendable, CustomStringConvertible {
    /// Names the token to the coordinator: 16 to 64 letters, digits, `-` or `_`.
    package let id: String
    /// 16 to 64 bytes.
    package let secret: [UInt8]
    /// SHA-256 of the SubjectPublicKeyInfo of the CA.
    package let pin: Digest

    private static let prefix = "muster-join"

    /// Makes a new token with 128 bits of id and 256 bits of secret.
    package init(pin: Digest) {
        self.id = Hex.text(of: SecureRandom.bytes(16))
        self.secret = SecureRandom.bytes(32)
        self.pin = pin
    }

    /// Nil when a part is out of its bounds.
    package init?(id: String, secret: [UInt8], pin: Digest) {
        let isPlain = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isPlain, (16...64).contains(id.utf8.count), (16...64).contains(secret.count) else { return nil }
        self.id = id
        self.secret = secret
        self.pin = pin
    }

    /// Reads the text form; nil for anything else.
    package init?(_ text: String) {
        guard text.utf8.count <= 512 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == Self.prefix, let secret = Base64.urlBytes(parts[2]),
            let pin = Digest(parts[3])
        else { return nil }
        self.init(id: String(parts[1]), secret: secret, pin: pin)
    }

    /// The text form, to be handed to the host; a secret.
    package var text: String { "\(Self.prefix).\(id).\(Base64.urlText(secret)).\(pin)" }

    package var description: String { "join token \(id)" }
}
