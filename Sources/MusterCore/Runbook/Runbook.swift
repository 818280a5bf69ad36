/// What is known to fix one kind of trouble: a trigger and the steps to take.
///
/// Read from YAML by ``init(document:)``; the language is described there.
package struct Runbook: Hashable, Sendable, Codable {
    /// As the file says it; else the file's name without its ending.
    package var name: String
    package var trigger: RunbookTrigger
    /// At least one, at most 32.
    package var steps: [RunbookStep]

    package init(name: String, trigger: RunbookTrigger, steps: [RunbookStep]) {
        self.name = name
        self.trigger = trigger
        self.steps = steps
    }

    /// Most steps in one runbook.
    package static let stepsMax = 32

    /// What a host can look at by itself before it carries out a step that was approved beforehand.
    ///
    /// Statements, and what the step itself wants to see: signals are defined by the coordinator, whose word alone must not set anything going.
    package func confirmations(before step: Int) -> [HostVerification.Check] {
        let own = steps.indices.contains(step) ? steps[step].mitigation?.precondition : nil
        return steps[..<min(max(0, step), steps.count)].compactMap { earlier in
            guard case .verifyHypothesis(.sql(let statement, let target, let condition)) = earlier.action
            else { return nil }
            return .sql(statement: statement, target: target, condition: condition)
        } + (own.map { [$0] } ?? [])
    }
}

/// When a runbook applies.
///
/// At least one of `alert` and `cause` is there; with both, both must hold.
package struct RunbookTrigger: Hashable, Sendable, Codable {
    /// Pattern of the alert's name, in which `*` stands for any characters; nil for any alert.
    package var alert: String?
    /// The most probable cause must be of this kind; nil for any.
    package var cause: CauseKind?
    /// How sure Muster has to be of the cause before it acts without a person.
    package var confidence: RunbookConfidence

    package init(alert: String?, cause: CauseKind?, confidence: RunbookConfidence) {
        self.alert = alert
        self.cause = cause
        self.confidence = confidence
    }

    /// Whether an alert's name fits the pattern; letters of either case are equal.
    package func matches(alert name: String) -> Bool {
        guard let alert else { return true }
        return Self.matches(pattern: alert, name)
    }

    /// Whether a text fits a pattern in which `*` stands for any characters; letters of either case are equal.
    package static func matches(pattern: String, _ text: String) -> Bool {
        matches(Array(pattern.lowercased().utf8), Array(text.lowercased().utf8))
    }

    /// Greedy matching with one point to come back to: linear in practice, never exponential.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        let star = UInt8(ascii: "*")
        var p = 0
        var t = 0
        var back: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == star {
                back = (p + 1, t)
                p += 1
            } else if p < pattern.count, pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let point = back {
                back = (point.pattern, point.text + 1)
                p = point.pattern
                t = point.text + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}

/// How sure Muster has to be of a cause.
package enum RunbookConfidence: String, Sendable, Codable, CaseIterable {
    case high
    case medium
    case low

    /// The least probability of the first hypothesis.
    package var probabilityMin: Double {
        switch self {
        case .high: 0.75
        case .medium: 0.5
        case .low: 0.25
        }
    }
}

/// One step of a runbook.
package struct RunbookStep: Hashable, Sendable, Codable {
    package enum Action: Hashable, Sendable, Codable {
        /// Look whether the cause is what the runbook is for; if not, stop.
        case verifyHypothesis(RunbookCheck)
        /// Change something on hosts.
        case mitigate(RunbookMitigation)
        /// Look, again and again until the timeout, whether it helped.
        case verifyResolution(RunbookCheck, timeout: Duration)
        /// Tell people; `{count}` and other names in braces are filled in.
        case notify(message: String)
    }

    package var action: Action
    /// Where the step begins in the file.
    package var position: DocumentPosition
    /// Also taken when a step before it has failed; nil like false.
    package var isFinally: Bool?

    package init(action: Action, position: DocumentPosition, isFinally: Bool? = nil) {
        self.action = action
        self.position = position
        self.isFinally = isFinally
    }

    /// The mitigation; nil for steps that only look or tell.
    package var mitigation: RunbookMitigation? {
        guard case .mitigate(let mitigation) = action else { return nil }
        return mitigation
    }

    /// The word of the language for it.
    package var word: String {
        switch action {
        case .verifyHypothesis: "verify_hypothesis"
        case .mitigate: "mitigate"
        case .verifyResolution: "verify_resolution"
        case .notify: "notify"
        }
    }
}

/// Something to look at and what it has to be.
package enum RunbookCheck: Hashable, Sendable, Codable {
    /// A read-only statement, on a database target (empty for the only one); its first value is compared.
    case sql(statement: String, target: String, condition: Condition)
    /// A name of the signals catalogue.
    case signal(name: String, condition: Condition)

    /// What the measured value has to be.
    package var condition: Condition {
        switch self {
        case .sql(_, _, let condition), .signal(_, let condition): condition
        }
    }

    /// `Connection pool utilization < 60%`.
    package var text: String {
        switch self {
        case .sql(let statement, _, let condition): "\(statement) \(condition.text)"
        case .signal(let name, let condition): "\(name) \(condition.text)"
        }
    }
}

/// A change to hosts, with how it is taken back.
package struct RunbookMitigation: Hashable, Sendable, Codable {
    package var action: RunbookAction
    package var hosts: RunbookHosts
    package var rollback: RunbookAction?
    /// Why it can't be taken back, as the file says; nil when it says nothing.
    package var irreversible: String?
    /// False means that a signature over this file may stand for the approval.
    package var requiresApproval: Bool
    /// How it spreads; nil when the file says nothing of it.
    package var rollout: RunbookRollout?
    /// Different people who have to approve it; nil for one.
    package var approvals: Int?
    /// What each host looks at by itself afterwards; nil when nothing.
    package var verification: HostVerification?
    /// What each host must see right before it acts; nil for nothing.
    package var precondition: HostVerification.Check?

    package init(
        action: RunbookAction,
        hosts: RunbookHosts,
        rollback: RunbookAction?,
        irreversible: String?,
        requiresApproval: Bool,
        rollout: RunbookRollout? = nil,
        approvals: Int? = nil,
        verification: HostVerification? = nil,
        precondition: HostVerification.Check? = nil
    ) {
        self.action = action
        self.hosts = hosts
        self.rollback = rollback
        self.irreversible = irreversible
        self.requiresApproval = requiresApproval
        self.rollout = rollout
        self.approvals = approvals
        self.verification = verification
        self.precondition = precondition
    }

    /// Whether a plan's action is one that this step means, whatever its templates became.
    ///
    /// A host uses this to hold a plan against the runbook that was signed beforehand.
    package func permits(_ planned: Action) -> Bool { action.permits(planned) }
}

/// What is run: a statement of the file, or an action that the host's policy names.
package enum RunbookAction: Hashable, Sendable, Codable {
    case sql(statement: String, target: String)
    /// Values may hold names in braces, such as `{change.before}`.
    case command(name: String, parameters: [String: String])

    /// Whether a plan's action is this one, whatever its templates became.
    package func permits(_ planned: Action) -> Bool {
        switch (self, planned) {
        case (.sql(let statement, let target), .sql(let plannedTarget, let plannedStatement)):
            return statement == plannedStatement && target == plannedTarget
        case (.command(let name, let parameters), .command(let plannedName, let plannedParameters)):
            guard name == plannedName, Set(parameters.keys) == Set(plannedParameters.keys) else {
                return false
            }
            return parameters.allSatisfy { key, value in
                TextTemplate(value).isLiteral ? plannedParameters[key] == value : true
            }
        default: return false
        }
    }
}

/// On which hosts a mitigation acts.
package enum RunbookHosts: Hashable, Sendable, Codable {
    /// Those that the first hypothesis names.
    case culprit
    /// The one that holds the database target in question.
    case database
    /// Those that a host selector names.
    case selector(String)
}
