import MusterCore
import MusterIdentity
import MusterIncident

/// The post-mortem of an incident, written from its events and nothing else.
///
/// Every sentence that claims something ends with the numbers of the events it rests on. An event that is not in
/// the record leaves no trace in the text, so gaps in a copy are allowed.
struct PostMortem {
    private let events: [StoredEvent]
    private var cite: Citations

    init(events: [StoredEvent]) {
        self.events = events.sorted { $0.seq < $1.seq }
        self.cite = Citations(self.events)
    }

    static func digest(_ text: String) -> Digest { SHA256.hash(Array(text.utf8)) }

    /// The whole text.
    var markdown: String {
        var copy = self
        return copy.write()
    }

    private mutating func write() -> String {
        var lines = ["# Post-mortem: \(MarkdownText.escaped(title))", ""]
        section("Summary", summary(), &lines)
        section("Impact", impact(), &lines)
        section("Cause", cause(), &lines)
        section("What was done", actions(), &lines)
        section("What worked and what did not", judgement(), &lines)
        section("Action items", ActionItems(events: events).lines(&cite).map { "- [ ] \($0)" }, &lines)
        section("Timeline", timeline(), &lines)
        lines += ["## Sources", "", "Numbers in brackets are events of the incident's record.", ""]
        return (lines + cite.list + [""]).joined(separator: "\n")
    }

    private func section(_ title: String, _ content: [String], _ lines: inout [String]) {
        guard !content.isEmpty else { return }
        lines += ["## \(title)", ""] + content + [""]
    }

    // MARK: Events

    private func first(_ kind: IncidentEvent.Kind) -> StoredEvent? { events.first { $0.kind == kind } }
    private func last(_ kind: IncidentEvent.Kind) -> StoredEvent? { events.last { $0.kind == kind } }
    private func all(_ kind: IncidentEvent.Kind) -> [StoredEvent] { events.filter { $0.kind == kind } }

    private var title: String {
        if case .opened(let title, _, _, _)? = first(.opened)?.body { return title }
        if case .alertReceived(let alert, _)? = first(.alertReceived)?.body { return alert.name }
        return "an incident"
    }

    private var ending: StoredEvent? { first(.resolved) ?? first(.closed) }

    // MARK: Sections

    private mutating func summary() -> [String] {
        var lines: [String] = []
        if let event = first(.opened), case .opened(_, let service, let severity, let owner) = event.body {
            var text = "Incident \(event.incident) was opened at \(event.at)"
            if !service.isEmpty { text += " for service \(service)" }
            if !severity.isEmpty { text += ", severity \(severity)" }
            if let owner { text += ", owned by \(owner.team)" }
            lines.append(cite.sentence(text + ".", event))
        }
        if let event = first(.alertReceived), case .alertReceived(let alert, _) = event.body {
            lines.append(cite.sentence("The alert was \(alert.name): \(alert.summary).", event))
        }
        if let event = ending {
            let start = first(.opened) ?? first(.alertReceived)
            let span = start.map { ", \((event.at - $0.at).spoken) after it was opened" } ?? ""
            switch event.body {
            case .resolved(let reason, let by):
                lines.append(
                    cite.sentence("It was resolved by \(by) at \(event.at)\(span): \(reason).", event, start)
                )
            case .closed(let by, _, _, _):
                lines.append(cite.sentence("It was closed by \(by) at \(event.at)\(span).", event, start))
            default: break
            }
        }
        return spaced(lines)
    }

    private mutating func impact() -> [String] {
        var lines: [String] = []
        if let event = last(.impactMeasured), case .impactMeasured(let impact) = event.body {
            let span =
                "\(impact.minutes.text(decimals: 1)) minutes (\(impact.window.from) to \(impact.window.to))"
            lines.append(cite.sentence("It lasted \(span).", event))
            if let blast = impact.blast {
                let place = blast.endpoint.isEmpty ? blast.service : blast.endpoint
                let share =
                    "\(blast.failed) of \(blast.requests) requests to \(place) failed (\(blast.ratio.percentText)"
                let range = "95% sure: \(blast.low.percentText) to \(blast.high.percentText)"
                lines.append(cite.sentence("\(share); \(range); hosts: \(blast.coverage.summary)).", event))
                if let users = blast.users {
                    lines.append(cite.sentence("About \(users.text(decimals: 0)) users met an error.", event))
                }
            } else {
                lines.append(cite.sentence("No requests were seen that it could be counted by.", event))
            }
            if let cost = impact.cost {
                let rates =
                    "\(impact.costPerFailedRequest.text()) per failed request and "
                    + "\(impact.costPerMinute.text()) per minute"
                lines.append(
                    cite.sentence("It cost about \(cost.text()) \(impact.currency), at \(rates).", event)
                )
            }
        }
        return spaced(lines)
    }

    private mutating func cause() -> [String] {
        var lines: [String] = []
        if let event = last(.closed), case .closed(let by, let cause, _, let judgement) = event.body {
            let words = [judgement?.kind?.rawValue, cause.isEmpty ? nil : cause].compactMap(\.self)
            if !words.isEmpty {
                let found = words.joined(separator: ": ")
                lines += [cite.sentence("People found in the end (\(by)): \(found).", event), ""]
            }
        }
        if let event = last(.pastRecalled), case .pastRecalled(let past) = event.body {
            for line in past.lines { lines.append("- before: \(cite.sentence(line, event))") }
            if !past.matches.isEmpty { lines.append("") }
        }
        guard let event = last(.hypothesisRanked), case .hypothesisRanked(let ranking, _) = event.body else {
            return lines
        }
        guard let first = ranking.hypotheses.first else {
            let seen = all(.findingMade).compactMap { event -> Finding? in
                if case .findingMade(let finding) = event.body { finding } else { nil }
            }
            let words =
                VerdictExplanation.isQuiet(seen)
                ? VerdictExplanation(ranking, findings: seen).headline
                : "Nothing that was seen explains it (verdict \(ranking.verdict.rawValue))."
            lines.append(cite.sentence(words, event))
            return lines
        }
        let findings = all(.findingMade)
        func evidence(_ ids: [FindingID]) -> [(StoredEvent, Finding)] {
            ids.compactMap { id in
                for event in findings {
                    if case .findingMade(let finding) = event.body, finding.id == id {
                        return (event, finding)
                    }
                }
                return nil
            }
        }
        let kind = "\(ranking.verdict.rawValue), \(first.probability.percentText) probable"
        lines.append(cite.sentence("Most probably (\(kind)): \(first.cause).", event))
        for (source, finding) in evidence(first.evidence) {
            lines.append("- for it: \(cite.sentence(finding.text, source))")
        }
        for (source, finding) in evidence(first.against) {
            lines.append("- against it: \(cite.sentence(finding.text, source))")
        }
        for other in ranking.hypotheses.dropFirst().prefix(3) {
            lines.append(
                "- less probable: \(cite.sentence("\(other.cause) (\(other.probability.percentText))", event))"
            )
        }
        lines.append("- hosts: \(cite.sentence(ranking.coverage.summary, event))")
        for sentence in ranking.unseen { lines.append("- not seen: \(cite.sentence(sentence, event))") }
        return lines
    }

    private mutating func actions() -> [String] {
        let kinds: Set<IncidentEvent.Kind> = [
            .runbookMatched, .runbookNotFound, .stepEnded, .planProposed, .approvalGiven, .glassBroken,
            .approvalRejected,
            .approvalPresent, .actionReported, .actionUndelivered, .actionDecided, .actionLost, .verified,
            .escalated, .rolloutPaused, .rolloutResumed, .rolloutAborted, .rolloutLooked, .rolloutStopped,
            .rolloutRetried,
            .freezeBegan, .freezeEnded,
        ]
        return events.filter { kinds.contains($0.kind) }.map { "- \(cite.sentence($0.body.text, $0))" }
    }

    private mutating func judgement() -> [String] {
        guard let start = first(.alertReceived) ?? first(.opened) else { return [] }
        var lines: [String] = []
        func after(_ event: StoredEvent) -> String { (event.at - start.at).spoken }
        let marks: [(IncidentEvent.Kind, String)] = [
            (.contextCollected, "The context was there"),
            (.hypothesisRanked, "The first hypothesis was there"),
            (.approvalRequested, "Approval was asked for"), (.approvalGiven, "Approval was given"),
            (.glassBroken, "The glass was broken"),
            (.verified, "The first verification ended"), (.resolved, "It was resolved"),
        ]
        for (kind, words) in marks {
            if let event = first(kind) {
                lines.append("- \(cite.sentence("\(words) \(after(event)) after the alert.", event, start))")
            }
        }
        for event in all(.notified) {
            if case .notified(_, let channel, _, false, let reason) = event.body {
                lines.append(
                    "- \(cite.sentence("A message to \(channel) did not arrive: \(reason).", event))"
                )
            }
        }
        return lines
    }

    private mutating func timeline() -> [String] {
        // Messages repeat what the other lines say; drafting this is no part of it.
        let shown = events.filter { ![.postMortemDrafted, .notified].contains($0.kind) }
        guard let start = shown.first else { return [] }
        let rows = shown.map { event in
            "| \(event.at.timeOfDay) | +\((event.at - start.at).inSeconds.text(decimals: 1)) s "
                + "| \(cite.sentence(event.body.text, event)) |"
        }
        return ["| time (UTC) | since the start | what |", "|---|---|---|"] + rows
    }

    private func spaced(_ lines: [String]) -> [String] {
        lines.isEmpty ? [] : [lines.joined(separator: "\n")]
    }
}
