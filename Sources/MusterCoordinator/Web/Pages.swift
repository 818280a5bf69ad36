import MusterCore
import MusterIncident

/// Asks for a token.
struct LoginPage {
    /// Why the last attempt failed; nil at first.
    let problem: String?
}

/// A text with a heading, below an incident.
struct DocumentPage {
    let id: String
    let heading: String
    let text: String
}

/// The list of incidents.
struct IncidentListPage {
    struct Row {
        let id: String
        let status: String
        let name: String
        let subtitle: String
        let cause: String?
        let opened: String
        let openedAt: String
    }

    let rows: [Row]

    init(_ incidents: [IncidentSummary]) {
        self.rows = incidents.map { incident in
            let parts = [incident.service, incident.severity ?? "", incident.owner?.team ?? ""]
            return Row(
                id: incident.id.description,
                status: incident.status.rawValue,
                name: incident.title,
                subtitle: parts.filter { !$0.isEmpty }.joined(separator: " · "),
                cause: incident.cause.map { cause in
                    incident.probability.map { "\(percent($0)) \(cause)" } ?? cause
                },
                opened: minute(incident.opened),
                openedAt: incident.opened.description
            )
        }
    }
}

/// Everything about one incident.
struct IncidentPage {
    struct Blast {
        let headline: String
        let range: String
        let coverage: String
    }

    struct PlanCard {
        let summary: String
        let action: String
        let hosts: String
        let rollback: String
        let expires: String
        let planID: String
        let why: [String]
        let command: String
    }

    struct Theory {
        let percent: String
        let value: Int
        let theory: String
        let evidence: [String]
        let against: [String]
        var hasEvidence: Bool
    }

    struct RankingCard {
        let verdict: String
        let headline: String
        let hypotheses: [Theory]
        let rankingCoverage: String
        let unseen: [String]
        let wouldChange: [String]
    }

    struct Host {
        let hostName: String
        let state: String
        let requests: Int
        let errors: Int
        let traits: String
    }

    struct Entry {
        let at: String
        let clock: String
        let kind: String
        let entry: String
    }

    /// A kind of cause to choose.
    struct KindChoice {
        let kindValue: String
        let isFirstKind: Bool
    }

    let title: String
    let status: String
    let facts: [String]
    let blast: Blast?
    let plans: [PlanCard]
    let ranking: RankingCard?
    /// What similar past incidents turned out to be, one sentence each.
    let past: [String]
    let hasPast: Bool
    let contextLines: [String]
    let hasContext: Bool
    let health: [Host]
    let hasHealth: Bool
    let actions: [String]
    let hasActions: Bool
    /// The incident's id when there is a post-mortem.
    let postMortem: String?
    let timeline: [Entry]
    /// The incident's id when whoever looks may close it.
    let closeID: String?
    let kinds: [KindChoice]
    /// Whether more may happen.
    let isOpen: Bool
}

/// `42%`; below one percent one decimal.
func percent(_ share: Double) -> String {
    let value = share * 100
    if value > 0, value < 10 { return "\((value * 10).rounded() / 10)%" }
    return "\(Int(value.rounded()))%"
}

/// `2026-11-23 02:14`.
func minute(_ time: Timestamp) -> String {
    let text = time.description
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
}
