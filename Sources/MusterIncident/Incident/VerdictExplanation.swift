import MusterCore

/// A verdict in plain sentences, each made from findings: what it rests on, what speaks against it, what was not seen,
/// what else it may be, and what would change it.
package struct VerdictExplanation: Hashable, Sendable, Codable {
    /// A sentence and the finding that it is.
    package struct Statement: Hashable, Sendable, Codable {
        package var finding: FindingID
        package var text: String
        /// Raw lines or values behind it, masked; at most 3.
        package var exemplars: [String]
    }

    /// One sentence: the cause and how sure it is, or that none was found.
    package var headline: String
    /// The strongest, at most 3.
    package var evidence: [Statement]
    /// At most 3.
    package var against: [Statement]
    package var unseen: [String]
    /// Other causes with their probabilities, at most 3.
    package var runnersUp: [String]
    package var wouldChange: [String]

    private static let statementsMax = 3

    /// `inquiry` is what the round asked that the ranking rests on; nil when that is not known.
    package init(_ ranking: Ranking, findings: [Finding], inquiry: Inquiry? = nil) {
        let byID = Dictionary(findings.map { ($0.id, $0) }) { first, _ in first }
        func statements(_ ids: [FindingID]) -> [Statement] {
            ids.lazy.compactMap { byID[$0] }.prefix(Self.statementsMax).map {
                Statement(finding: $0.id, text: $0.text, exemplars: Array($0.exemplars.prefix(3)))
            }
        }
        let first = ranking.hypotheses.first
        headline = Self.headline(ranking, findings)
        evidence = statements(first?.evidence ?? [])
        against = statements(first?.against ?? [])
        unseen = ranking.unseen
        let silent = ranking.coverage.asked - ranking.coverage.answered
        if silent > 0 {
            unseen.insert("\(silent) of \(ranking.coverage.asked) hosts did not answer", at: 0)
        }
        let others = ranking.hypotheses.dropFirst().prefix(Self.statementsMax)
        runnersUp = others.map { "\($0.probability.percentText) \($0.cause)" }
        wouldChange = Self.wouldChange(ranking, silent: silent) + Self.unasked(inquiry)
    }

    /// Whether anything at all was found that is not as it should be; changes alone are nothing wrong.
    package static func isQuiet(_ findings: [Finding]) -> Bool {
        !findings.contains { finding in
            guard finding.effect > 0.1 else { return false }
            switch finding.kind {
            case .errorRate, .latency, .ownTime, .transit, .path, .dependency, .resource, .logs: return true
            case .change, .difference, .past, .nothing, .blind: return false
            }
        }
    }

    private static func headline(_ ranking: Ranking, _ findings: [Finding]) -> String {
        let seen = ranking.coverage
        let share = seen.asked == 0 ? "nothing was asked" : "\(seen.ratio.percentText) of the hosts answered"
        let first = ranking.hypotheses.first
        switch ranking.verdict {
        case .known, .likely:
            guard let first else { return "No cause was found; \(share)." }
            let sure = ranking.verdict == .known ? "Known" : "Likely"
            return "\(sure), \(first.probability.percentText): \(first.cause)."
        case .novel:
            return
                "Novel: something is wrong that nothing seen explains, and no incident before was like it; \(share)."
        case .unknown:
            if isQuiet(findings), seen.answered > 0 {
                return "Nothing anomalous was found in what \(seen.ratio.percentText) of the hosts answered: "
                    + "the alert may be false."
            }
            guard let first else { return "Unknown: nothing that was found stands out; \(share)." }
            return
                "Unknown: no cause stands out; the first of them, \(first.probability.percentText), is \(first.cause)."
        }
    }

    /// What nobody was asked because it would have told too little.
    private static func unasked(_ inquiry: Inquiry?) -> [String] {
        let left = inquiry?.left.prefix(Self.statementsMax).map(\.text) ?? []
        guard let inquiry, !left.isEmpty else { return [] }
        return ["Not asked, because \(inquiry.stop.text): \(left.joined(separator: "; "))."]
    }

    private static func wouldChange(_ ranking: Ranking, silent: Int) -> [String] {
        var lines: [String] = []
        if let first = ranking.hypotheses.first {
            lines.append("It stands or falls with: \(first.kind.question(first)).")
        }
        if let second = ranking.hypotheses.dropFirst().first, second.kind != ranking.hypotheses.first?.kind {
            lines.append("Were it \(second.kind.rawValue) instead: \(second.kind.question(second)).")
        }
        if silent > 0 {
            lines.append(
                "Answers of the \(silent) silent \(silent == 1 ? "host" : "hosts") may name another cause."
            )
        }
        if ranking.verdict == .novel || ranking.verdict == .unknown {
            lines.append(
                "A cause that you know: \"muster close INCIDENT --cause KIND\" teaches it for the next time."
            )
        }
        return lines
    }
}

extension CauseKind {
    /// What to ask, or to look at, that confirms or refutes a cause of this kind, with the command for it.
    func question(_ hypothesis: Hypothesis) -> String {
        let on = hypothesis.hosts.first.map { " --on host=\($0.name)" } ?? ""
        switch self {
        case .badDeploy, .badConfig, .flag:
            return
                "whether hosts without the change are well, and whether it ends when the change is taken back "
                + "(muster ask requests, muster ask changes)"
        case .poolExhausted:
            return "how many connections are in use and who holds them (muster ask deps\(on))"
        case .lockWait:
            return "whether one session holds the lock that the others wait for (muster ask deps\(on))"
        case .slowQuery: return "which statement reads the most rows, and since when (muster ask deps\(on))"
        case .dependencyDown: return "whether it accepts connections from every host (muster ask deps)"
        case .dependencyHung: return "whether it answers once connected (muster ask deps)"
        case .cpu, .noisyNeighbour:
            return "which process takes the CPU, and whether it is the service (muster ask processes\(on))"
        case .memory, .oomKill:
            return "whose memory grew, and whether the kernel killed it (muster ask anomalies\(on), "
                + "muster ask logs\(on) --text oom)"
        case .disk: return "which file system is full, and what fills it (muster ask metrics\(on))"
        case .io: return "which disk is busy, and who reads or writes (muster ask metrics\(on))"
        case .fileDescriptors: return "how many files each process holds open (muster ask metrics\(on))"
        case .network:
            return "whether connections are refused, reset or unanswered, and from where (muster ask deps)"
        case .networkDelay: return "whether all connections to it are late or only requests (muster ask deps)"
        case .networkLoss:
            return "whether segments are sent again on that path alone (muster ask sockets\(on))"
        case .dns: return "whether the names resolve on other hosts (muster ask deps)"
        case .certificate: return "the date on which the certificate expired (muster ask deps)"
        case .clockSkew: return "how far the clocks are apart (muster ask facts)"
        case .trafficSurge: return "whether requests per second rose before they failed (muster ask requests)"
        case .logFlood: return "which service writes so many lines (muster ask logs\(on))"
        case .defect:
            return "whether it is slow or fails by itself while what it calls is well (muster ask requests)"
        case .unknown: return "what changed there (muster ask changes\(on))"
        }
    }
}
