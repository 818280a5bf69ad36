import MusterCore
import MusterIncident

/// The sealed answers that findings rest on, before anybody has looked at their signatures.
struct GatheredEvidence: Sendable {
    struct Item: Sendable {
        var evidence: Evidence
        let bytes: [UInt8]
    }

    private(set) var items: [Item] = []
    /// Answers that findings rest on and that can't be kept: not sealed, or too many.
    private(set) var omitted = 0

    /// Most answers of one finding, and of one stretch of questions: a fleet of thousands says the same thousands of times.
    struct Limits: Sendable {
        var perFinding = 8
        var items = 64

        static let usual = Limits()
        /// What nobody has seen before is looked at again later, by people who need all that there is of it.
        static let novel = Limits(perFinding: 32, items: 256)
    }

    private let limits: Limits

    init(_ limits: Limits = .usual) { self.limits = limits }

    init(for findings: [Finding], in interview: Interview, _ limits: Limits = .usual) {
        self.init(limits)
        for finding in findings {
            for name in finding.kind.questions {
                for reply in interview.all(name) { add(finding, reply) }
            }
        }
    }

    private mutating func add(_ finding: Finding, _ reply: FleetReply) {
        let hosts = Set(finding.hosts.map(\.id))
        let answered = reply.replies.filter { $0.answer != nil }
        var wanted = answered.filter { hosts.contains($0.host.id) }
        // What tells the sick from the healthy rests on both.
        if finding.kind == .difference { wanted += answered.filter { !hosts.contains($0.host.id) } }
        omitted += max(0, wanted.count - limits.perFinding)
        for one in wanted.prefix(limits.perFinding) {
            guard let sealed = one.sealed else {
                omitted += 1
                continue
            }
            let same = items.firstIndex {
                $0.evidence.question == reply.question && $0.evidence.host.id == one.host.id
            }
            if let same {
                items[same].evidence.findings.append(finding.id)
            } else if items.count < limits.items {
                items.append(
                    Item(
                        evidence: Evidence(
                            digest: sealed.signature.digest,
                            bytes: sealed.bytes.count,
                            question: reply.question,
                            probe: reply.probe.name,
                            host: one.host,
                            taken: sealed.signature.taken,
                            publicKey: Hex.text(of: sealed.signature.publicKey),
                            signature: Hex.text(of: sealed.signature.signature),
                            findings: [finding.id]
                        ),
                        bytes: sealed.bytes
                    )
                )
            } else {
                omitted += 1
            }
        }
    }

    mutating func add(_ other: GatheredEvidence) {
        let room = max(0, limits.items - items.count)
        items += other.items.prefix(room)
        omitted += other.omitted + max(0, other.items.count - room)
    }

    /// What these findings rest on.
    func only(for findings: [Finding]) -> GatheredEvidence {
        let ids = Set(findings.map(\.id))
        var left = GatheredEvidence(limits)
        left.omitted = omitted
        left.items = items.compactMap { item in
            var item = item
            item.evidence.findings.removeAll { !ids.contains($0) }
            return item.evidence.findings.isEmpty ? nil : item
        }
        return left
    }
}

extension Finding.Kind {
    /// Names of the questions whose answers a finding of this kind is made of.
    fileprivate var questions: [String] {
        switch self {
        case .errorRate, .latency, .ownTime, .transit, .path: ["requests since"]
        case .change: ["changes"]
        case .dependency: ["dependencies", "sockets"]
        case .resource: ["metrics", "busiest", "dependencies", "listening ports"]
        case .logs: ["error logs"]
        case .difference: ["facts"]
        case .past, .nothing, .blind: []
        }
    }
}
