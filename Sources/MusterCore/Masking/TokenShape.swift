/// A token that its issuer made recognisable by its beginning.
///
/// Prefixes and lengths are those that the issuers document for their secret scanning.
struct TokenShape: Sendable {
    let prefix: [UInt8]
    /// How many bytes follow at least.
    let bytesMin: Int
    /// Whether dots belong to it.
    let isDotted: Bool
    /// Whether digits must be among them: words of people may begin alike.
    let needsDigit: Bool

    private init(_ prefix: String, _ bytesMin: Int, dotted: Bool = false, digit: Bool = true) {
        self.prefix = Array(prefix.utf8)
        self.bytesMin = bytesMin
        isDotted = dotted
        needsDigit = digit
    }

    static let all: [TokenShape] = [
        // AWS
        TokenShape("AKIA", 16, digit: false), TokenShape("ASIA", 16, digit: false),
        TokenShape("ABIA", 16, digit: false),
        // GitHub, GitLab
        TokenShape("ghp_", 30), TokenShape("gho_", 30), TokenShape("ghu_", 30), TokenShape("ghs_", 30),
        TokenShape("ghr_", 30), TokenShape("github_pat_", 30), TokenShape("glpat-", 18),
        TokenShape("gldt-", 18),
        TokenShape("glrt-", 18), TokenShape("glptt-", 18), TokenShape("glcbt-", 18),
        TokenShape("glsoat-", 18),
        // Slack
        TokenShape("xoxb-", 16), TokenShape("xoxp-", 16), TokenShape("xoxa-", 16), TokenShape("xoxr-", 16),
        TokenShape("xoxs-", 16), TokenShape("xoxe-", 16), TokenShape("xoxe.", 16, dotted: true),
        TokenShape("xoxc-", 16), TokenShape("xoxd-", 16), TokenShape("xapp-", 16),
        // Payment
        TokenShape("sk_live_", 12), TokenShape("sk_test_", 12), TokenShape("rk_live_", 12),
        TokenShape("rk_test_", 12), TokenShape("whsec_", 20), TokenShape("sq0csp-", 20),
        TokenShape("sq0atp-", 20), TokenShape("shpat_", 28), TokenShape("shpss_", 28),
        TokenShape("shpca_", 28),
        // Models
        TokenShape("sk-", 20), TokenShape("gsk_", 40), TokenShape("hf_", 30), TokenShape("nvapi-", 40),
        // Google
        TokenShape("AIza", 33), TokenShape("ya29.", 20, dotted: true), TokenShape("GOCSPX-", 24),
        // Package registries
        TokenShape("npm_", 30), TokenShape("pypi-", 40), TokenShape("rubygems_", 40),
        TokenShape("dckr_pat_", 20), TokenShape("oy2", 40),
        // Clouds, tools
        TokenShape("dop_v1_", 40), TokenShape("doo_v1_", 40), TokenShape("hvs.", 20, dotted: true),
        TokenShape("hvb.", 20, dotted: true), TokenShape("glsa_", 30), TokenShape("PMAK-", 40),
        TokenShape("lin_api_", 30), TokenShape("ATATT3", 40), TokenShape("ATCTT3", 40),
        TokenShape("AGE-SECRET-KEY-1", 40), TokenShape("xkeysib-", 40), TokenShape("figd_", 30),
        TokenShape("tskey-", 20), TokenShape("NRAK-", 20), TokenShape("dapi", 32), TokenShape("sntrys_", 30),
        TokenShape("SG.", 40, dotted: true), TokenShape("EAACEdEose0cBA", 20),
        TokenShape("muster-join.", 16, dotted: true),
        // A private key in PEM, once more in base64: "-----BEGIN ", then PRIVATE, RSA, EC, OPENSSH, ENCRYPTED
        TokenShape("LS0tLS1CRUdJTiBQUklW", 16, digit: false),
        TokenShape("LS0tLS1CRUdJTiBSU0Eg", 16, digit: false),
        TokenShape("LS0tLS1CRUdJTiBFQyBQ", 16, digit: false),
        TokenShape("LS0tLS1CRUdJTiBPUEVO", 16, digit: false),
        TokenShape("LS0tLS1CRUdJTiBFTkNS", 16, digit: false),
        // JSON Web Tokens; the scanner looks for their parts.
        TokenShape("eyJ", 24, dotted: true, digit: false),
    ]

    /// Whether `text` begins with a token of a known shape, and where it ends; else how far was looked.
    static func end(_ text: UnsafeBufferPointer<UInt8>.SubSequence) -> (place: Int, isToken: Bool) {
        var end = text.startIndex
        guard let first = text.first else { return (end, false) }
        for shape in all where shape.prefix[0] == first && text.starts(with: shape.prefix) {
            let found = shape.match(text)
            if found.isToken { return found }
            end = max(end, found.place)
        }
        return (end, false)
    }

    private func match(_ text: UnsafeBufferPointer<UInt8>.SubSequence) -> (place: Int, isToken: Bool) {
        var (place, dots, digits, uppers) = (text.startIndex + prefix.count, 0, 0, 0)
        let start = place
        while place < text.endIndex {
            let byte = text[place]
            if byte == UInt8(ascii: ".") {
                let more = place + 1 < text.endIndex && ByteKind.isWord(text[place + 1])
                guard isDotted, more || prefix == Self.jwt && place > start else { break }
                dots += 1
            } else if ByteKind.isDigit(byte) {
                digits += 1
            } else if ByteKind.isUpper(byte) {
                uppers += 1
            } else if !ByteKind.isLower(byte), byte != UInt8(ascii: "_"), byte != UInt8(ascii: "-"),
                prefix[0] != UInt8(ascii: "L") || byte != UInt8(ascii: "+") && byte != UInt8(ascii: "/")
            {
                break
            }
            place += 1
        }
        let count = place - start
        guard count >= bytesMin, !needsDigit || digits > 0 else { return (place, false) }
        switch prefix[0] {
        // Upper case and digits only, and neither more nor less.
        case UInt8(ascii: "A") where bytesMin == 16:
            guard digits + uppers == 16, count == 16 else { return (place, false) }
        // `sk-` begins many a name in style sheets too.
        case UInt8(ascii: "s") where prefix.count == 3:
            guard digits >= 3, uppers > 0 || digits >= 8 else { return (place, false) }
        case UInt8(ascii: "e") where prefix == Self.jwt:
            guard (2...4).contains(dots) else { return (place, false) }
        default: break
        }
        return (place, true)
    }

    private static let jwt = Array("eyJ".utf8)
}
