import MusterCore

/// One action of a package manager, as its log tells it.
struct PackageAction: Hashable, Sendable {
    var at: Timestamp
    /// `installed`, `upgraded` or `removed`.
    var verb: String
    var name: String
    /// Versions; empty for none, and where the log does not tell.
    var before: String
    var after: String

    /// `openssl 3.0.11 -> 3.0.13 upgraded`.
    var text: String {
        let versions = [before, after].filter { !$0.isEmpty }.joined(separator: " -> ")
        return [name, versions, verb].filter { !$0.isEmpty }.joined(separator: " ")
    }
}

/// Who ran a package manager, when and how: one paragraph of apt's `history.log`.
struct PackageRun: Hashable, Sendable {
    var from: Timestamp
    /// Nil while it is under way.
    var to: Timestamp?
    var command = ""
    /// Who asked for it, when that was not root itself.
    var user = ""
}

/// Reads the logs of package managers.
enum PackageLog {
    private static let wordBytesMax = 128

    /// A line of dpkg's log, in the host's zone; nil for one that tells of no change.
    ///
    ///     2026-11-25 04:50:12 upgrade openssl:amd64 3.0.11-1 3.0.13-1
    static func action(dpkg line: ArraySlice<UInt8>, zoneOffsetSeconds: Int) -> PackageAction? {
        guard let time = LeadingTime(line, now: .zero, zoneOffsetSeconds: zoneOffsetSeconds) else {
            return nil
        }
        let words = words(of: line[time.end...])
        guard words.count == 4 else { return nil }
        let name = words[1].prefix { $0 != ":" }
        let versions = words[2...].map { $0 == "<none>" ? "" : $0 }
        guard !name.isEmpty, versions[0] != versions[1] else { return nil }
        let verb: String
        switch words[0] {
        case "install": verb = versions[0].isEmpty ? "installed" : "upgraded"
        case "upgrade": verb = "upgraded"
        case "remove", "purge": verb = "removed"
        default: return nil
        }
        return PackageAction(
            at: time.at,
            verb: verb,
            name: String(name),
            before: versions[0],
            after: verb == "removed" ? "" : versions[1]
        )
    }

    /// A line of dnf's log of RPM's work; nil for one that tells of no change.
    ///
    ///     2026-11-25T04:50:12+0000 SUBDEBUG Upgrade: openssl-1:3.0.7-27.el9.x86_64
    static func action(dnf line: ArraySlice<UInt8>) -> PackageAction? {
        guard let time = LeadingTime(line, now: .zero, zoneOffsetSeconds: 0) else { return nil }
        let words = words(of: line[time.end...])
        guard words.count == 3, words[1].hasSuffix(":") else { return nil }
        let verb: String
        switch words[1].dropLast() {
        case "Installed": verb = "installed"
        case "Upgrade", "Downgrade": verb = "upgraded"
        case "Erase": verb = "removed"
        default: return nil
        }
        // Name, then version and release, each behind a dash.
        let parts = words[2].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return nil }
        let version = parts.suffix(2).joined(separator: "-")
        return PackageAction(
            at: time.at,
            verb: verb,
            name: parts.dropLast(2).joined(separator: "-"),
            before: verb == "removed" ? version : "",
            after: verb == "removed" ? "" : version
        )
    }

    /// The paragraphs of apt's history, oldest first; times are in the host's zone.
    ///
    ///     Start-Date: 2026-11-25  04:50:12
    ///     Commandline: apt-get install openssl
    ///     Requested-By: ana (1000)
    ///     Upgrade: openssl:amd64 (3.0.11-1, 3.0.13-1)
    ///     End-Date: 2026-11-25  04:50:21
    static func runs(apt text: ArraySlice<UInt8>, zoneOffsetSeconds: Int) -> [PackageRun] {
        var runs: [PackageRun] = []
        func time(_ value: ArraySlice<UInt8>) -> Timestamp? {
            // Two blanks part date and time.
            var bytes: [UInt8] = []
            for byte in value.prefix(32) where byte != 0x20 || bytes.last != 0x20 { bytes.append(byte) }
            return LeadingTime(bytes[...], now: .zero, zoneOffsetSeconds: zoneOffsetSeconds)?.at
        }
        for line in text.split(separator: 0x0A) {
            guard let colon = line.prefix(32).firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[(colon + 1)...].drop { $0 == 0x20 }
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "Start-Date": if let from = time(value) { runs.append(PackageRun(from: from)) }
            case "End-Date": if !runs.isEmpty { runs[runs.count - 1].to = time(value) }
            case "Commandline":
                guard !runs.isEmpty else { continue }
                runs[runs.count - 1].command = SecretMask.mask(
                    String(decoding: value.prefix(512), as: UTF8.self)
                )
            case "Requested-By":
                guard !runs.isEmpty else { continue }
                let name = value.prefix(wordBytesMax).prefix { $0 != 0x20 }
                runs[runs.count - 1].user = String(decoding: name, as: UTF8.self)
            default: continue
            }
        }
        return runs
    }

    private static func words(of line: ArraySlice<UInt8>) -> [String] {
        line.prefix(1_024).split(separator: 0x20, maxSplits: 8)
            .map { String(decoding: $0.prefix(wordBytesMax), as: UTF8.self) }
    }
}
