import MusterCore
import MusterIdentity

/// What an operator or a webhook shows: an id to find the record by, and a secret of 256 bits.
///
/// Text form: `muster-op.<id>.<secret, base64url>`. Only a hash of the secret is kept; a slow hash would add
/// nothing, because a secret of this size can't be guessed.
struct AccessToken: Sendable {
    let id: String
    let secret: [UInt8]

    private static let prefix = "muster-op"

    /// Makes a new one.
    init() {
        self.id = Hex.text(of: SecureRandom.bytes(8))
        self.secret = SecureRandom.bytes(32)
    }

    /// Reads the text form; nil for anything else.
    init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 256 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.prefix, parts[1].utf8.count == 16,
            Hex.bytes(of: parts[1]) != nil, let secret = Base64.urlBytes(parts[2]), secret.count == 32
        else { return nil }
        self.id = String(parts[1])
        self.secret = secret
    }

    var text: String { "\(Self.prefix).\(id).\(Base64.urlText(secret))" }
}
