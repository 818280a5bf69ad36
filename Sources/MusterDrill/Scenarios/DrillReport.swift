import MusterCore

/// The outcome of one scenario; its JSON form is a promise to whoever compares runs.
///
/// Steps that did not happen are null; no key is ever left out.
struct DrillReport: Encodable {
    struct Milliseconds: Encodable {
        /// From the moment the alert was posted.
        var context: Int?
        var hypothesis: Int?
        /// Until the first action ended well on a host.
        var remediation: Int?
        var verified: Int?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(context, forKey: .context)
            try container.encode(hypothesis, forKey: .hypothesis)
            try container.encode(remediation, forKey: .remediation)
            try container.encode(verified, forKey: .verified)
        }

        private enum CodingKeys: String, CodingKey {
            case context
            case hypothesis
            case remediation
            case verified
        }
    }

    /// How far the harm reached, as Muster said and as the traffic counted over the same window.
    struct Blast: Encodable {
        var percentEstimated: Double?
        var percentTrue: Double?
        var usersEstimated: Double?
        var usersTrue: Int?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(percentEstimated, forKey: .percentEstimated)
            try container.encode(percentTrue, forKey: .percentTrue)
            try container.encode(usersEstimated, forKey: .usersEstimated)
            try container.encode(usersTrue, forKey: .usersTrue)
        }

        private enum CodingKeys: String, CodingKey {
            case percentEstimated = "percent_estimated"
            case percentTrue = "percent_true"
            case usersEstimated = "users_estimated"
            case usersTrue = "users_true"
        }
    }

    struct Asked: Encodable {
        var asked = 0
        var answered = 0
    }

    var scenario: ScenarioName
    var expected: String
    /// Nil when there was no fault.
    var kindExpected: CauseKind?
    /// The first hypothesis, also when nothing stands out: the verdict tells that.
    var found: String?
    var kindFound: CauseKind?
    var verdict: Verdict?
    var probability: Double?
    var milliseconds = Milliseconds()
    var blast = Blast()
    var coverage = Asked()
    /// Hosts on which an action was carried out, by the ledgers of their agents.
    var acted: [String] = []
    /// Entries in the ledger of each host that has any.
    var executions: [String: Int] = [:]
    var approvedBy: String?
    var rolledBack = false
    var resolved = false
    /// Path of the file; nil when there was none.
    var postMortem: String?
    /// Reference of the change that the first hypothesis rests on.
    var changeFound: String?
    /// Where the first hypothesis says that it is.
    var hostsFound: [String] = []
    var serviceFound: String?
    /// Whether the first hypothesis names the cause that the drill brought about; without a fault, whether Muster said so.
    var causeIsRight = false
    /// Why the drill could not be played to its end; nil when it was.
    var error: String?

    /// Whether the agent was killed on purpose while it acted.
    var isInterruptionDrill = false
    /// Whether an action was reported as interrupted.
    var indeterminate = false

    private let goal: DrillGoal

    /// What the drill is for: the right cause first, and the harm ended where that is the goal.
    ///
    /// Where the agent was killed while it
    /// acted, the right end is that it says so and that nothing ran twice.
    var isGood: Bool {
        guard error == nil, causeIsRight, executions.values.allSatisfy({ $0 == 1 }) else { return false }
        if isInterruptionDrill { return indeterminate }
        return goal == .diagnosed || resolved
    }

    init(scenario: ScenarioName, expected: String, kindExpected: CauseKind?, goal: DrillGoal) {
        self.scenario = scenario
        self.expected = expected
        self.kindExpected = kindExpected
        self.goal = goal
    }

    init(_ scenario: any Scenario) {
        self.init(
            scenario: scenario.name,
            expected: scenario.expected,
            kindExpected: scenario.kindExpected,
            goal: scenario.goal
        )
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scenario.rawValue, forKey: .scenario)
        try container.encode(expected, forKey: .expected)
        try container.encode(found, forKey: .found)
        try container.encode(kindExpected, forKey: .kindExpected)
        try container.encode(kindFound, forKey: .kindFound)
        try container.encode(verdict, forKey: .verdict)
        try container.encode(probability, forKey: .probability)
        try container.encode(milliseconds, forKey: .milliseconds)
        try container.encode(blast, forKey: .blast)
        try container.encode(coverage, forKey: .coverage)
        try container.encode(acted, forKey: .acted)
        try container.encode(executions, forKey: .executions)
        try container.encode(approvedBy, forKey: .approvedBy)
        try container.encode(rolledBack, forKey: .rolledBack)
        try container.encode(resolved, forKey: .resolved)
        try container.encode(postMortem, forKey: .postMortem)
        try container.encode(hostsFound, forKey: .hostsFound)
        try container.encode(serviceFound, forKey: .serviceFound)
        try container.encode(changeFound, forKey: .changeFound)
        try container.encode(causeIsRight, forKey: .right)
        try container.encode(error, forKey: .error)
    }

    private enum CodingKeys: String, CodingKey {
        case scenario
        case expected
        case found
        case kindExpected = "kind_expected"
        case kindFound = "kind_found"
        case verdict
        case probability
        case milliseconds = "ms"
        case blast
        case coverage
        case acted
        case executions
        case approvedBy = "approved_by"
        case rolledBack = "rolled_back"
        case resolved
        case postMortem = "postmortem"
        case hostsFound = "hosts_found"
        case serviceFound = "service_found"
        case changeFound = "change_found"
        case right
        case error
    }
}

/// The form of the report with `--all`.
struct DrillReports: Encodable {
    var scenarios: [DrillReport]
    var score: DrillScore

    init(_ reports: [DrillReport]) {
        scenarios = reports
        score = DrillScore(reports)
    }
}
