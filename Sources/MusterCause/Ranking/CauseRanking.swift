import MusterCore

/// Ranks what may have caused an incident, from findings alone.
///
/// Each candidate collects weights for and against it, on a scale of log-odds, so that independent evidence
/// adds. A softmax over all candidates and a fixed weight for "none of these" makes them probabilities, and the
/// share of hosts that answered bounds them: what was not seen can't be excluded. The weights are judgement,
/// written down in ``CauseWeights``; nothing in here knows any service, host or sender by name.
package struct CauseRanking {
    /// What is told; further ones are noise.
    package static let hypothesesMax = 8

    private let input: RankingInput
    private let weights: CauseWeights
    private let sick: Set<HostReference>
    private let healthy: Set<HostReference>
    private let relevance: ChangeRelevance

    package static func rank(_ input: RankingInput, weights: CauseWeights = CauseWeights()) -> Ranking {
        CauseRanking(input, weights).ranking()
    }

    /// Every service that is known, the most suspicious first, with the probability that the trouble comes from it.
    ///
    /// What no hypothesis claims is divided evenly among the services that nothing speaks for.
    package static func places(_ input: RankingInput, weights: CauseWeights = CauseWeights()) -> [RankedPlace]
    {
        let ranking = CauseRanking(input, weights).ranking(hypothesesMax: .max)
        let places = input.graph.places(
            alerting: input.service,
            symptom: input.symptom,
            weights: weights.places
        )
        var claimed: [String: Double] = [:]
        for hypothesis in ranking.hypotheses {
            claimed[hypothesis.service] = max(claimed[hypothesis.service] ?? 0, hypothesis.probability)
        }
        let rest = max(0, 1 - places.reduce(0) { $0 + (claimed[$1.service] ?? 0) })
        let silent = places.count { claimed[$0.service] == nil }
        return places.map { place in
            RankedPlace(
                place: place,
                probability: claimed[place.service] ?? rest / Double(max(1, silent))
            )
        }
    }

    private init(_ input: RankingInput, _ weights: CauseWeights) {
        self.input = input
        self.weights = weights
        self.sick = Set(input.hosts.filter { $0.state == .sick }.map(\.host))
        self.healthy = Set(input.hosts.filter { $0.state == .healthy }.map(\.host))
        self.relevance = ChangeRelevance(input)
    }

    private func ranking(hypothesesMax: Int = Self.hypothesesMax) -> Ranking {
        let places = input.graph.places(
            alerting: input.service,
            symptom: input.symptom,
            weights: weights.places
        )
        var candidates = Self.merged(input.findings.compactMap(candidate))
        candidates += places.compactMap(candidate)
        for index in candidates.indices { judge(&candidates[index]) }
        explainDefects(&candidates)
        let probabilities = probabilities(candidates.map(\.score))
        var hypotheses = zip(candidates, probabilities).map { candidate, probability in
            candidate.hypothesis(probability: probability, service: input.service)
        }
        // Equals stay in the order in which they were found: names have no influence.
        hypotheses = hypotheses.enumerated()
            .sorted { a, b in
                a.element.probability == b.element.probability
                    ? a.offset < b.offset : a.element.probability > b.element.probability
            }
            .map(\.element)
        return Ranking(
            verdict: verdict(of: hypotheses),
            hypotheses: Array(hypotheses.prefix(hypothesesMax)),
            coverage: input.coverage,
            unseen: input.unseen
        )
    }

    /// The probability of each candidate, in their order; what is missing to 1 is "none of these".
    ///
    /// What was not seen may hold a rival as strong as the best one, and the cause itself: both lower what is sure.
    private func probabilities(_ scores: [Double]) -> [Double] {
        guard let best = scores.max() else { return [] }
        let seen = min(max(input.coverage.ratio, 0.01), 1)
        let rivals = (1 - seen) * exp(best)
        let total = scores.reduce(exp(weights.none) + rivals) { $0 + exp($1) }
        return scores.map { score in
            min(weights.calibration.probability(share: exp(score) / total), 0.99)
                * weights.cap(coverage: seen)
        }
    }

    // MARK: Candidates

    /// The cause that a finding speaks of by itself; nil for symptoms.
    private func candidate(_ finding: Finding) -> Candidate? {
        if let change = finding.change {
            var candidate = Candidate(kind: change.kind.cause, finding: finding)
            candidate.change = change
            candidate.score = weights.prior(of: change.kind)
            return candidate
        }
        if finding.kind == .past { return recalled(finding) }
        guard let kind = finding.suggests, !finding.tellsPlace, harms(finding, as: kind) else { return nil }
        var candidate = Candidate(kind: kind, finding: finding)
        let weight =
            switch finding.kind {
            case .dependency: weights.dependency
            case .resource: weights.resource
            default: weights.logs
            }
        candidate.add(weight * finding.effect, finding)
        return candidate
    }

    /// Whether something that may be so for years without harm does harm: a clock that is off harms who bears it, or others
    /// that say so.
    private func harms(_ finding: Finding, as kind: CauseKind) -> Bool {
        guard kind == .clockSkew, finding.kind == .resource else { return true }
        let both = sick.intersection(finding.hosts)
        return !both.isEmpty && 2 * both.count >= sick.count
            || input.findings.contains { $0.kind == .logs && $0.suggests == .clockSkew }
    }

    /// A place that the trouble may come from; nil where only errors are logged, which many do that are well.
    private func candidate(_ place: Place) -> Candidate? {
        guard let strongest = place.strongest, strongest.source != .logs else { return nil }
        var candidate = Candidate(kind: place.kind, finding: strongest.finding)
        candidate.isPlace = true
        for part in place.parts { candidate.add(part.weight, part.finding) }
        return candidate
    }

    /// What people found in incidents like this one, where nothing that was seen speaks of it; nil where something does.
    ///
    /// The shift is all that speaks for it, and has a bound: by the past alone a cause is as likely as none at best.
    private func recalled(_ finding: Finding) -> Candidate? {
        guard let kind = CauseKind(rawValue: finding.subject), let shift = input.knowledge.priors[kind],
            shift > 0,
            !input.findings.contains(where: { $0.suggests == kind || $0.change?.kind.cause == kind })
        else { return nil }
        var candidate = Candidate(kind: kind, finding: finding)
        candidate.add(shift, finding)
        return candidate
    }

    /// Findings that speak of the same cause in the same thing make one candidate.
    ///
    /// Log lines name no thing: where something that was measured speaks of the same kind of cause they are evidence
    /// for that one (see ``judge(_:beside:)``), never its rival.
    private static func merged(_ candidates: [Candidate]) -> [Candidate] {
        let measured = Set(candidates.filter { $0.first.kind != .logs }.map(\.kind))
        var merged: [Candidate] = []
        for candidate in candidates {
            if candidate.first.kind == .logs, measured.contains(candidate.kind) { continue }
            let same = merged.firstIndex {
                $0.kind == candidate.kind && $0.change == candidate.change && $0.subject == candidate.subject
            }
            // Looked at again, or closer, the same thing may turn out to have another trouble: the surer one counts, of
            // equals the later.
            let older = merged.firstIndex { $0.isLooked(atAgainBy: candidate) }
            if let older {
                if candidate.score >= merged[older].score {
                    var surer = candidate
                    surer.merge(merged[older])
                    merged[older] = surer
                } else {
                    merged[older].merge(candidate)
                }
            } else if let same, candidate.change == nil {
                merged[same].merge(candidate)
            } else if same == nil {
                merged.append(candidate)
            }
        }
        return merged
    }

    /// That a service is unwell by itself is what is left when nothing says why: what was found there, or on the way to what it
    /// needs, is why, as far as it is a cause at all.
    private func explainDefects(_ candidates: inout [Candidate]) {
        let reasons = candidates.filter { !$0.isBareDefect }
        for index in candidates.indices where candidates[index].isBareDefect {
            let defect = candidates[index]
            let best = reasons.filter { $0.concerns(defect) }.max { $0.score < $1.score }
            guard let best, best.score > 0 else { continue }
            let share = exp(best.score) / (exp(best.score) + exp(weights.none))
            candidates[index].add(-defect.score * share, best.first)
        }
    }

    // MARK: Weights

    private func judge(_ candidate: inout Candidate) {
        if let change = candidate.change {
            judgeNearness(&candidate, change)
            judgeRelevance(&candidate)
            judgePlace(&candidate, Set(change.hosts))
        } else {
            judgeOnset(&candidate)
            // Where a place lies among the calls was weighed already.
            if !candidate.isPlace { judgeTopology(&candidate) }
        }
        for finding in input.findings where finding.id != candidate.first.id {
            judge(&candidate, beside: finding)
        }
    }

    /// A change can only cause what comes after it, and the sooner it comes the more likely it did.
    private func judgeNearness(_ candidate: inout Candidate, _ change: Change) {
        let minutes = (input.onset - change.at).inSeconds / 60
        if minutes < -weights.clockSlackMinutes {
            candidate.add(-weights.changeAfterOnset, candidate.first)
        } else {
            let nearness = exp(-max(0, minutes) / weights.changeDecayMinutes)
            // Without any symptom there is nothing yet for a change to have caused.
            let symptom = hasSymptom ? 1.0 : weights.withoutSymptom
            candidate.add(weights.changeNear * nearness * symptom, candidate.first)
        }
        if !hasSymptom, sick.isEmpty, !healthy.isEmpty {
            candidate.add(-weights.serviceWell, candidate.first)
        }
        guard !change.service.isEmpty, !input.service.isEmpty else { return }
        let related = input.related.contains(change.service) || change.service == input.service
        candidate.add(related ? weights.sameService : -weights.otherService, candidate.first)
    }

    /// A diff that speaks of what the symptom speaks of tells more than that it came at the same time.
    private func judgeRelevance(_ candidate: inout Candidate) {
        guard let found = relevance.weight(of: candidate.first, weights) else { return }
        candidate.add(found.weight, candidate.first)
        candidate.reason = found.reason ?? ""
    }

    /// What is on exactly the sick hosts, and on no healthy one, tells most.
    private func judgePlace(_ candidate: inout Candidate, _ names: Set<String>) {
        guard !sick.isEmpty, !names.isEmpty else { return }
        let sickNames = Set(sick.map(\.name))
        let both = names.intersection(sickNames)
        let onHealthy = names.intersection(healthy.map(\.name))
        if both.isEmpty {
            // Hosts of the service that serve nothing any more are neither sick nor well by their requests.
            guard !names.isSubset(of: input.hosts.lazy.filter { $0.state == .unseen }.map(\.host.name)) else {
                return
            }
            candidate.add(-weights.elsewhere, candidate.first)
        } else if both.count == sickNames.count, onHealthy.isEmpty, !healthy.isEmpty {
            candidate.add(weights.exactlySick, candidate.first)
        } else {
            let share = Double(both.count) / Double(sickNames.union(onHealthy).count)
            candidate.add(weights.partlySick * share - weights.onHealthy * (1 - share), candidate.first)
        }
    }

    /// A cause is there before its effect.
    private func judgeOnset(_ candidate: inout Candidate) {
        guard let began = candidate.onset else { return }
        let minutesLate = (began - input.onset).inSeconds / 60
        if minutesLate > weights.clockSlackMinutes {
            candidate.add(-min(weights.lateMax, minutesLate), candidate.first)
        } else if minutesLate > -weights.changeDecayMinutes, !candidate.isPlace {
            candidate.add(weights.inOrder, candidate.first)
        }
    }

    private func judgeTopology(_ candidate: inout Candidate) {
        if !input.service.isEmpty,
            candidate.service == input.service || input.related.contains(candidate.service)
        {
            candidate.add(weights.sameService, candidate.first)
        }
        guard candidate.first.kind == .resource, !sick.isEmpty else { return }
        judgePlace(&candidate, Set(candidate.hosts.map(\.name)))
    }

    /// What another finding says for or against a candidate.
    private func judge(_ candidate: inout Candidate, beside finding: Finding) {
        switch finding.kind {
        case .difference:
            guard let change = candidate.change else { return }
            let sameHosts = !change.hosts.isEmpty && Set(change.hosts) == Set(finding.hosts.map(\.name))
            let sameVersion = !change.after.isEmpty && finding.exemplars.contains(change.after)
            if sameHosts || sameVersion { candidate.add(weights.difference * finding.effect, finding) }
        case .logs where finding.suggests == candidate.kind:
            candidate.add(weights.logs * finding.effect, finding)
        case .logs:
            guard let change = candidate.change, let onset = finding.onset, onset >= change.at else { return }
            let onChanged =
                change.hosts.isEmpty || !Set(finding.hosts.map(\.name)).isDisjoint(with: change.hosts)
            if onChanged { candidate.add(weights.newLogs * finding.effect, finding) }
        case .errorRate, .latency:
            candidate.support(finding)
        case .ownTime, .transit, .path:
            if finding.service == candidate.service { candidate.support(finding) }
        case .past:
            // What the past weighs is evidence like any other, and is shown as such.
            guard finding.subject == candidate.kind.rawValue,
                let shift = input.knowledge.priors[candidate.kind]
            else { return }
            candidate.add(shift, finding)
        case .change, .dependency, .resource, .nothing, .blind: break
        }
    }

    private var hasSymptom: Bool {
        input.findings.contains { [.errorRate, .latency, .dependency].contains($0.kind) && $0.effect > 0.1 }
    }

    // MARK: Verdict

    private func verdict(of hypotheses: [Hypothesis]) -> Verdict {
        guard input.coverage.ratio >= weights.coverageMin else { return .unknown }
        // What stands out does so among what was seen; how much was not seen is a condition of its own.
        let cap = weights.cap(coverage: input.coverage.ratio)
        guard let first = hypotheses.first, first.probability / cap >= weights.standsOut else {
            // Plain signs of trouble that nothing known accounts for, and that no past incident was like.
            let explained = hypotheses.reduce(0) { $0 + $1.probability }
            let isStrange = input.knowledge.nearest < weights.familiar
            return hasSymptom && explained < weights.standsOut && isStrange ? .novel : .unknown
        }
        let second = hypotheses.dropFirst().first?.probability ?? 0
        guard first.probability >= weights.lead * second else { return .unknown }
        let knowledge = input.knowledge
        let recognised =
            knowledge.alertIsKnown || knowledge.causes.contains(first.kind)
            || knowledge.confirmed.contains(first.kind)
        let sure = first.probability / cap >= weights.sure && input.coverage.ratio >= weights.coverageSure
        // What was said for such incidents before and was wrong is not known, whatever runbook there is.
        let isRefuted = knowledge.priors[first.kind].map { $0 < -weights.refuted } ?? false
        return recognised && sure && !isRefuted ? .known : .likely
    }
}

/// A service and the probability that the trouble comes from it.
package struct RankedPlace: Sendable {
    package var place: Place
    package var probability: Double
}

extension Finding {
    /// Whether it is weighed as evidence about the place that it names.
    fileprivate var tellsPlace: Bool { !service.isEmpty && kind != .logs && Place.Source(self) != nil }
}

extension Change.Kind {
    /// What a change of this kind is as a cause.
    package var cause: CauseKind {
        switch self {
        case .deploy, .package: .badDeploy
        case .config: .badConfig
        case .flag: .flag
        case .restart, .other: .unknown
        }
    }
}
