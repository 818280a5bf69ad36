import MusterAnalysis
import MusterCore
import MusterIncident

/// What runbooks say is known, for the ranking.
package typealias RankingKnowledge = RankingInput.Knowledge

/// Puts the evidence of an incident before the ranking.
enum HypothesisDesk {
    static func rank(
        incident: Incident,
        findings: [Finding],
        hosts: [HostHealth],
        coverage: Coverage,
        unseen: [String],
        knowledge: RankingKnowledge
    ) -> Ranking {
        let onset = incident.context?.onset ?? incident.opened
        return CauseRanking.rank(
            RankingInput(
                findings: findings,
                onset: onset,
                service: incident.service,
                related: related(incident),
                hosts: hosts,
                coverage: coverage,
                unseen: unseen,
                knowledge: knowledge
            )
        )
    }

    /// Services that the incident's service needs, by name, and services that fail with it.
    private static func related(_ incident: Incident) -> Set<String> {
        guard let context = incident.context else { return [] }
        var related: Set<String> = []
        for state in context.dependencies
        where incident.service.isEmpty || state.services.contains(incident.service) {
            related.insert(state.name)
        }
        for endpoint in context.endpoints where endpoint.rise > 0.01 { related.insert(endpoint.service) }
        return related
    }
}
