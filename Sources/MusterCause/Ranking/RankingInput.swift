import MusterCore

/// All that a ranking rests on.
package struct RankingInput: Sendable {
    /// What has been seen in earlier cases.
    package struct Knowledge: Hashable, Sendable {
        /// A runbook is made for an alert of this name.
        package var alertIsKnown: Bool
        /// Kinds of causes that runbooks are made for.
        package var causes: Set<CauseKind>
        /// How much past incidents like this one shift a kind of cause, in log-odds.
        package var priors: [CauseKind: Double] = [:]
        /// Kinds of causes that people confirmed in incidents like this one.
        package var confirmed: Set<CauseKind> = []
        /// The greatest similarity to anything known, 0 to 1.
        package var nearest = 0.0

        package init(alertIsKnown: Bool, causes: Set<CauseKind>) {
            self.alertIsKnown = alertIsKnown
            self.causes = causes
        }
    }

    package var findings: [Finding]
    /// When the trouble began.
    package var onset: Timestamp
    /// Of the incident; empty when unknown.
    package var service: String
    /// Services that it depends on, or that share its hosts.
    package var related: Set<String>
    package var hosts: [HostHealth]
    /// Over all questions.
    package var coverage: Coverage
    package var unseen: [String]
    package var knowledge: Knowledge

    package init(
        findings: [Finding],
        onset: Timestamp,
        service: String,
        related: Set<String>,
        hosts: [HostHealth],
        coverage: Coverage,
        unseen: [String],
        knowledge: Knowledge
    ) {
        self.findings = findings
        self.onset = onset
        self.service = service
        self.related = related
        self.hosts = hosts
        self.coverage = coverage
        self.unseen = unseen
        self.knowledge = knowledge
    }
}
