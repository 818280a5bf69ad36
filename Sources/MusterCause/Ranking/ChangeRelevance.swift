import MusterCore

/// What the diffs and summaries of changes have to do with what was found, for the ranking of causes.
struct ChangeRelevance {
    /// By the finding that tells of the change.
    private let reasons: [FindingID: [ChangeReason]]

    /// Most changes whose diffs are read: the nearest to the onset.
    private static let changesMax = 60

    init(_ input: RankingInput) {
        let told = input.findings.filter { $0.change != nil }
            .sorted { abs(Self.distance($0, input)) < abs(Self.distance($1, input)) }.prefix(Self.changesMax)
        guard !told.isEmpty else {
            reasons = [:]
            return
        }
        let changes = told.enumerated().compactMap { index, finding in
            finding.change.map { CodeChange($0, id: "\(index)") }
        }
        let found = ChangeJudge.relations(of: changes, to: Symptom(input))
        reasons = Dictionary(
            told.enumerated().map { ($1.id, found["\($0)"] ?? []) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private static func distance(_ finding: Finding, _ input: RankingInput) -> Double {
        finding.change.map { (input.onset - $0.at).inSeconds } ?? .infinity
    }

    /// How much it speaks for a change, in log-odds, with the strongest reason; nil when it says nothing.
    func weight(of finding: Finding, _ weights: CauseWeights) -> (weight: Double, reason: String?)? {
        guard let reasons = reasons[finding.id], !reasons.isEmpty else { return nil }
        let sum = reasons.reduce(0) { $0 + $1.weight }
        // A few words in common are chance.
        let beyond = sum > 0 ? max(0, sum - weights.relationChance) : sum
        let weight = min(weights.relationMax, max(-weights.relationAgainstMax, weights.relation * beyond))
        guard weight != 0 else { return nil }
        let telling = reasons.first { ($0.weight > 0) == (weight > 0) && abs($0.weight) >= 0.5 }
        return (weight, weight > 0 ? telling?.text : nil)
    }
}

extension CodeChange {
    /// A change as agents and deploy tools tell it.
    ///
    /// Files are those that the diff names: the path under which a host watches one says nothing of what it is.
    fileprivate init(_ change: Change, id: String) {
        var diff = change.diff
        if diff.isEmpty, change.kind == .config, !(change.before + change.after).isEmpty {
            diff = "-\(change.before)\n+\(change.after)"
        }
        let files = ChangeWords.lines(change.diff).lazy.filter {
            $0.hasPrefix("+++ ") && !$0.hasSuffix("/dev/null")
        }
        .map { $0.dropFirst(4) }.map { String($0.hasPrefix("b/") ? $0.dropFirst(2) : $0) }
        .prefix(CodeChange.filesMax)
        self.init(
            id: id,
            message: change.summary,
            author: change.actor,
            at: change.at,
            files: change.diff.contains("+++ b/") ? Array(files) : [],
            diff: diff
        )
    }
}

extension Symptom {
    /// What findings say of the trouble.
    fileprivate init(_ input: RankingInput) {
        self.init(
            services: Set(input.findings.map(\.service)).union(input.related).union([input.service]),
            service: input.service,
            onset: input.onset,
            alertedAt: input.onset
        )
        texts = [Text(input.alertText, weight: 0.7)]
        for finding in input.findings {
            let weight: Double
            switch finding.kind {
            case .logs, .dependency: weight = 1
            case .errorRate, .latency, .ownTime, .transit, .path, .resource: weight = 0.6
            case .change, .difference, .past, .nothing, .blind: continue
            }
            texts.append(Text(finding.subject, weight: weight))
            texts.append(Text(finding.text, weight: 0.5 * weight))
            texts += finding.exemplars.prefix(5).map { Text($0, weight: weight) }
        }
        texts = Array(texts.prefix(Self.textsMax))
    }
}
