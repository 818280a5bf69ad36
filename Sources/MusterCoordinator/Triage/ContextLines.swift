import MusterCore
import MusterIncident

/// Says what triage saw in sentences, the most telling first.
enum ContextLines {
    /// `hosts` are those that the incident is about: they tell of themselves with each heartbeat.
    static func lines(
        _ context: IncidentContext,
        incident: Incident,
        hosts: [FleetHost],
        unseen: [String]
    ) -> [String] {
        var lines: [String] = []
        lines += changes(context, incident)
        if let blast = context.blast, blast.failed > 0 { lines.append(harm(blast, context)) }
        let sick = context.hosts.filter { $0.state == .sick }
        let healthy = context.hosts.filter { $0.state == .healthy }
        if !sick.isEmpty {
            let names = HostReference.list(sick.map(\.host))
            let others = healthy.isEmpty ? "" : "; \(healthy.count) others are healthy"
            lines.append("sick: \(names)\(others)")
        }
        lines += noticed(hosts)
        if let worst = context.endpoints.first, let p50 = worst.p50, let p99 = worst.p99 {
            lines.append(
                "\(worst.endpoint) takes \(p50.text(decimals: 1)) ms (median), "
                    + "\(p99.text(decimals: 1)) ms (99%)"
            )
        }
        for state in context.dependencies where !state.healthy {
            lines.append("\(state.kind) \(state.name) seen from \(state.host.name): \(state.text)")
        }
        if let owner = incident.owner {
            lines.append("owner: \(owner.team)\(owner.channel.isEmpty ? "" : " (\(owner.channel))")")
        }
        lines.append("hosts: \(context.coverage.summary)")
        lines += unseen.prefix(3).map { "not seen: \($0)" }
        return Array(lines.prefix(20))
    }

    /// The newest changes before the alert, at most 3, each with its real distance.
    private static func changes(_ context: IncidentContext, _ incident: Incident) -> [String] {
        let fired = incident.alerts.filter { $0.status == .firing }.map(\.starts).min() ?? incident.opened
        let alert = incident.alerts.first?.name ?? "the alert"
        let before = context.changes.filter { $0.at <= fired }.sorted { $0.at > $1.at }
        return before.prefix(3).map { change in
            let began =
                switch ChangeFindings.Relation(of: context.onset, to: change) {
                case .before(let span): "; it began \(span.spoken) after the change"
                case .together: "; it began with the change"
                case .after: "; it had begun before the change"
                }
            return "\(alert) fired \((fired - change.at).spoken) after \(change.title)"
                + "\(ChangeFindings.place(change))\(began)"
        }
    }

    /// What hosts noticed of themselves before anybody asked, the sickest first, at most 3.
    private static func noticed(_ hosts: [FleetHost]) -> [String] {
        let unwell = hosts.compactMap { host in host.health.map { (host.name, $0) } }.filter { $0.1.open > 0 }
        let sorted = unwell.sorted { $1.1.severity < $0.1.severity }
        return sorted.prefix(3).map { "\($0.0) noticed by itself: \($0.1.text)" }
    }

    private static func harm(_ blast: BlastRadius, _ context: IncidentContext) -> String {
        let place = blast.endpoint.isEmpty ? blast.service : blast.endpoint
        let before = context.endpoints.first?.errorRatioBefore.map { ", before \($0.percentText)" } ?? ""
        var line = "\(blast.ratio.percentText) of requests to \(place) fail since \(context.onset.timeOfDay) "
        line += "(95% sure: \(blast.low.percentText) to \(blast.high.percentText)\(before))"
        if let users = blast.usersInAll {
            line += ", about \(users.text) users"
        } else if let users = blast.users {
            line += ", about \(users.text(decimals: 0)) users"
        }
        if blast.coverage.answered < blast.coverage.asked, let failed = blast.failedInAll {
            line += "; on all \(blast.coverage.asked) hosts about \(failed.text) failed requests"
        }
        if let every = blast.sampledEvery { line += "; counted from at least one log line in \(every)" }
        return line
    }
}
