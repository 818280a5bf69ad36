import MusterCause
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
                alertText: incident.title,
                related: incident.related,
                hosts: hosts,
                coverage: coverage,
                unseen: unseen,
                knowledge: knowledge
            )
        )
    }
}
