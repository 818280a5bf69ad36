import Glibc
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

    /// Leaves a marker in a folder, whole or not at all: it is written under another name and renamed.
    ///
    /// `fields` are those of the form above; empty ones are left out.
    package static func leave(
        _ fields: [(name: String, value: String)],
        in folder: String,
        at now: Timestamp
    ) throws(ProbeError) -> String {
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (name, value) in fields where !value.isEmpty {
            if text.count > 1 { text += ", ".utf8 }
            text += "\"\(name)\": \"".utf8
            for byte in value.utf8 {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
                // No field needs others than blanks.
                case 0..<0x20: text.append(0x20)
                default: text.append(byte)
                }
            }
            text.append(UInt8(ascii: "\""))
        }
        text += "}\n".utf8
        guard text.count <= fileBytesMax else {
            throw ProbeError(.refused, "the marker is larger than 64 KiB")
        }
        let name = "\(now.nanoseconds)-\(getpid()).json"
        let hidden = "\(folder)/.\(name)"
        let descriptor = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw ProbeError(opening: folder, errno: errno) }
        let isWritten =
            write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
            && rename(hidden, "\(folder)/\(name)") == 0
        let code = errno
        close(descriptor)
        guard isWritten else {
            unlink(hidden)
            throw ProbeError(.unreadable, "cannot write a marker in \(folder): \(systemError(code))")
        }
        return "\(folder)/\(name)"
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
