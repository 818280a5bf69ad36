import MusterCore
import MusterIncident

/// What people are told, from the incident alone.
enum Messages {
    static func message(for purpose: NotificationPurpose, of incident: Incident) -> Message {
        Message(
            incident: incident.id,
            title: incident.title,
            service: incident.service,
            status: incident.status,
            purpose: word(purpose),
            channel: incident.owner?.channel ?? "",
            escalation: callsPeople(purpose) ? incident.owner?.escalation ?? [] : [],
            text: text(for: purpose, of: incident)
        )
    }

    private static func word(_ purpose: NotificationPurpose) -> String {
        switch purpose {
        case .opened: "opened"
        case .damped: "damped"
        case .ranked: "ranked"
        case .approval: "approval"
        case .step: "step"
        case .escalated: "escalated"
        case .resolved: "resolved"
        case .postMortem: "postMortem"
        case .rollbackFailed: "rollbackFailed"
        case .glassBroken: "glassBroken"
        }
    }

    private static func callsPeople(_ purpose: NotificationPurpose) -> Bool {
        switch purpose {
        case .escalated, .rollbackFailed, .glassBroken: true
        case .opened, .damped, .ranked, .approval, .step, .resolved, .postMortem: false
        }
    }

    static func text(for purpose: NotificationPurpose, of incident: Incident) -> String {
        switch purpose {
        case .opened:
            let lines = (incident.recollection?.lines ?? []) + (incident.context?.lines ?? [])
            return ([incident.title] + lines).joined(separator: "\n")
        case .damped:
            return "Alert \(incident.damped ?? "") flaps: it joins this incident and opens no new one"
                + "\nWhen it goes on firing without a break, a new incident is opened."
        case .ranked: return ranking(incident)
        case .approval(let plan):
            guard let record = incident[plan] else { return "Plan \(plan.short) waits for approval" }
            return "Plan \(plan.short) waits for approval: \(record.sealed.plan.summary)"
                + "\nWhy a person is asked: \(record.why.joined(separator: "; "))"
                + "\nmuster approve \(incident.id) \(plan.short)"
        case .step(let step): return self.step(step, of: incident)
        case .escalated: return "People are needed: \(incident.escalated ?? "")"
        case .resolved: return "Resolved: \(incident.title)"
        case .postMortem: return "The post-mortem is drafted: muster postmortem \(incident.id)"
        case .rollbackFailed(let ticket):
            guard let record = incident[ticket] else { return "A rollback failed" }
            return "\(record.host.name) could not take its action back: \(record.report?.reason ?? "")"
                + "\nIts state has to be looked at by hand (ticket \(ticket))."
        case .glassBroken(let plan):
            guard let record = incident[plan], let use = record.breakGlass else {
                return "A glass was broken"
            }
            return "BREAK-GLASS: \(use.signer) set plan \(plan.short) going alone: \(use.reason)"
                + "\n\(record.sealed.plan.summary)"
                + "\nTo end it: muster plan abort \(incident.id) \(plan.short)"
        }
    }

    private static func ranking(_ incident: Incident) -> String {
        guard let ranking = incident.ranking else { return "No hypothesis yet" }
        let list = ranking.hypotheses.prefix(3).map { "\($0.probability.percentText) \($0.cause)" }
        let head = "Verdict \(ranking.verdict.rawValue), \(ranking.coverage.summary)"
        let runbook =
            incident.match.map { "Runbook \($0.runbook.name): \($0.because)" } ?? "No runbook applies"
        let why = VerdictExplanation(ranking, findings: incident.findings)
        // A verdict that names a cause is told by the list; one that does not says why it does not.
        let words = [.unknown, .novel].contains(ranking.verdict) ? [why.headline] : []
        return ([head] + words + list + [runbook]).joined(separator: "\n")
    }

    /// The runbook's own message; a name that nothing is known for stays as it stands.
    private static func step(_ step: Int, of incident: Incident) -> String {
        guard let match = incident.match, match.runbook.steps.indices.contains(step),
            case .notify(let source) = match.runbook.steps[step].action
        else { return "" }
        let values = values(incident, before: step)
        return TextTemplate(source).filled { values[$0] ?? "{\($0)}" } ?? source
    }

    private static func values(_ incident: Incident, before step: Int) -> [String: String] {
        let earlier = incident.steps.filter { $0.key < step }.sorted { $0.key < $1.key }.map(\.value)
        let hosts = incident.tickets.map(\.host.name)
        var values = [
            "service": incident.service,
            "hosts": hosts.joined(separator: ", "),
            "host": hosts.first ?? "",
            "cause": incident.ranking?.hypotheses.first?.cause ?? "an unknown cause",
            "alert": incident.alerts.first?.name ?? "",
            "incident": incident.id.description,
        ]
        if let count = earlier.last(where: { $0.values["count"] != nil })?.values["count"] {
            values["count"] = count.text(decimals: 0)
        }
        guard let match = incident.match else { return values }
        // The newest measurement, in the words in which it was measured.
        for index in match.runbook.steps.indices.prefix(step).reversed() {
            guard let record = incident.steps[index], let value = record.values["value"] else { continue }
            values["value"] = Self.measured(value, in: record.text)
            if let bound = record.values["bound"] { values["bound"] = bound.text(decimals: 3) }
            break
        }
        return values
    }

    /// A share was written as a percentage when it was measured; say it so again.
    private static func measured(_ value: Double, in text: String) -> String {
        text.contains("is \(value.percentText),") ? value.percentText : value.text(decimals: 3)
    }
}
