/// What may be done to a host, as its root wrote it in `policy.yaml`.
///
/// Everything that is not listed is refused; a host without the file is observe-only.
package struct HostPolicy: Hashable, Sendable {
    /// Refuse every action, whatever the rest says.
    package var observeOnly = true
    /// Facts of this host that pre-approvals may be limited to, for example `role: db`.
    package var labels: [String: String] = [:]
    /// People whose signature counts; names and keys are unique.
    package var approvers: [PolicyKey] = []
    /// Where they and those who sign runbooks come from.
    package var approverSource = ApproverSource.policy
    /// Different approvers that a plan needs; at least 1.
    package var approvalsNeeded = 1
    /// Whether an approver with that right may set a plan going alone.
    package var allowsBreakGlass = false
    package var actions: [PolicyAction] = []
    package var sql: [PolicySQL] = []
    /// Whether a signature over a runbook may stand for approvals.
    package var allowsPreApproval = false
    /// SHA-256 of the runbook files that this holds for: no other, whoever signed it.
    package var preApprovedRunbooks: Set<Digest> = []
    /// People who may pre-approve runbooks.
    package var runbookSigners: [PolicyKey] = []

    /// The policy of a host that has none: look, don't touch.
    package init() {}

    /// The action of this name.
    package func action(_ name: String) -> PolicyAction? { actions.first { $0.name == name } }

    /// The rule for a database target; an empty name means the only one, as in the agent's configuration.
    package func sql(_ target: String) -> PolicySQL? {
        sql.first { $0.target == target } ?? (target.isEmpty && sql.count == 1 ? sql[0] : nil)
    }
}

/// Whose word is enough.
package enum PolicyPermission: String, Sendable, CaseIterable {
    /// Nobody's; the entry is there to be seen.
    case never
    /// Approvers who saw the very plan.
    case approved
    /// Also that of a signer of the runbook.
    case preapproved
}

/// A command that may be run, as an argv array: there is no shell.
package struct PolicyAction: Hashable, Sendable {
    package var name: String
    package var allow: PolicyPermission = .approved
    /// It only looks: it may verify what another has done, and can't be a plan's action.
    package var observes = false
    /// The first element is an absolute path; later ones may hold `{parameter}`.
    package var argv: [String]
    /// Exactly the parameters that a plan has to give.
    package var parameters: [String: PolicyParameter] = [:]
    /// User to run as; empty for the agent's own.
    package var user = ""
    package var timeout: Duration = .seconds(60)
    /// Bytes of output kept, from its end.
    package var outputBytesMax = 16 << 10
    package var ratePerHour = 6
    /// When it may begin, unless to take something back; nil for always.
    package var hours: WeeklyHours?
    /// What the program finds around it.
    package var surroundings = CommandSurroundings()
    /// The only action that a plan may name to take this one back; nil when any listed one will do.
    package var rollback: String?
    /// The observing action that says, after a crash, whether this one took effect; nil when nothing does.
    package var settledBy: String?

    package init(name: String, argv: [String]) {
        self.name = name
        self.argv = argv
    }
}

/// A database on which statements may be run by the acting role.
package struct PolicySQL: Hashable, Sendable {
    /// Target in the agent's configuration; empty for the only one.
    package var target: String
    package var allow: PolicyPermission
    /// SHA-256 of the statements that may be run; empty for any.
    package var statements: Set<Digest> = []
    package var timeout: Duration = .seconds(30)
    package var ratePerHour = 6

    package init(target: String, allow: PolicyPermission) {
        self.target = target
        self.allow = allow
    }
}
