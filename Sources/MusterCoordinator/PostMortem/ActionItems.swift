import MusterCore
import MusterIncident

/// What people should do so that it does not happen again, or goes better: proposals made by fixed rules.
struct ActionItems {
    let events: [StoredEvent]

    func lines(_ cite: inout Citations) -> [String] {
        causes(&cite) + gaps(&cite)
    }

    /// From the kind of the most probable cause.
    private func causes(_ cite: inout Citations) -> [String] {
        guard let event = events.last(where: { $0.kind == .hypothesisRanked }),
            case .hypothesisRanked(let ranking, _) = event.body, let first = ranking.hypotheses.first
        else { return [] }
        let texts: [String]
        switch first.kind {
        case .badDeploy:
            let what = first.change?.title ?? "the deploy"
            texts = [
                "Find out why \(what) fails, and fix it before it is rolled out again.",
                "Find out why no test and no canary stopped \(what).",
            ]
        case .badConfig, .flag:
            let what = first.change?.title ?? "the change"
            texts = [
                "Put the right value in the source of \(what), and have such values checked before they apply."
            ]
        case .poolExhausted:
            texts = [
                "Find what left the sessions idle and make it give them back.",
                "Set a limit on idle sessions (idle_session_timeout) and on sessions per application.",
            ]
        case .lockWait:
            texts = ["Find what held the lock, and set lock_timeout and idle_in_transaction_session_timeout."]
        case .slowQuery:
            texts = ["Look at the statement's plan, and set a statement_timeout that users can live with."]
        case .dependencyDown, .dependencyHung:
            texts = ["Find out why it was down, and what its users could have done without it."]
        case .noisyNeighbour:
            texts = ["Give both their own share of the host (cgroup limits), or hosts of their own."]
        case .oomKill:
            texts = ["Find what grows, and alert on memory long before the kernel has to choose."]
        case .fileDescriptors:
            texts = ["Find what leaves descriptors open, and set the limit to what the service needs."]
        case .dns:
            texts = ["Find out what changed the resolver, and keep a second one that is really another."]
        case .clockSkew:
            texts = ["Find out why the clock was not kept, and alert on its distance."]
        case .logFlood:
            texts = ["Limit how much the service may log, and keep its logs on a disk of their own."]
        case .cpu, .memory, .disk, .io, .network, .networkDelay, .networkLoss:
            texts = [
                "Set an alert on \(first.kind.rawValue) that fires before users notice, and plan the capacity."
            ]
        case .certificate:
            texts = ["Renew certificates by a machine, and alert three weeks before they expire."]
        case .trafficSurge: texts = ["Decide how much traffic has to be borne, and limit what is beyond."]
        case .defect, .unknown: texts = ["Find the cause: what was seen does not explain it."]
        }
        return texts.map { cite.sentence($0, event) }
    }

    /// From what Muster could not see or do.
    private func gaps(_ cite: inout Citations) -> [String] {
        var lines: [String] = []
        if let event = events.last(where: { $0.kind == .hypothesisRanked }),
            case .hypothesisRanked(let ranking, _) = event.body, ranking.coverage.ratio < 1
        {
            lines.append(cite.sentence("Make every host answer: \(ranking.coverage.summary).", event))
        }
        for event in events {
            switch event.body {
            case .runbookNotFound:
                lines.append(cite.sentence("Write a runbook for this: none applied.", event))
            case .actionLost(_, let host, _):
                lines.append(cite.sentence("Look on \(host.name) what became of the action.", event))
            case .actionReported(let report, let host) where report.state == .indeterminate:
                lines.append(cite.sentence("Look on \(host.name) what became of the action.", event))
            case .verified(_, false, _, _):
                lines.append(cite.sentence("Correct the runbook: its action did not help.", event))
            case .glassBroken(_, let use, let by):
                let text =
                    "Look over what \(by) set going alone (\(use.reason)), and why nobody else could be had."
                lines.append(cite.sentence(text, event))
            case .approvalRequested(_, let why):
                let reasons = why.joined(separator: "; ")
                lines.append(cite.sentence("Consider whether a person is needed here: \(reasons).", event))
            case .notified(_, let channel, _, false, _):
                lines.append(cite.sentence("Make messages to \(channel) arrive.", event))
            default: continue
            }
        }
        return Array(lines.prefix(12))
    }
}
