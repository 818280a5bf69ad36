import MusterCore

/// Tells which packages were installed, upgraded and removed, from the logs of dpkg, apt and dnf.
///
/// What was done within a minute is one change: an upgrade touches hundreds. At the first scan the ends of the logs
/// are read, so that what was done last day is known.
package struct PackageWatcher {
    private struct Log {
        var path: String
        var identity: FileIdentity?
        var modified: Int64 = 0
        /// How far it was read.
        var offset = 0
        /// Bytes of a line whose end is not written yet.
        var rest: [UInt8] = []
    }

    private static let dpkg = "/var/log/dpkg.log"
    private static let dnf = "/var/log/dnf.rpm.log"
    private static let apt = "/var/log/apt/history.log"
    /// Bytes of a log that are read at one scan, and of its end at the first.
    private static let readBytesMax = 256 << 10
    private static let span = Duration.seconds(86_400)
    private static let together = Duration.seconds(60)
    private static let namedMax = 4
    private static let namedBytesMax = 110
    private static let diffBytesMax = 8 << 10

    private let files: HostFiles
    private let zoneOffsetSeconds: Int
    private var logs = [Log(path: dpkg), Log(path: dnf)]
    private var runsModified: Int64 = -1
    private var runs: [PackageRun] = []

    package init(files: HostFiles, zoneOffsetSeconds: Int) {
        self.files = files
        self.zoneOffsetSeconds = zoneOffsetSeconds
    }

    /// Changes since the last scan, oldest first.
    package mutating func scan(now: Timestamp) -> [Change] {
        var changes: [Change] = []
        for index in logs.indices {
            var actions: [PackageAction] = []
            for line in newLines(&logs[index]) {
                let action =
                    logs[index].path == Self.dnf
                    ? PackageLog.action(dnf: line)
                    : PackageLog.action(dpkg: line, zoneOffsetSeconds: zoneOffsetSeconds)
                if let action, action.at > now - Self.span { actions.append(action) }
            }
            guard !actions.isEmpty else { continue }
            readRuns()
            var group: [PackageAction] = []
            for action in actions {
                if let last = group.last, action.at - last.at > Self.together || action.at < last.at {
                    changes.append(change(group, source: logs[index].path))
                    group = []
                }
                group.append(action)
            }
            changes.append(change(group, source: logs[index].path))
        }
        return changes
    }

    private func change(_ actions: [PackageAction], source: String) -> Change {
        let at = actions[0].at
        let run = runs.last { $0.from <= at && $0.to.map { at <= $0 } ?? true }
        let named = actions.prefix(Self.namedMax).map { $0.text.prefix(Self.namedBytesMax) }.joined(
            separator: ", "
        )
        let more = actions.count - Self.namedMax
        var diff = run.map { $0.command.isEmpty ? "" : "$ \($0.command)\n" } ?? ""
        for action in actions {
            let line = "\(action.text)\n"
            guard diff.utf8.count + line.utf8.count <= Self.diffBytesMax else { break }
            diff += line
        }
        return Change(
            kind: .package,
            at: at,
            service: "",
            summary: more > 0 ? "\(named) and \(more) more packages" : named,
            // Without Requested-By it was root itself, or a job of root's.
            actor: run.map { $0.user.isEmpty ? "root" : $0.user } ?? "",
            before: actions.count == 1 ? actions[0].before : "",
            after: actions.count == 1 ? actions[0].after : "",
            diff: diff,
            source: source,
            reference: ""
        )
    }

    /// Whole lines that were added to a log; of one that was rotated away the new one's.
    private func newLines(_ log: inout Log) -> [ArraySlice<UInt8>] {
        guard let status = files.status(log.path), status.isRegular else { return [] }
        if log.identity != status.identity || status.size < log.offset {
            let isFirst = log.identity == nil
            log.identity = status.identity
            log.offset = isFirst ? max(0, status.size - Self.readBytesMax) : 0
            // The first line of a part may be half of one.
            log.rest = log.offset > 0 ? [0x3F] : []
        } else if status.size == log.offset {
            return []
        }
        guard let bytes = try? files.read(log.path, from: log.offset, bytesMax: Self.readBytesMax),
            !bytes.isEmpty
        else { return [] }
        log.offset += bytes.count
        let all = log.rest + bytes
        let end = all.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        // A line that never ends is none.
        log.rest = all.count - end > Self.readBytesMax ? [] : Array(all[end...])
        return all[..<end].split(separator: 0x0A)
    }

    private mutating func readRuns() {
        guard let status = files.status(Self.apt), status.modified != runsModified else { return }
        let from = max(0, status.size - Self.readBytesMax)
        guard let text = try? files.read(Self.apt, from: from, bytesMax: Self.readBytesMax) else { return }
        runsModified = status.modified
        runs = PackageLog.runs(apt: text[...], zoneOffsetSeconds: zoneOffsetSeconds)
    }
}
