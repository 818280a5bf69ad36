/// What a host would do with a plan, by its policy and its ledger of now; each text is empty where there is nothing to say.
package struct PlanTrial: Hashable, Sendable, Codable {
    /// Why it would refuse, also with all approvals.
    package var refusal = ""
    /// What it would run, as argv or as a statement.
    package var action = ""
    /// How it would take that back.
    package var rollback = ""
    /// What it would look at afterwards by itself.
    package var verification = ""
    /// Different approvers that it wants, at least.
    package var approvals = 1
    /// Why a runbook that was signed beforehand would not be enough.
    package var preApproval = ""

    package init() {}
}

/// Hosts that would do the same.
package struct PlanTrialGroup: Hashable, Sendable, Codable {
    package var trial: PlanTrial
    package var hosts: [HostReference]

    package init(trial: PlanTrial, hosts: [HostReference]) {
        self.trial = trial
        self.hosts = hosts
    }

    /// Equal trials together, the most hosts first.
    package static func groups(_ trials: [(host: HostReference, trial: PlanTrial)]) -> [PlanTrialGroup] {
        var groups: [PlanTrial: [HostReference]] = [:]
        for (host, trial) in trials { groups[trial, default: []].append(host) }
        return groups.map { PlanTrialGroup(trial: $0.key, hosts: $0.value.sorted()) }
            .sorted { ($1.hosts.count, $0.hosts[0]) < ($0.hosts.count, $1.hosts[0]) }
    }
}
