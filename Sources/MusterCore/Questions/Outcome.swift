/// How one question to one host ended.
///
/// Every question ends in exactly one.
package enum OutcomeKind: String, Sendable, Codable, CaseIterable {
    /// Everything that was asked for was looked at.
    case ok
    /// Part of it; the reason says which part is missing.
    case partial
    /// The host tried and could not.
    case failed
    /// The host would not: policy, budget, unknown question.
    case refused
    /// The deadline passed.
    case timeout
    /// No connection to the host.
    case unreachable

    /// Whether there is something to look at.
    package var hasAnswer: Bool { self == .ok || self == .partial }
}

/// The end of one question on one host.
package struct Outcome: Hashable, Sendable, Codable {
    package var kind: OutcomeKind
    /// Why, when not ok.
    package var reason: String
    /// Rows left out because of the budget.
    package var rowsDropped: Int
    /// Milliseconds that the host worked.
    package var tookMilliseconds: Int

    package init(_ kind: OutcomeKind, reason: String = "", rowsDropped: Int = 0, tookMilliseconds: Int = 0) {
        self.kind = kind
        self.reason = reason
        self.rowsDropped = rowsDropped
        self.tookMilliseconds = tookMilliseconds
    }
}

/// A host by identity and by the name that people know.
package struct HostReference: Hashable, Sendable, Codable, Comparable {
    package var id: AgentID
    package var name: String

    package init(id: AgentID, name: String) {
        self.id = id
        self.name = name
    }

    package static func < (left: HostReference, right: HostReference) -> Bool {
        (left.name, left.id) < (right.name, right.id)
    }

    /// `web-1, web-2`, or their number when they are many.
    package static func list(_ hosts: [HostReference]) -> String {
        hosts.count > 3 ? "\(hosts.count) hosts" : hosts.map(\.name).joined(separator: ", ")
    }
}

/// What one host replied to one question.
package struct HostReply: Sendable, Codable {
    package var host: HostReference
    package var outcome: Outcome
    /// All chunks merged; nil when there was none.
    package var answer: Answer?
    /// The answer as it came, with the agent's signature over it, which nobody has checked; nil when it was not asked for.
    package var sealed: SealedAnswer?

    package init(host: HostReference, outcome: Outcome, answer: Answer?, sealed: SealedAnswer? = nil) {
        self.host = host
        self.outcome = outcome
        self.answer = answer
        self.sealed = sealed
    }

    // What is sealed goes into the record, not to whoever looks around.
    private enum CodingKeys: String, CodingKey {
        case host
        case outcome
        case answer
    }
}

/// An agent's word that it gave an answer.
package struct AnswerSignature: Hashable, Sendable {
    /// By the host's clock.
    package var taken: Timestamp
    /// SHA-256 of the answer's bytes.
    package var digest: Digest
    /// SubjectPublicKeyInfo in DER; its SHA-256 is the agent's identity.
    package var publicKey: [UInt8]
    package var signature: [UInt8]

    package init(taken: Timestamp, digest: Digest, publicKey: [UInt8], signature: [UInt8]) {
        self.taken = taken
        self.digest = digest
        self.publicKey = publicKey
        self.signature = signature
    }
}

/// An answer's bytes as they came on the wire, with the signature that came with them.
package struct SealedAnswer: Hashable, Sendable {
    /// Largest that is kept.
    package static let bytesMax = 256 << 10

    package var bytes: [UInt8]
    package var signature: AnswerSignature

    package init(bytes: [UInt8], signature: AnswerSignature) {
        self.bytes = bytes
        self.signature = signature
    }
}

/// Who was asked and who answered: said with every claim that rests on the fleet.
package struct Coverage: Hashable, Sendable, Codable {
    package var asked: Int
    /// Hosts by how the question ended there.
    package var outcomes: [String: Int]

    package init(asked: Int = 0, outcomes: [String: Int] = [:]) {
        self.asked = asked
        self.outcomes = outcomes
    }

    package init(_ replies: [HostReply]) {
        self.asked = replies.count
        self.outcomes = [:]
        for reply in replies { outcomes[reply.outcome.kind.rawValue, default: 0] += 1 }
    }

    package func count(_ kind: OutcomeKind) -> Int { outcomes[kind.rawValue] ?? 0 }

    /// Hosts with something to look at.
    package var answered: Int { count(.ok) + count(.partial) }

    /// Share of hosts with something to look at; 0 when nobody was asked.
    package var ratio: Double { asked == 0 ? 0 : Double(answered) / Double(asked) }

    /// `answered 7/9, 1 refused, 1 timeout`.
    package var summary: String {
        let others: [OutcomeKind] = [.partial, .failed, .refused, .timeout, .unreachable]
        let parts = others.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
        return (["answered \(answered)/\(asked)"] + parts).joined(separator: ", ")
    }
}

/// What a whole fan-out brought.
package struct FleetReply: Sendable, Codable {
    package var question: QuestionID
    package var probe: Probe
    /// One for each host asked, by name.
    package var replies: [HostReply]

    package init(question: QuestionID, probe: Probe, replies: [HostReply]) {
        self.question = question
        self.probe = probe
        // Places are sorted, because a reply is much larger.
        self.replies = replies.indices.sorted { replies[$0].host < replies[$1].host }.map { replies[$0] }
    }

    package var coverage: Coverage { Coverage(replies) }
}
