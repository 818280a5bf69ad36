/// Who may approve, for many hosts at once: a document that an offline root signs.
///
/// A host that pins the root in its policy takes its approvers from the newest such list.
package struct ApproverList: Hashable, Sendable {
    /// Largest file.
    package static let bytesMax = 256 << 10
    /// Most people in one list.
    package static let approversMax = 1_000

    /// Grows with each list of a root.
    package var epoch: Int
    package var expires: Timestamp
    /// Names and keys are unique.
    package var approvers: [PolicyKey]

    package init(epoch: Int, expires: Timestamp, approvers: [PolicyKey]) {
        self.epoch = epoch
        self.expires = expires
        self.approvers = approvers
    }

    /// What a host keeps of the list once it counts; throws a sentence when it does not.
    ///
    /// `digest` is of the signed bytes, `mark` the newest list of the same root that this host has ever taken.
    package func mark(
        digest: Digest,
        at now: Timestamp,
        after mark: ApproverMark?
    ) throws(PolicyRefusal) -> ApproverMark {
        if let mark {
            guard epoch >= mark.epoch else {
                throw PolicyRefusal(
                    "the list of approvers has epoch \(epoch), but this host has taken epoch \(mark.epoch) already: an old list was put back"
                )
            }
            guard epoch > mark.epoch || digest == mark.digest else {
                throw PolicyRefusal(
                    "the list of approvers is another than the one of epoch \(epoch) that this host has taken: a list that changes needs a higher epoch"
                )
            }
        }
        try checkTime(now)
        return ApproverMark(epoch: epoch, digest: digest)
    }

    /// Throws a sentence when the list has expired.
    package func checkTime(_ now: Timestamp) throws(PolicyRefusal) {
        guard now < expires else {
            throw PolicyRefusal(
                "the list of approvers (epoch \(epoch)) expired at \(expires); it is \(now): have its root sign a new one"
            )
        }
    }
}

/// The newest list that a host has taken from a root, so that no older one can be put back.
package struct ApproverMark: Hashable, Sendable {
    package var epoch: Int
    /// SHA-256 of the signed bytes.
    package var digest: Digest

    package init(epoch: Int, digest: Digest) {
        self.epoch = epoch
        self.digest = digest
    }
}

/// Where a host's approvers come from.
package enum ApproverSource: Hashable, Sendable {
    /// The policy lists them itself.
    case policy
    /// A list that this key (32 bytes of Ed25519) has to sign; nobody has looked at it yet.
    case root([UInt8])
    /// A list whose signature, time and epoch were found right.
    case list(epoch: Int, expires: Timestamp)
    /// There is no list that counts, and why: nobody may approve anything.
    case refused(String)
}

extension ApproverList {
    /// Reads the document.
    ///
    ///     epoch: 7                         # 1 to 999999999, higher in each list that is signed
    ///     expires: 2027-06-30T00:00:00Z
    ///     approvers:
    ///       - name: ana
    ///         key: <Ed25519 public key, 32 bytes in base64>
    ///         may: [approve, preapprove, break_glass]   # else approve
    ///
    /// `decodeKey` reads base64.
    package init(document: Document, decodeKey: (String) -> [UInt8]?) throws(DocumentError) {
        let file = document.name
        var reader = try DocumentReader(document.root, in: file, expecting: "a list of approvers")
        guard let epoch = try reader.int("epoch", in: 1...999_999_999) else {
            throw reader.error(
                at: reader.position,
                "missing key \"epoch\": a number higher than the last list's"
            )
        }
        let text = try reader.requiredString("expires")
        guard let expires = Timestamp(rfc3339: text) else {
            throw reader.error(
                at: reader.position(of: "expires"),
                "\"expires\" must be a time like 2027-06-30T00:00:00Z, found \"\(text.prefix(80))\""
            )
        }
        let approvers = try PolicyKey.list(
            try reader.list("approvers"),
            in: file,
            rights: Set(ApproverRight.allCases),
            decodeKey: decodeKey
        )
        guard !approvers.isEmpty, approvers.count <= Self.approversMax else {
            throw reader.error(
                at: reader.position(of: "approvers"),
                "\"approvers\" has 1 to \(Self.approversMax) people, found \(approvers.count)"
            )
        }
        try reader.finish()
        self.init(epoch: epoch, expires: expires, approvers: approvers)
    }
}

extension HostPolicy {
    /// The policy with the people of a signed list.
    package func taking(_ list: ApproverList) -> HostPolicy {
        var policy = self
        policy.approvers = list.approvers.filter { !$0.may.isDisjoint(with: [.approve, .breakGlass]) }
        policy.runbookSigners = list.approvers.filter { $0.may.contains(.preapprove) }
        policy.approverSource = .list(epoch: list.epoch, expires: list.expires)
        return policy
    }

    /// The policy of a host that has no list that counts.
    package func refusingApprovers(_ refusal: PolicyRefusal) -> HostPolicy {
        var policy = self
        policy.approvers = []
        policy.runbookSigners = []
        policy.approverSource = .refused(refusal.reason)
        return policy
    }
}
