import MusterCore
import MusterIncident

/// Finds the host that holds a database target.
struct DatabaseLocator: Sendable {
    let fleet: any Fleet

    /// A host and what it answered.
    struct Answer: Sendable {
        let host: HostReference
        let answer: SQLAnswer
    }

    /// Asks a statement of every host that may hold the target; those that can answer hold it.
    ///
    /// The host that stands nearest to the database comes first. Throws when no host answers, with the reasons.
    func ask(
        _ statement: String,
        target: String,
        settings: [String],
        for incident: Incident
    ) async throws(RemediationError) -> [Answer] {
        let hosts = await fleet.hosts().filter { $0.state != .revoked }
        let known = Set(Self.states(incident, target: target).map(\.host.id))
        let candidates = hosts.filter { known.isEmpty || known.contains($0.id) || $0.state == .connected }
        let reply = await fleet.ask(
            .sql(target: target, statement: statement, settings: settings),
            of: candidates.map(\.id),
            budget: QuestionBudget(deadline: .seconds(2), bytesMax: 64 << 10, rowsMax: 1),
            onReply: nil
        )
        let answers = reply.replies.compactMap { reply -> Answer? in
            guard reply.outcome.kind.hasAnswer, case .sql(let answer)? = reply.answer else { return nil }
            return Answer(host: reply.host, answer: answer)
        }
        guard !answers.isEmpty else {
            let reasons = Set(reply.replies.map { "\($0.host.name): \($0.outcome.reason)" }).sorted().prefix(
                3
            )
            throw RemediationError(
                "no host could ask the database\(target.isEmpty ? "" : " \(target)"): "
                    + (reasons.isEmpty ? "there is no host" : reasons.joined(separator: "; "))
            )
        }
        return answers.sorted {
            (rank($0.host, incident, target), $0.host) < (rank($1.host, incident, target), $1.host)
        }
    }

    /// Database checks that triage saw.
    private static func states(_ incident: Incident, target: String) -> [DependencyState] {
        (incident.context?.dependencies ?? []).filter {
            $0.kind == "postgres" && (target.isEmpty || $0.name == target)
        }
    }

    /// Lower is nearer.
    private func rank(_ host: HostReference, _ incident: Incident, _ target: String) -> Int {
        if incident.alerts.contains(where: { $0.host == host.name }) { return 0 }
        let own = Self.states(incident, target: target).filter { $0.host.id == host.id }
        if own.contains(where: { Self.isLocal($0.target, host.name) }) { return 1 }
        let culprit = incident.ranking?.hypotheses.first?.hosts.contains { $0.id == host.id } ?? false
        return culprit ? 2 : own.isEmpty ? 4 : 3
    }

    private static func isLocal(_ target: String, _ name: String) -> Bool {
        ["127.", "localhost", "[::1]", "::1", "/", name].contains { target.hasPrefix($0) }
    }
}

/// Why a step of a runbook could not be carried out, one sentence.
struct RemediationError: Error, Hashable, Sendable, CustomStringConvertible {
    let message: String

    init(_ message: String) { self.message = message }

    var description: String { message }
}
