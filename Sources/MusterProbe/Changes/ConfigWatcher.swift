import MusterCore

/// Watches configuration files and tells what changed in them.
///
/// The content is kept in memory, masked when it leaves: the difference is taken between masked texts, so that no
/// old secret travels either. A file that is larger than is kept is known by its hash alone.
package struct ConfigWatcher {
    /// What to watch: a path or pattern, and the service that reads it (empty when unknown).
    package struct Input: Hashable, Sendable {
        package var pattern: String
        package var service: String

        package init(pattern: String, service: String = "") {
            self.pattern = pattern
            self.service = service
        }
    }

    private struct Known {
        var status: FileStatus?
        var hash: String
        /// Nil when too large to be kept.
        var content: [UInt8]?
        var service: String
    }

    private static let filesMax = 256
    private static let fileBytesMax = 256 << 10
    private static let bytesMax = 4 << 20
    private static let hashedBytesMax = 16 << 20

    private let files: HostFiles
    private let inputs: [Input]
    private var known: [String: Known] = [:]
    private var lastScan: Timestamp?

    package init(files: HostFiles, inputs: [Input]) {
        self.files = files
        self.inputs = inputs
    }

    /// Hash of each watched file; the same content has the same hash on every host.
    package var hashes: [String: String] { known.mapValues(\.hash).filter { !$0.value.isEmpty } }

    /// Changes since the last scan; what is there at the first scan is no change.
    package mutating func scan(now: Timestamp) -> [Change] {
        var changes: [Change] = []
        for input in inputs {
            for path in files.matches(input.pattern) {
                if let change = look(path, service: input.service, now: now) { changes.append(change) }
            }
        }
        for (path, entry) in known where entry.status != nil && files.status(path) == nil {
            changes.append(change(path, entry.service, at: now, "removed", before: entry, after: nil))
            known[path]?.status = nil
            known[path]?.hash = ""
        }
        lastScan = now
        return changes
    }

    private mutating func look(_ path: String, service: String, now: Timestamp) -> Change? {
        guard let status = files.status(path), status.isRegular else { return nil }
        let before = known[path]
        guard before?.status != status, before != nil || known.count < Self.filesMax else { return nil }
        guard let content = try? files.read(path, bytesMax: Self.hashedBytesMax) else { return nil }
        let hash = Hex.text(of: KeyedHash(salt: []).hash(content))
        let keeps =
            content.count <= Self.fileBytesMax && bytesKept(without: path) + content.count <= Self.bytesMax
        let after = Known(status: status, hash: hash, content: keeps ? content : nil, service: service)
        known[path] = after
        guard before?.hash != hash, let lastScan else { return nil }
        // The file's own time where it can be true: a file that was moved here or unpacked may bring an old one.
        let modified = Timestamp(nanoseconds: status.modified)
        let at = modified > lastScan - .seconds(1) && modified < now ? modified : now
        let isNew = before == nil || before?.hash.isEmpty == true
        return change(path, service, at: at, isNew ? "added" : "changed", before: before, after: after)
    }

    private func bytesKept(without path: String) -> Int {
        known.reduce(0) { $0 + ($1.key == path ? 0 : $1.value.content?.count ?? 0) }
    }

    private func change(
        _ path: String,
        _ service: String,
        at: Timestamp,
        _ verb: String,
        before: Known?,
        after: Known?
    ) -> Change {
        Change(
            kind: .config,
            at: at,
            service: service,
            summary: "\(path) \(verb)",
            before: before?.hash ?? "",
            after: after?.hash ?? "",
            diff: Self.diff(path, before: before, after: after),
            source: path
        )
    }

    private static func diff(_ path: String, before: Known?, after: Known?) -> String {
        guard before == nil || before?.content != nil, after == nil || after?.content != nil else {
            return "(too large to compare)"
        }
        let old = SecretMask.mask((before?.content ?? [])[...])
        let new = SecretMask.mask((after?.content ?? [])[...])
        let diff = UnifiedDiff.text(before: old, after: new, path: path)
        return diff.isEmpty ? "(only masked values differ)" : diff
    }
}
