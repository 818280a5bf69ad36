import Glibc
import MusterCore
import MusterWire

/// What keeps pre-approved actions from running on this host: the coordinator's freezes, and root's own.
///
/// Both are files in the state folder, so that a restart lifts neither. The coordinator may lift what it set; what root
/// set on the host only root lifts, with `muster-agent unfreeze`. Owned by the loop's thread.
final class FreezeFile {
    /// The coordinator's freezes, as it sent them last.
    static let name = "freezes"
    /// Root's own: that it is there is what counts, the text in it is the reason.
    static let rootName = "frozen-by-root"
    private static let bytesMax = 256 << 10
    private static let reasonBytesMax = 4096

    private let folder: String
    private(set) var freezes: [Freeze] = []
    /// Why the coordinator's freezes are not known; nil when they are.
    private var problem: String?

    /// Reads what the coordinator said before; what can't be read counts as a freeze until it says it anew.
    init(folder: String) {
        self.folder = folder
        let path = "\(folder)/\(Self.name)"
        do {
            guard let bytes = try SafeFile.read(path, bytesMax: Self.bytesMax) else { return }
            freezes = try WireFreezes(kept: bytes).values
        } catch {
            problem = "\(path) can't be read, so this host counts as frozen until the coordinator tells again"
        }
    }

    /// Takes in what the coordinator says now, in the place of what it said before.
    ///
    /// What it says holds from here on, also when it can't be written; then it throws.
    func replace(_ freezes: [Freeze]) throws(AgentError) {
        guard freezes != self.freezes || problem != nil else { return }
        (self.freezes, problem) = (freezes, nil)
        try SafeFile.write("\(folder)/\(Self.name)", WireFreezes(freezes).keptBytes, mode: 0o600)
    }

    /// Why nothing that no person approved may begin; nil when it may.
    func objection(at now: Timestamp) -> String? {
        if let reason = Self.rootReason(folder: folder) {
            return "this host is frozen by its root\(reason.isEmpty ? "" : ": \(reason)")"
        }
        return problem ?? freezes.first { $0.isOn(at: now) }?.text
    }

    // MARK: Root's own

    /// The reason that root gave; nil when root has not frozen the host.
    static func rootReason(folder: String) -> String? {
        let path = "\(folder)/\(rootName)"
        var status = stat()
        guard lstat(path, &status) == 0 || errno != ENOENT else { return nil }
        let bytes = (try? SafeFile.read(path, bytesMax: reasonBytesMax)) ?? []
        return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }

    /// Freezes the host; a running agent knows it at once.
    static func freezeByRoot(folder: String, reason: String) throws(AgentError) {
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        try SafeFile.write(
            "\(folder)/\(rootName)",
            Array("\(line.clipped(to: Freeze.reasonBytesMax))\n".utf8),
            mode: 0o644
        )
    }

    /// Lifts root's own freeze; false when there was none.
    static func thawByRoot(folder: String) throws(AgentError) -> Bool {
        let path = "\(folder)/\(rootName)"
        guard unlink(path) == 0 else {
            if errno == ENOENT { return false }
            throw .system("\(path) can't be removed", errno: errno)
        }
        SafeFile.syncFolder(of: path)
        return true
    }
}
