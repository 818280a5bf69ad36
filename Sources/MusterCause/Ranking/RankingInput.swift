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
    /// What the alert says; empty when unknown.
    package var alertText: String
    /// Services that it depends on, or that share its hosts.
    package var related: Set<String>
    package var hosts: [HostHealth]
    /// Over all questions.
    package var coverage: Coverage
    package var unseen: [String]
    package var knowledge: Knowledge
    /// Which service calls which; empty when no map is known.
    package var calls: [ServiceCall]
    /// Services that were looked at: nothing found there means that they are well.
    package var observed: [String]
    /// Services that nobody called before the trouble.
    package var newcomers: Set<String>
    /// What the alert is about; nil when it does not say.
    package var symptom: EvidenceGraph.Symptom?

    package init(
        findings: [Finding],
        onset: Timestamp,
        service: String,
        alertText: String = "",
        related: Set<String>,
        hosts: [HostHealth],
        coverage: Coverage,
        unseen: [String],
        knowledge: Knowledge,
        calls: [ServiceCall] = [],
        observed: [String] = [],
        newcomers: Set<String> = [],
        symptom: EvidenceGraph.Symptom? = nil
    ) {
        self.findings = findings
        self.onset = onset
        self.service = service
        self.alertText = alertText
        self.related = related
        self.hosts = hosts
        self.coverage = coverage
        self.unseen = unseen
        self.knowledge = knowledge
        self.calls = calls
        self.observed = observed
        self.newcomers = newcomers
        self.symptom = symptom
    }

    /// What the findings say about places.
    package var graph: EvidenceGraph {
        var graph = EvidenceGraph()
        for service in observed {
            graph.add(service: service, observed: true, isNew: newcomers.contains(service))
        }
        for call in calls { graph.add(call: call.caller, to: call.callee) }
        for finding in findings { graph.add(finding) }
        return graph
    }
}
