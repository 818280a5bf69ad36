extension MaskScanner {
    /// `Bearer …`, `Basic …`, `IDENTIFIED BY '…'`, and addresses that are themselves a password.
    mutating func maskAfterWord(_ start: Int) -> Bool {
        switch byte(start) | 0x20 {
        case UInt8(ascii: "b"):
            let isBearer = hasWord("bearer ", at: start)
            guard isBearer || hasWord("basic ", at: start) else { return false }
            let value = start + (isBearer ? 7 : 6)
            let end = tokenEnd(value)
            return looksCredential(value, end) && replace(value, end)
        case UInt8(ascii: "i"):
            guard hasWord("identified by ", at: start), ByteKind.isQuote(byte(start + 14)) else {
                return false
            }
            return maskQuoted(start + 14, onlyLikely: false)
        case UInt8(ascii: "h"):
            guard hasWord("hooks.slack.com/services/", at: start) else { return false }
            return replace(start + 25, tokenEnd(start + 25))
        case UInt8(ascii: "w"):
            guard hasWord("webhook", at: start) else { return false }
            var place = start + 7
            while ByteKind.isWord(byte(place)) { place += 1 }
            guard byte(place) == UInt8(ascii: "/") else { return false }
            let head = tokenEnd(place + 1, bytesMax: 128)
            return head - place > 40 && looksMade(place + 1, head) && replace(place + 1, tokenEnd(place + 1))
        default: return false
        }
    }

    private func tokenEnd(_ start: Int, bytesMax: Int = .max) -> Int {
        var end = start
        while end < count, end - start < bytesMax, ByteKind.isToken(input[end]) { end += 1 }
        return end
    }

    /// "basic setup" is no credential; a real one has digits, or capitals within.
    private func looksCredential(_ start: Int, _ end: Int) -> Bool {
        guard end - start >= 8 else { return false }
        let value = input[start..<end]
        return value.contains(where: ByteKind.isDigit)
            || value.dropFirst().contains(where: ByteKind.isUpper) && value.contains(where: ByteKind.isLower)
            || value.last == UInt8(ascii: "=")
    }

    /// `scheme://user:secret@host`; `colon` is the one of the scheme.
    mutating func maskURL(_ colon: Int) -> Bool {
        guard byte(colon + 2) == 0x2F, ByteKind.isWord(byte(colon - 1)) else { return false }
        let start = colon + 3
        var (end, at, inner, slash) = (start, -1, -1, -1)
        // A password with a slash goes on behind it: what follows the colon is then no port.
        while end < count, end - start < 512, input[end] > 0x20, !ByteKind.isQuote(input[end]) {
            switch input[end] {
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"):
                if slash < 0 { slash = end }
                if at >= 0 || inner < 0 || isPort(inner + 1, end) || isBracketed(start) { end = count }
            case UInt8(ascii: "@"): at = end
            case UInt8(ascii: ":"): if inner < 0, at < 0, slash < 0 { inner = end }
            default: break
            }
            if end < count { end += 1 }
        }
        guard at > start else { return false }
        if inner >= 0, inner < at { return !isPublic(inner + 1, at) && replace(inner + 1, at) }
        // A token alone, as in https://token@host.
        return slash < 0 || at < slash
            ? at - start >= 20 && looksMade(start, at) && replace(start, at) : false
    }

    /// `http://[::1]:80/`.
    private func isBracketed(_ start: Int) -> Bool { byte(start) == UInt8(ascii: "[") }

    private func isPort(_ start: Int, _ end: Int) -> Bool {
        end - start <= 5 && start <= end && input[start..<end].allSatisfy(ByteKind.isDigit)
    }

    /// An e-mail address, or the credentials of a database address that is no URL.
    mutating func maskAt(_ at: Int, signBytes: Int) -> Bool {
        if hasWord("tcp(", at: at + 1) || hasWord("unix(", at: at + 1) || hasWord("//", at: at + 1) {
            if maskBareCredentials(at) { return true }
        }
        guard rules.masksEmails else { return false }
        // RFC 5321 allows 64 bytes before the sign.
        var start = at
        while start > done, at - start <= 64, isEmail(input[start - 1]) { start -= 1 }
        // `%3D` and the like are no part of it.
        guard start < at, at - start <= 64, byte(start - 1) != 0x2F || byte(start - 2) != 0x2F else {
            return false
        }
        var (end, dot) = (at + signBytes, -1)
        while end - at < 255, ByteKind.isWord(byte(end)) || byte(end) == 0x2E || byte(end) == 0x2D {
            if byte(end) == 0x2E { dot = end }
            end += 1
        }
        while end > at, !ByteKind.isWord(byte(end - 1)) {
            end -= 1
            dot = -1
            var place = end - 1
            while place > at, dot < 0 {
                if byte(place) == 0x2E { dot = place }
                place -= 1
            }
        }
        guard dot > at + signBytes, end - dot > 2, input[(dot + 1)..<end].allSatisfy(ByteKind.isLetter),
            !isWord((dot + 1)..<end, in: Self.noDomains), !(at - start == 3 && hasWord("git", at: start))
        else { return false }
        return replace(start, end, by: "<email>")
    }

    /// Ends of names of units and files, which have the form of an address: `user@1000.service`, `icon@2x.png`.
    private static let noDomains: [StaticString] = [
        "service", "socket", "timer", "target", "mount", "slice", "scope", "path", "device", "swap",
        "automount",
        "png", "jpg", "jpeg", "svg", "gif", "webp", "js", "css", "json", "tgz", "gz", "conf", "so", "log",
    ]

    private func isEmail(_ byte: UInt8) -> Bool {
        ByteKind.isWord(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "-")
    }

    /// `user:secret@tcp(host)/db` and `thin:user/secret@//host`.
    private mutating func maskBareCredentials(_ at: Int) -> Bool {
        var (start, sign) = (at, -1)
        while start > done, at - start <= 256, input[start - 1] > 0x20, !ByteKind.isQuote(input[start - 1]) {
            start -= 1
            let byte = input[start]
            if byte == UInt8(ascii: "=") { break }
            if byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") && self.byte(at + 1) == 0x2F && sign < 0
            {
                sign = start
                if byte == UInt8(ascii: "/") { break }
            }
        }
        return sign >= 0 && replace(sign + 1, at)
    }

    /// `-----BEGIN … PRIVATE KEY-----`, or an argument of a program that takes a password: `curl -u ana:…`.
    mutating func maskDash(_ place: Int) -> Bool {
        let next = byte(place + 1)
        if next == UInt8(ascii: "-") { return hasWord("-----begin ", at: place) && maskPrivateKey(place) }
        guard byte(place - 1) <= 0x20, next == 0x75 || next == 0x70 || next == 0x61 || next == 0x77 else {
            return false
        }
        let isApart = ByteKind.isBlank(byte(place + 2)) || byte(place + 2) == 0
        let value = isApart ? place + 3 : place + 2
        guard byte(value) > 0x20 else { return false }
        if next == 0x75 {
            var (end, colon) = (value, -1)
            while end < count, input[end] > 0x20, end - value < 256 {
                if input[end] == UInt8(ascii: ":"), colon < 0 { colon = end }
                end += 1
            }
            while end > value, ByteKind.isQuote(input[end - 1]) { end -= 1 }
            guard isApart, colon > value, byte(colon + 1) != 0x2F,
                hasProgram(["curl", "wget", "http"], before: place)
            else { return false }
            return replace(colon + 1, end)
        }
        switch next {
        case 0x70 where isApart: return hasProgram(["sshpass"], before: place) && maskArgument(value)
        case 0x70:
            return hasProgram(["mysql", "mariadb", "7z", "sshpass"], before: place) && maskArgument(value)
        case 0x61 where isApart: return hasProgram(["redis-cli"], before: place) && maskArgument(value)
        case 0x77 where isApart: return hasProgram(["ldap"], before: place) && maskArgument(value)
        default: return false
        }
    }

    /// Whether one of these words stands in the line before a place.
    private func hasProgram(_ names: [StaticString], before place: Int) -> Bool {
        let start = max(0, place - 256)
        for begin in start..<place where names.contains(where: { hasWord($0, at: begin) }) { return true }
        return false
    }

    /// To its end, or to the end of the text.
    private mutating func maskPrivateKey(_ start: Int) -> Bool {
        var label = start + 11
        while label < count, label - start < 80, input[label] != UInt8(ascii: "-"), input[label] != 0x0A {
            label += 1
        }
        guard byte(label) == UInt8(ascii: "-"), label - start >= 22,
            (start + 11..<label).contains(where: { hasWord("private key", at: $0) })
        else { return false }
        var body = label
        while byte(body) == UInt8(ascii: "-") { body += 1 }
        var end = body
        while end < count, !hasWord("-----end ", at: end) { end += 1 }
        return replace(body, end, isKey: true)
    }

    /// `$6$salt$…`, `$2b$12$…`, `$argon2id$…`: a password as crypt(3) keeps it.
    mutating func maskHash(_ place: Int) -> Bool {
        guard
            ["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$7$", "$argon2"].contains(where: {
                hasWord($0, at: place)
            })
        else { return false }
        var end = place + 1
        while end < count, ByteKind.isToken(input[end]) || input[end] == 0x24 || input[end] == 0x2C {
            end += 1
        }
        return end - place >= 20 && replace(place, end)
    }
}
