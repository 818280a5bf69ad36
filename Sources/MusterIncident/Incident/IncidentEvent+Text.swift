import MusterCore

extension IncidentEvent {
    /// The event in one line, for the timeline.
    package var text: String {
        switch self {
        case .alertReceived(let alert, _):
            return "\(alert.status == .firing ? "Alert" : "Alert resolved"): \(alert.name): \(alert.summary)"
        case .alertsTruncated(let group, let count):
            return count == 0
                ? "The sender tells of all alerts of group \(group) again"
                : "The sender left out \(count) alerts of group \(group)"
        case .alertDamped(let alert, let cycles):
            return
                "Alert \(alert) flaps (\(cycles) times within the hour): it joins this incident, no new one is opened"
        case .opened(let title, _, _, let owner):
            return "Incident opened: \(title)\(owner.map { ", owned by \($0.team)" } ?? "")"
        case .contextCollected(let context):
            return "Context after \(context.took.spoken): \(context.lines.joined(separator: "; "))"
        case .findingMade(let finding): return "Finding: \(finding.text)"
        case .evidenceKept(let evidence, let refused, _):
            let wrong = refused > 0 ? "; \(refused) had a signature that is not their host's" : ""
            return "Evidence: \(evidence.count) signed answers of hosts kept\(wrong)"
        case .pastRecalled(let recollection):
            return recollection.matches.isEmpty
                ? "Nothing like it among \(recollection.compared) known causes"
                : "Like before: \(recollection.lines.joined(separator: "; "))"
        case .inquiryMade(let inquiry): return inquiry.text
        case .hypothesisRanked(let ranking, _):
            guard let first = ranking.hypotheses.first else {
                return "Hypothesis: nothing explains it (\(ranking.verdict.rawValue))"
            }
            return
                "Hypothesis (\(ranking.verdict.rawValue), \(first.probability.percentText)): \(first.cause); "
                + ranking.coverage.summary
        case .runbookMatched(let match): return "Runbook \(match.runbook.name): \(match.because)"
        case .runbookNotFound(let reasons):
            return reasons.isEmpty
                ? "No runbook applies" : "No runbook applies: \(reasons.joined(separator: "; "))"
        default: return actionText
        }
    }

    /// The lines about acting.
    private var actionText: String {
        switch self {
        case .stepStarted(let step, let text): return "Step \(step + 1): \(text)"
        case .stepEnded(let step, let outcome, let text, _):
            return "Step \(step + 1) \(outcome.rawValue): \(text)"
        case .planProposed(let plan, _, _): return "Plan \(plan.id.short): \(plan.plan.summary)"
        case .approvalRequested(let plan, let why):
            return "Approval of plan \(plan.short) requested: \(why.joined(separator: "; "))"
        case .approvalGiven(let plan, let approval, let by):
            return "Plan \(plan.short) approved by \(by), signed by \(approval.signer)"
        case .glassBroken(let plan, let use, let by):
            let signed = use.signer == by ? "" : ", signed by \(use.signer)"
            return "BREAK-GLASS: plan \(plan.short) set going by \(by) alone\(signed): \(use.reason)"
        case .approvalRejected(let plan, let by, let reason):
            return "Plan \(plan.short) rejected by \(by)\(reason.isEmpty ? "" : ": \(reason)")"
        case .approvalPresent(let plan, let signer):
            return "Plan \(plan.short) is covered by the runbook's signature of \(signer)"
        case .rolloutPaused(let plan, let by, let reason):
            return "Plan \(plan.short) paused by \(by)\(reason.isEmpty ? "" : ": \(reason)")"
        case .rolloutResumed(let plan, let by): return "Plan \(plan.short) goes on, says \(by)"
        case .rolloutAborted(let plan, let by, let reason):
            return "Plan \(plan.short) ended by \(by)\(reason.isEmpty ? "" : ": \(reason)")"
        case .rolloutLooked(let plan, let wave, let stops, let text):
            return "Plan \(plan.short) before wave \(wave + 1): \(stops ? "stops: " : "")\(text)"
        case .rolloutStopped(let plan, let reason):
            return "Plan \(plan.short) stopped: \(reason)"
        case .rolloutRetried(let plan, let hosts, let by, let reason):
            return "Plan \(plan.short) is tried again on \(HostReference.list(hosts)), says \(by)"
                + (reason.isEmpty ? "" : ": \(reason)")
        case .freezeBegan(let freeze): return "Frozen: \(freeze.text)"
        case .freezeEnded(let service, let reason):
            return "The freeze for \(service ?? "everything") is over: \(reason)"
        case .actionTicketed(let ticket, let plan, let host, _):
            return "Ticket \(ticket) for plan \(plan.short) issued to \(host.name)"
        case .actionUndelivered(_, let host, let reason):
            return "Ticket could not reach \(host.name): \(reason)"
        case .actionReported(let report, let host): return report.text(on: host)
        case .actionDecided(_, let host, let keep, let reason):
            return "\(host.name) is told to \(keep ? "keep the change" : "take the change back"): \(reason)"
        case .actionLost(_, let host, let reason): return "Action on \(host.name) is indeterminate: \(reason)"
        case .verified(_, let passed, let text, _): return "\(passed ? "Verified" : "Not verified"): \(text)"
        default: return endText
        }
    }

    /// The lines about telling people and ending.
    private var endText: String {
        switch self {
        case .escalated(let to, let reason):
            return "Escalated\(to.isEmpty ? "" : " to \(to.joined(separator: ", "))"): \(reason)"
        case .resolved(let reason, let by): return "Resolved by \(by): \(reason)"
        case .impactMeasured(let impact): return "Impact: \(impact.text)"
        case .postMortemDrafted(_, let version): return "Post-mortem drafted (version \(version))"
        case .notified(_, let channel, let text, let delivered, let reason):
            let place = channel.isEmpty ? "the record" : channel
            // The rest of a message repeats what the events around it say.
            let text = text.prefix { !$0.isNewline }
            return delivered ? "Told \(place): \(text)" : "Could not tell \(place) (\(reason)): \(text)"
        case .closed(let by, let cause, let falseAlarm, let judgement):
            let alarm = falseAlarm == true ? " as a false alarm" : ""
            let words = [judgement?.kind?.rawValue, cause.isEmpty ? nil : cause].compactMap(\.self)
            let confirmed = words.isEmpty ? "" : "; confirmed cause: \(words.joined(separator: ": "))"
            let grade = judgement.map { "; the first hypothesis: \($0.grade.rawValue)" } ?? ""
            return "Closed by \(by)\(alarm)\(confirmed)\(grade)"
        default: return kind.rawValue
        }
    }
}

extension ActionReport {
    /// The state of the action in one line.
    fileprivate func text(on host: HostReference) -> String {
        var text = "Action on \(host.name): \(state.rawValue)"
        if state == .failed { text += ", exit status \(exitStatus)" }
        if state == .done || state == .committed, count > 0 { text += ", count \(count)" }
        if !reason.isEmpty { text += " (\(reason))" }
        return text
    }
}
