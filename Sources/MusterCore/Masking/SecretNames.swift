/// Which names of fields speak of a secret.
///
/// A name is split into words at separators and where a capital follows a small letter: `dbPassword`, `DB_PASSWORD`
/// and `db.password` are alike.
enum SecretNames {
    /// What a name says of the value that follows it.
    enum Kind {
        case none
        /// Secret, whatever it looks like.
        case secret
        /// Secret when it looks like something that a machine made: the name has other uses.
        case likely
        /// A header whose value may hold blanks.
        case header
        /// A word of a configuration file that is followed by nothing but blanks and the secret.
        case directive
    }

    /// Beginnings of what makes a name secret, and of other words that the masker looks at.
    static let stems: [[UInt8]] = [
        "pas", "sec", "cre", "key", "tok", "pwd", "aut", "coo", "ses", "sig", "jwt", "otp", "cvv", "cvc",
        "ssn",
        "bea", "bas", "ide", "hoo", "web", "_pw", "dpw", "tpw", "sid", "ken",
    ].map { Array($0.utf8) }

    /// In any part of a name.
    private static let anywhere = words([
        "password", "passwd", "passphrase", "passwort", "kennwort", "passcode", "secret", "credential",
        "apikey",
        "privatekey", "accesskey", "accountkey", "sharedkey", "signingkey", "encryptionkey", "masterkey",
        "authkey",
        "sessionkey", "hmackey", "licensekey", "deploykey", "cryptkey",
    ])
    /// At the end of a name.
    private static let atEnd = words([
        "token", "tokens", "pwd", "sessionid", "sessid", "userpass", "dbpass", "jwt", "signature",
    ])
    /// As the last word of a name: `SMTP_PASS` and `db.pass`, but not `compass`.
    private static let lastWord = words(["pass", "pw", "otp", "cvv", "cvc", "ssn", "sig"])
    /// The whole name.
    private static let whole = words(["auth", "pgpass", "bearer"])
    private static let likely = words(["session", "sid", "authcode", "auth_key", "creds"])
    private static let directives = words([
        "requirepass", "masterauth", "masterpass", "rootpw", "bindpw", "bindcredentials",
    ])
    private static let headers = words(["authorization", "cookie", "cookies"])
    /// Last words of names that speak about secrets without holding one.
    private static let about = Set(
        [
            "file", "files", "path", "paths", "dir", "directory", "folder", "url", "uri", "endpoint", "type",
            "types",
            "name", "names", "length", "len", "size", "count", "total", "limit", "max", "min", "attempts",
            "retries",
            "expiry", "expires", "expired", "expiration", "age", "ttl", "timeout", "policy", "policies",
            "algorithm",
            "encryption", "method", "mode", "format", "version", "enabled", "disabled", "required", "valid",
            "invalid", "error", "errors", "exception", "failure", "failures", "failed", "status", "state",
            "manager",
            "provider", "store", "service", "server", "domain", "host", "header", "headers", "ref", "at",
            "by", "reset",
            "change", "changed", "hint", "strength", "rotation", "java", "py", "go", "js", "ts", "rb", "php",
            "rs",
            "c", "h", "cpp", "cc", "kt", "scala", "cs", "yaml", "yml", "json", "toml", "xml", "conf", "cfg",
            "ini",
            "log", "txt", "crt", "html", "css", "sql", "sh", "so", "encoder", "filter", "handler",
            "controller",
            "util", "utils", "validator", "middleware", "factory", "plugin", "module", "cache", "scope",
            "scopes",
            "prefix", "issuer", "audience", "field", "label", "column", "param", "parameter", "usage",
            "seconds", "ms",
            "class", "login", "auth", "source", "backend", "index", "created", "updated", "in", "used",
            "only",
            "rate", "allowed", "secure", "samesite", "same", "lifetime", "checks", "check", "history",
            "rules",
        ].map { Array($0.utf8) }
    )
    /// Which kinds of names an `id` at their end makes public: of keys, not of secrets.
    private static let identified = words([
        "apikey", "privatekey", "accesskey", "credential", "token", "signingkey",
    ])

    /// Longest name looked at.
    static let nameBytesMax = 64

    /// Lower case, without separators.
    static func normalized(_ name: some Sequence<UInt8>) -> [UInt8] {
        name.compactMap { byte in
            isSeparator(byte) ? nil : ByteKind.isUpper(byte) ? byte | 0x20 : byte
        }
    }

    /// What a name says of its value; `extra` are further secret names, normalized.
    static func kind(_ name: UnsafeBufferPointer<UInt8>.SubSequence, extra: [[UInt8]]) -> Kind {
        guard name.count >= 2, name.count <= nameBytesMax else { return .none }
        let plain = normalized(name)
        if !extra.isEmpty, extra.contains(plain) { return .secret }
        if directives.contains(plain) { return .directive }
        if headers.contains(where: { hasSuffix(plain, $0) }) { return .header }
        if likely.contains(plain) { return .likely }
        let last = lastWordOf(name)
        let isKnown =
            whole.contains(plain) || lastWord.contains(last) || atEnd.contains { hasSuffix(plain, $0) }
            || anywhere.contains { contains(plain, $0) }
        guard isKnown, !about.contains(last) || whole.contains(plain) else { return .none }
        if last.elementsEqual("id".utf8), identified.contains(where: { contains(plain, $0) }),
            !contains(plain, Array("secret".utf8))
        {
            return .none
        }
        return .secret
    }

    /// Whether a name speaks of a password, and not of a token that may be one of a grammar.
    static func isPassword(_ name: UnsafeBufferPointer<UInt8>.SubSequence) -> Bool {
        contains(normalized(name), Array("pass".utf8))
    }

    private static func lastWordOf(_ name: UnsafeBufferPointer<UInt8>.SubSequence) -> [UInt8] {
        var start = name.endIndex
        while start > name.startIndex {
            let byte = name[start - 1]
            if isSeparator(byte) { break }
            start -= 1
            if ByteKind.isUpper(byte), start > name.startIndex, ByteKind.isLower(name[start - 1]) { break }
        }
        return normalized(name[start...])
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func words(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

    private static func hasSuffix(_ text: [UInt8], _ end: [UInt8]) -> Bool {
        text.count >= end.count && text[(text.count - end.count)...].elementsEqual(end)
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard let first = part.first, text.count >= part.count else { return false }
        for start in 0...(text.count - part.count) where text[start] == first {
            if text[start..<(start + part.count)].elementsEqual(part) { return true }
        }
        return false
    }
}
