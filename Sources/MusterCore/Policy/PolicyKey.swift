/// A person's public key that a host trusts.
package struct PolicyKey: Hashable, Sendable {
    package var name: String
    /// 32 bytes of Ed25519.
    package var key: [UInt8]
    /// What the person may do with it.
    package var may: Set<ApproverRight>

    package init(name: String, key: [UInt8], may: Set<ApproverRight> = [.approve]) {
        self.name = name
        self.key = key
        self.may = may
    }
}

/// What a person may do with a key.
package enum ApproverRight: String, Sendable, CaseIterable {
    /// Approve plans.
    case approve
    /// Approve runbooks beforehand.
    case preapprove
    /// Set a plan going alone, also one of their own, where the host's policy has `break_glass: true`.
    case breakGlass = "break_glass"
}

extension PolicyKey {
    /// Reads a list of people with their keys.
    ///
    /// `rights` are those that a key `may` can give here; without any there is no such key.
    package static func list(
        _ nodes: [DocumentNode],
        in file: String,
        rights: Set<ApproverRight>,
        decodeKey: (String) -> [UInt8]?
    ) throws(DocumentError) -> [PolicyKey] {
        var keys: [PolicyKey] = []
        for node in nodes {
            var reader = try DocumentReader(node, in: file, expecting: "\"name\" and \"key\"")
            let name = try reader.requiredString("name")
            let text = try reader.requiredString("key")
            guard let bytes = decodeKey(text), bytes.count == 32 else {
                throw reader.error(
                    at: reader.position(of: "key"),
                    "\"key\" must be an Ed25519 public key: 32 bytes in base64 (44 characters)"
                )
            }
            guard !keys.contains(where: { $0.name == name || $0.key == bytes }) else {
                throw reader.error(at: node.position, "the name or the key of \"\(name)\" is already listed")
            }
            let may = rights.isEmpty ? nil : try reader.rights(rights)
            try reader.finish()
            keys.append(PolicyKey(name: name, key: bytes, may: may ?? [.approve]))
        }
        return keys
    }
}

extension DocumentReader {
    /// `may`; nil when it is not there.
    fileprivate mutating func rights(
        _ allowed: Set<ApproverRight>
    ) throws(DocumentError) -> Set<ApproverRight>? {
        let texts = try strings("may")
        guard node("may") != nil else { return nil }
        var rights: Set<ApproverRight> = []
        for text in texts {
            guard let right = ApproverRight(rawValue: text), allowed.contains(right) else {
                let known = allowed.map(\.rawValue).sorted().joined(separator: ", ")
                throw error(
                    at: position(of: "may"),
                    "\"may\" lists what a person may do: \(known); found \"\(text.prefix(80))\""
                )
            }
            rights.insert(right)
        }
        guard !rights.isEmpty else {
            throw error(
                at: position(of: "may"),
                "\"may\" must list at least one thing that the person may do"
            )
        }
        return rights
    }
}
