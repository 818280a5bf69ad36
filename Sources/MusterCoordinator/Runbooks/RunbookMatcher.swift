import MusterCause
import MusterCore
import MusterIncident

/// Finds the runbook for an incident, and says what speaks against running it without a person.
struct RunbookMatcher: Sendable {
    let signals: SignalCatalogue
    /// Least share of hosts that must have answered.
    let coverageMin: Double

    /// What the runbooks at hand are made for.
    static func knowledge(
        of runbooks: [LoadedRunbook],
        alerts: [Alert],
        signals: SignalCatalogue
    ) -> RankingInput.Knowledge {
        let known = runbooks.filter { loaded in
            loaded.runbook.trigger.alert != nil
                && alerts.contains { loaded.runbook.trigger.matches(alert: $0.name) }
        }
        let causes = runbooks.compactMap { $0.runbook.impliedCause(signals) }
        return RankingInput.Knowledge(alertIsKnown: !known.isEmpty, causes: Set(causes))
    }

    /// The event for the record: a match, or why there is none.
    func match(_ incident: Incident, in contents: RunbookLibrary.Contents) -> IncidentEvent {
        var reasons = contents.problems
        var best: (loaded: LoadedRunbook, because: String, rank: Int)?
        for loaded in contents.runbooks {
            switch judge(loaded.runbook, incident) {
            case .fits(let because, let rank):
                if rank > best?.rank ?? 0 { best = (loaded, because, rank) }
            case .near(let reason): reasons.append("\(loaded.runbook.name): \(reason)")
            case .other: continue
            }
        }
        guard let best else { return .runbookNotFound(reasons: Array(reasons.prefix(16))) }
        return .runbookMatched(
            match: RunbookMatch(
                runbook: best.loaded.runbook,
                digest: best.loaded.digest,
                source: best.loaded.source,
                because: best.because,
                doubts: doubts(best.loaded, incident),
                signature: best.loaded.signature
            )
        )
    }

    private enum Judgement {
        /// The higher the rank, the more exactly it fits.
        case fits(because: String, rank: Int)
        case near(String)
        case other
    }

    private func judge(_ runbook: Runbook, _ incident: Incident) -> Judgement {
        let trigger = runbook.trigger
        let alert = incident.alerts.first { trigger.matches(alert: $0.name) }
        guard alert != nil else { return .other }
        let first = incident.ranking?.hypotheses.first
        if let cause = trigger.cause {
            guard let first, first.kind == cause else {
                guard trigger.alert != nil else { return .other }
                return .near("it is for \(cause.rawValue), which is not the most probable cause")
            }
            guard first.probability >= trigger.confidence.probabilityMin else {
                return .near(
                    "the cause is only \(first.probability.percentText) probable, "
                        + "it wants \(trigger.confidence.probabilityMin.percentText)"
                )
            }
        }
        var because: [String] = []
        if trigger.alert != nil, let alert { because.append("the alert is \(alert.name)") }
        if trigger.cause != nil, let first {
            because.append(
                "the most probable cause is \(first.kind.rawValue) (\(first.probability.percentText))"
            )
        }
        let rank = (trigger.alert != nil ? 2 : 0) + (trigger.cause != nil ? 2 : 0) + exactness(trigger)
        return .fits(because: because.joined(separator: " and "), rank: rank)
    }

    private func exactness(_ trigger: RunbookTrigger) -> Int { trigger.alert?.contains("*") == false ? 1 : 0 }

    /// What keeps Muster from acting on a signature made beforehand.
    private func doubts(_ loaded: LoadedRunbook, _ incident: Incident) -> [String] {
        guard let ranking = incident.ranking else { return ["there is no hypothesis"] }
        var doubts: [String] = []
        let first = ranking.hypotheses.first
        let least = loaded.runbook.trigger.confidence.probabilityMin
        switch ranking.verdict {
        case .known: break
        case .likely where (first?.probability ?? 0) >= least: break
        case .likely, .unknown, .novel:
            let probability =
                first.map { ", \($0.probability.percentText) for the most probable cause" } ?? ""
            doubts.append("the verdict is \(ranking.verdict.rawValue)\(probability)")
        }
        if ranking.coverage.ratio < coverageMin {
            doubts.append("too few hosts were seen: \(ranking.coverage.summary)")
        }
        if let implied = loaded.runbook.impliedCause(signals), let first, first.kind != implied {
            doubts.append(
                "the runbook is for \(implied.rawValue), the most probable cause is \(first.kind.rawValue)"
            )
        }
        if !loaded.signatureProblem.isEmpty { doubts.append(loaded.signatureProblem) }
        return doubts
    }
}

extension Runbook {
    /// The kind of cause that it is for: as its trigger says, else what its signals stand for.
    func impliedCause(_ signals: SignalCatalogue) -> CauseKind? {
        if let cause = trigger.cause { return cause }
        for step in steps {
            let check: RunbookCheck? =
                switch step.action {
                case .verifyHypothesis(let check), .verifyResolution(let check, _): check
                case .mitigate, .notify: nil
                }
            if case .signal(let name, _)? = check, let cause = signals[name]?.cause { return cause }
        }
        return nil
    }
}
