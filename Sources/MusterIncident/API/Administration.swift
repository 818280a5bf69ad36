import MusterCore

/// An operator to be made.
package struct OperatorRequest: Hashable, Sendable, Codable {
    /// Lower-case letters, digits, `.`, `_` and `-`; at most 64.
    package var name: String
    package var role: OperatorRole
    /// How long the token lasts; nil for 90 days, at most 366 days.
    package var lifeSeconds: Int?

    package init(name: String, role: OperatorRole, lifeSeconds: Int? = nil) {
        self.name = name
        self.role = role
        self.lifeSeconds = lifeSeconds
    }
}

/// An operator, without the secret.
package struct OperatorRecord: Hashable, Sendable, Codable {
    /// Begins the token; says nothing about the secret.
    package var id: String
    package var name: String
    package var role: OperatorRole
    package var created: Timestamp
    package var expires: Timestamp
    package var creator: String
    package var revoked: Bool

    package init(
        id: String,
        name: String,
        role: OperatorRole,
        created: Timestamp,
        expires: Timestamp,
        creator: String,
        revoked: Bool = false
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.created = created
        self.expires = expires
        self.creator = creator
        self.revoked = revoked
    }
}

/// A new operator with the token, which is shown this once.
package struct OperatorCreated: Hashable, Sendable, Codable {
    package var record: OperatorRecord
    package var token: String

    package init(record: OperatorRecord, token: String) {
        self.record = record
        self.token = token
    }
}

/// A join token to be made.
package struct JoinTokenRequest: Hashable, Sendable, Codable {
    /// Given to every host that joins with it.
    package var labels: [String: String]
    package var uses: Int
    package var lifeSeconds: Int

    package init(labels: [String: String], uses: Int, lifeSeconds: Int) {
        self.labels = labels
        self.uses = uses
        self.lifeSeconds = lifeSeconds
    }
}

/// A new join token in its text form, which is shown this once.
package struct JoinTokenCreated: Hashable, Sendable, Codable {
    package var id: String
    package var token: String

    package init(id: String, token: String) {
        self.id = id
        self.token = token
    }
}

/// Why something is turned down or ended, in words.
package struct ReasonRequest: Hashable, Sendable, Codable {
    package var reason: String
    package init(reason: String) { self.reason = reason }
}

/// What a person wants of a plan that is being carried out.
package enum RolloutOrder: String, Hashable, Sendable, CaseIterable {
    /// No further host begins until somebody says go on.
    case pause
    case resume
    /// Nothing begins any more; what waits for a decision is taken back.
    case abort
    /// The step of a plan that failed is taken again, by a new plan for the hosts on which it did not go well.
    case retry
}

/// How an incident is closed.
package struct CloseRequest: Hashable, Sendable, Codable {
    /// The cause as people found it, in words; nil keeps Muster's own.
    package var cause: String?
    /// What it was; what is learned from the incident rests on it.
    package var kind: CauseKind?
    /// The service or host where it was; nil for where Muster saw it.
    package var place: String?
    /// What people did that helped; nil for the runbook that was verified.
    package var fix: String?
    /// How well the first hypothesis fitted; nil lets it follow from the cause.
    package var grade: AccuracyGrade?
    /// True when there was nothing to act on: it then counts against the runbook that wanted to.
    package var falseAlarm: Bool?

    package init(
        cause: String? = nil,
        falseAlarm: Bool? = nil,
        kind: CauseKind? = nil,
        place: String? = nil,
        fix: String? = nil,
        grade: AccuracyGrade? = nil
    ) {
        self.cause = cause
        self.falseAlarm = falseAlarm
        self.kind = kind
        self.place = place
        self.fix = fix
        self.grade = grade
    }
}

/// The number that a recorded change got.
package struct ChangeReceipt: Hashable, Sendable, Codable {
    package var id: ChangeID
    package init(id: ChangeID) { self.id = id }
}

/// One line of the record of who asked or changed what.
package struct AuditEntry: Hashable, Sendable, Codable {
    package var id: Int64
    package var at: Timestamp
    /// Name of the operator.
    package var actor: String
    package var role: OperatorRole
    /// Where the call came from, without the port.
    package var address: String
    /// `incident.close`, `fleet.ask`, `plan.approve`.
    package var action: String
    /// What it was about: an id, a selector, a name.
    package var target: String
    /// Its particulars, masked of secrets.
    package var detail: String
    /// `done`, or the code of the error; nil while it runs and when the coordinator ended meanwhile.
    package var outcome: String?

    package init(
        id: Int64,
        at: Timestamp,
        actor: String,
        role: OperatorRole,
        address: String,
        action: String,
        target: String,
        detail: String,
        outcome: String?
    ) {
        self.id = id
        self.at = at
        self.actor = actor
        self.role = role
        self.address = address
        self.action = action
        self.target = target
        self.detail = detail
        self.outcome = outcome
    }
}
