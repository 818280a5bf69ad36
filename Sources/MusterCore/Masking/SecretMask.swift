import Synchronization

/// Takes secrets and personal data out of text before it leaves the host.
///
/// Masked are: values of fields whose name speaks of a secret, credentials in URLs, headers and arguments of
/// programs, private keys, password hashes, tokens known by their shape, e-mail addresses, card numbers and bank
/// accounts. One pass over the bytes without regular expressions: it looks closer only where three letters in a row, or
/// a sign, may begin a secret, so that a line without any costs about eight nanoseconds a byte. In doubt it masks: what is
/// masked is gone, what is not may be read by many.
///
/// Not caught are: a secret that stands alone without a name or a known shape (`retrying with hunter2`), also the
/// columns of `INSERT … VALUES`, `.pgpass` and tables; a password of several words behind `password: ` in the middle
/// of a line; a private key whose lines come one at a time; names in languages other than English and German; PINs,
/// phone numbers, postal addresses and names of people.
package enum SecretMask {
    /// What stands for a secret value.
    package static let placeholder = "***"

    private static let shared = Mutex(MaskRules.standard)

    /// Rules of every later call that names none; the agent sets them once, before it looks at anything.
    package static func use(_ rules: MaskRules) { shared.withLock { $0 = rules } }

    /// The text without secrets.
    package static func mask(_ text: String, rules: MaskRules? = nil) -> String {
        var text = text
        let rules = rules ?? shared.withLock { $0 }
        let masked = text.withUTF8 { rules.masked($0) }
        return masked.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    /// The bytes without secrets; what is no secret comes back unchanged, also what is no UTF-8.
    package static func mask(_ bytes: ArraySlice<UInt8>, rules: MaskRules? = nil) -> [UInt8] {
        let rules = rules ?? shared.withLock { $0 }
        return bytes.withUnsafeBufferPointer { rules.masked($0) } ?? Array(bytes)
    }
}
