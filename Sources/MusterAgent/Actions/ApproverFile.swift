import MusterCore
import MusterIdentity
import MusterYAML

/// `approvers.yaml` beside the policy: believed when the pinned root has signed it, and it is not older than what this
/// host has taken before.
///
/// The epoch and the digest of the newest list are kept for each root in `approvers.mark` of the agent's state folder,
/// one line each: the root's key in base64, the epoch, the SHA-256 of the signed bytes.
struct ApproverFile {
    static let name = "approvers.yaml"
    static let markName = "approvers.mark"
    /// Roots that are remembered: the policy pins one, and may have pinned others before.
    private static let rootsMax = 64

    let path: String
    private let markPath: String

    init(beside policy: String, state: String) {
        path = "\(SafeFile.folder(of: policy))/\(Self.name)"
        markPath = "\(state)/\(Self.markName)"
    }

    /// The list as it stands now; throws a sentence when it does not count.
    func load(root: [UInt8], at now: Timestamp, remembering: Bool) throws(PolicyRefusal) -> ApproverList {
        let signed = try signed(by: root)
        let list: ApproverList
        do throws(DocumentError) {
            list = try ApproverList(document: try YAMLReader.read(signed.content, name: path)) {
                Base64.bytes($0)
            }
        } catch {
            throw PolicyRefusal(error.description)
        }
        var marks = try marks()
        let known = marks.first { $0.root == root }?.mark
        let mark = try list.mark(digest: signed.digest, at: now, after: known)
        if remembering, mark != known {
            marks.removeAll { $0.root == root }
            marks.append((root, mark))
            try remember(marks.suffix(Self.rootsMax))
        }
        return list
    }

    private func signed(by root: [UInt8]) throws(PolicyRefusal) -> SignedApprovers {
        let bytes: [UInt8]?
        do throws(AgentError) {
            bytes = try PolicyFile.read(path, bytesMax: ApproverList.bytesMax)
        } catch {
            throw PolicyRefusal(error.message)
        }
        guard let bytes else {
            throw PolicyRefusal("\(path) is missing: the policy takes its approvers from it")
        }
        guard let signed = SignedApprovers(file: bytes) else {
            throw PolicyRefusal("\(path) does not end in a signature; have \"muster approvers sign\" sign it")
        }
        guard signed.isSigned(by: root) else {
            throw PolicyRefusal("the signature of \(path) is not that of the policy's approver_root over it")
        }
        return signed
    }

    private func marks() throws(PolicyRefusal) -> [(root: [UInt8], mark: ApproverMark)] {
        let bytes: [UInt8]?
        do throws(AgentError) {
            bytes = try SafeFile.read(markPath, bytesMax: 64 << 10)
        } catch {
            throw PolicyRefusal(error.message)
        }
        var marks: [(root: [UInt8], mark: ApproverMark)] = []
        for line in String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let root = Base64.bytes(words[0]), root.count == 32,
                let epoch = Int(words[1]), let digest = Digest(String(words[2]))
            else {
                throw PolicyRefusal(
                    "\(markPath) is damaged, so an old list of approvers can't be told from a new one; find out why, then remove it"
                )
            }
            marks.append((root, ApproverMark(epoch: epoch, digest: digest)))
        }
        return marks
    }

    private func remember(_ marks: ArraySlice<(root: [UInt8], mark: ApproverMark)>) throws(PolicyRefusal) {
        let lines = marks.map { "\(Base64.text($0.root)) \($0.mark.epoch) \($0.mark.digest)\n" }
        do throws(AgentError) {
            try SafeFile.write(markPath, Array(lines.joined().utf8), mode: 0o600)
        } catch {
            throw PolicyRefusal("a new list of approvers can't be remembered: \(error.message)")
        }
    }
}
