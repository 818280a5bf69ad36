import MusterCore

/// How well the first hypothesis fitted what people found in the end.
package enum AccuracyGrade: String, Hashable, Sendable, Codable, CaseIterable {
    /// Kind and place of the cause were right.
    case exact
    /// One of the two was, or the cause was among the first three.
    case partly
    case wrong
    /// No hypothesis was said.
    case none
}

/// What whoever closed an incident says of its cause.
package struct CauseJudgement: Hashable, Sendable, Codable {
    /// What it was; nil when there was nothing to act on, or when only a grade was given.
    package var kind: CauseKind?
    /// The service or host where it was; nil for where Muster saw it.
    package var place: String?
    package var grade: AccuracyGrade
    /// A person gave the grade; else it follows from the cause.
    package var isGiven: Bool
    /// What people did that helped, in their words.
    package var fix: String?

    package init(
        kind: CauseKind?,
        place: String? = nil,
        grade: AccuracyGrade,
        isGiven: Bool = false,
        fix: String? = nil
    ) {
        self.kind = kind
        self.place = place
        self.grade = grade
        self.isGiven = isGiven
        self.fix = fix
    }
}

extension Incident {
    /// The grade of the first hypothesis against the cause as people found it.
    ///
    /// Without a place the one that Muster named counts as confirmed.
    package func grade(against kind: CauseKind, at place: String?) -> AccuracyGrade {
        guard let ranking, let first = ranking.hypotheses.first else { return .none }
        let isKind = first.kind == kind
        let isPlace = place.map { first.isAt($0) }
        if isKind, isPlace ?? true { return .exact }
        if isKind || isPlace == true { return .partly }
        let others = ranking.hypotheses.prefix(3).dropFirst()
        return others.contains { $0.kind == kind && (place.map($0.isAt) ?? true) } ? .partly : .wrong
    }

    /// The grade when people say that there was nothing to act on: whoever named a cause was wrong.
    package var gradeOfFalseAlarm: AccuracyGrade {
        switch ranking?.verdict {
        case nil, .unknown?: .none
        case .known?, .likely?, .novel?: .wrong
        }
    }

    /// What is known to have fixed it: the words of whoever closed it, else the runbook whose effect was verified.
    package var fix: String? {
        if let words = judgement?.fix { return words }
        guard let match, steps.values.contains(where: { $0.verified == true }),
            tickets.contains(where: \.isWell)
        else { return nil }
        return "runbook \(match.runbook.name)"
    }
}

extension Hypothesis {
    /// Whether it says that the cause is there: the name of its service or of one of its hosts.
    fileprivate func isAt(_ place: String) -> Bool {
        let place = place.lowercased()
        return service.lowercased() == place || hosts.contains { $0.name.lowercased() == place }
            || change?.service.lowercased() == place
    }
}
