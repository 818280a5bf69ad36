/// Which names of fields speak of a secret, and which shapes a secret has.
enum SecretNames {
    /// In any part of a name, separators and case aside.
    private static let anywhere = [
        "password", "passwd", "passphrase", "secret", "credential", "apikey", "privatekey", "accesskey",
    ]
    /// At the end of a name.
    private static let atEnd = ["token", "pwd", "authorization", "cookie", "sessionid", "userpass", "dbpass"]
    /// The whole name.
    private static let whole = ["pass", "auth", "pgpass", "sig", "signature", "masterauth", "requirepass"]
    /// Whole words of configuration files that are followed by nothing but blanks and the secret.
    private static let directives = ["requirepass", "masterauth", "masterpass"]
    /// Headers whose value goes to the end of the line.
    private static let headers = ["authorization", "cookie"]

    /// Beginnings of tokens that their issuers made recognisable.
    static let shapes: [[UInt8]] = [
        "AKIA", "ASIA", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "xoxb-", "xoxa-", "xoxp-",
        "xoxs-",
        "xoxr-", "sk-", "sk_live_", "sk_test_", "rk_live_", "AIza", "eyJ", "muster-join.", "npm_", "pypi-",
        "dop_v1_",
    ].map { Array($0.utf8) }

    /// Longest name looked at.
    static let nameBytesMax = 64

    /// Whether a field of this name holds a secret.
    static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        guard name.count >= 3, name.count <= nameBytesMax else { return false }
        let plain = normalized(name)
        if whole.contains(plain) || atEnd.contains(where: plain.hasSuffix) { return true }
        // SMTP_PASS and db.pass, but not compass.
        if plain.hasSuffix("pass"), name.dropLast(4).last.map(isSeparator) ?? false { return true }
        return anywhere.contains { contains(plain, $0) }
    }

    /// Whether a configuration file's word takes a secret after a blank.
    static func isDirective(_ name: ArraySlice<UInt8>) -> Bool { directives.contains(normalized(name)) }

    static func isHeader(_ name: ArraySlice<UInt8>) -> Bool {
        let plain = normalized(name)
        return headers.contains(where: plain.hasSuffix)
    }

    private static func normalized(_ name: ArraySlice<UInt8>) -> String {
        var plain: [UInt8] = []
        for byte in name where !isSeparator(byte) {
            plain.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func contains(_ text: String, _ part: String) -> Bool {
        let (text, part) = (Array(text.utf8), Array(part.utf8))
        guard text.count >= part.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
    }
}

/// The check digit of payment cards.
enum Luhn {
    /// Whether digits have the length and prefix of a card issuer and a valid check digit.
    static func isCard(_ digits: [UInt8]) -> Bool {
        guard digits.count >= 13 else { return false }
        let two = Int(digits[0]) * 10 + Int(digits[1])
        let four = two * 100 + Int(digits[2]) * 10 + Int(digits[3])
        let issuer =
            digits[0] == 4 && [13, 16, 19].contains(digits.count)
            || (51...55).contains(two) && digits.count == 16
            || (2221...2720).contains(four) && digits.count == 16
            || (two == 34 || two == 37) && digits.count == 15
            || (four == 6011 || two == 65) && digits.count == 16
        return issuer && isValid(digits)
    }

    static func isValid(_ digits: [UInt8]) -> Bool {
        var sum = 0
        for (place, digit) in digits.reversed().enumerated() {
            let doubled = Int(digit) * 2
            sum += place.isMultiple(of: 2) ? Int(digit) : doubled > 9 ? doubled - 9 : doubled
        }
        return sum.isMultiple(of: 10)
    }
}
