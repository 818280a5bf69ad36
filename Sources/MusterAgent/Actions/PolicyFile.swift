import Glibc
import MusterCore
import MusterIdentity
import MusterYAML

/// `policy.yaml`: read again for every ticket, and only believed when nobody but its owner could write it.
package struct PolicyFile: Sendable {
    package let path: String
    /// Folder in which the newest list of approvers is remembered.
    private let state: String

    package init(path: String, state: String) {
        self.path = path
        self.state = state
    }

    /// The policy as it stands now, with the approvers of a signed list where it pins a root.
    ///
    /// A host without the file is observe-only. A list that does not count makes nobody an approver, which the judge
    /// says; what was done can still be taken back. `remembering` keeps the list's epoch, so that no older one counts
    /// from then on. Throws when the file can't be read, is not safe, or is not understood.
    package func load(at now: Timestamp, remembering: Bool = true) throws(AgentError) -> HostPolicy {
        let policy = try loadRules()
        guard case .root(let root) = policy.approverSource else { return policy }
        let file = ApproverFile(beside: path, state: state)
        do throws(PolicyRefusal) {
            return policy.taking(try file.load(root: root, at: now, remembering: remembering))
        } catch {
            return policy.refusingApprovers(error)
        }
    }

    /// The policy without looking at a list of approvers: for what nobody has to approve any more, as taking back.
    package func loadRules() throws(AgentError) -> HostPolicy {
        guard let bytes = try Self.read(path, bytesMax: YAMLReader.bytesMax) else { return HostPolicy() }
        return try Self.policy(bytes, name: path)
    }

    /// The bytes of a file that nobody but root or the agent could have written; nil when it is not there.
    ///
    /// Neither could they have changed any folder above it, see ``TrustedPath``.
    static func read(_ path: String, bytesMax: Int) throws(AgentError) -> [UInt8]? {
        var status = stat()
        guard lstat(path, &status) == 0 || errno != ENOENT else { return nil }
        let place = try TrustedPath.resolvingFolders(of: path)
        let descriptor = open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: return nil
            case ELOOP:
                throw AgentError(
                    .configuration,
                    "\(path) is a symbolic link; it must be a plain file"
                )
            default: throw .system("\(path) can't be opened", errno: errno)
            }
        }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else { throw .system(path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw AgentError(.configuration, "\(path) is no plain file")
        }
        try TrustedPath.check(status, path)
        return try SafeFile.read(descriptor, path, bytesMax: bytesMax)
    }

    /// Reads a policy's bytes.
    static func policy(_ bytes: [UInt8], name: String) throws(AgentError) -> HostPolicy {
        do throws(DocumentError) {
            let document = try YAMLReader.read(bytes, name: name)
            return try HostPolicy(document: document) { Base64.bytes($0) }
        } catch {
            throw AgentError(.configuration, error.description, cause: error)
        }
    }
}
