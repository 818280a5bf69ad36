import MusterCore

/// Learns of deploys from small JSON files that the deploy tool leaves in a directory.
///
///     {"service": "shop", "version": "4521", "previous": "4520", "by": "sarah",
///      "at": "2026-11-23T02:06:00Z", "number": 4521, "summary": "new checkout"}
///
/// Only `service` and `version` must be there. Every new file, and every new content of an old one, is one change.
package struct DeployMarkers {
    private static let filesMax = 65_536
    private static let fileBytesMax = 64 << 10

    private let files: HostFiles
    private let directory: String
    private var seen: [String: FileStatus] = [:]
    /// Version and time of the newest marker of each service.
    private var newest: [String: (version: String, at: Timestamp)] = [:]
    /// Files that could not be understood.
    package private(set) var malformed = 0

    package init(files: HostFiles, directory: String) {
        self.files = files
        self.directory = directory.hasSuffix("/") ? String(directory.dropLast()) : directory
    }

    /// Version that the newest marker of each service names.
    package var versions: [String: String] { newest.mapValues(\.version) }

    /// Changes since the last scan, oldest first.
    package mutating func scan() -> [Change] {
        guard let names = try? files.list(directory, namesMax: Self.filesMax) else { return [] }
        var changes: [Change] = []
        for name in names where name.hasSuffix(".json") && !name.hasPrefix(".") {
            let path = "\(directory)/\(name)"
            guard let status = files.status(path), status.isRegular, seen[name] != status else { continue }
            seen[name] = status
            guard let bytes = try? files.read(path, bytesMax: Self.fileBytesMax),
                let change = Self.change(bytes[...], path: path, modified: status.modified)
            else {
                malformed += 1
                continue
            }
            if newest[change.service].map({ $0.at <= change.at }) ?? true {
                newest[change.service] = (change.after, change.at)
            }
            changes.append(change)
        }
        let present = Set(names)
        seen = seen.filter { present.contains($0.key) }
        return changes.sorted { $0.at < $1.at }
    }

    private static func change(_ bytes: ArraySlice<UInt8>, path: String, modified: Int64) -> Change? {
        var fields: [String: String] = [:]
        guard JSONFields.read(bytes, each: { fields[$0.text] = String($1.text.prefix(512)) }) else {
            return nil
        }
        guard let service = fields["service"], !service.isEmpty, let version = fields["version"] else {
            return nil
        }
        let named = fields["at"] ?? ""
        let at =
            Timestamp(rfc3339: named) ?? Double(named).flatMap { Timestamp(epoch: $0) }
            ?? Timestamp(nanoseconds: modified)
        let previous = fields["previous"] ?? ""
        let step = previous.isEmpty ? version : "\(previous) -> \(version)"
        return Change(
            kind: .deploy,
            at: at,
            service: service,
            summary: SecretMask.mask(fields["summary"] ?? "\(service) \(step)"),
            actor: fields["by"] ?? "",
            before: previous,
            after: version,
            source: path,
            reference: fields["number"] ?? ""
        )
    }
}
