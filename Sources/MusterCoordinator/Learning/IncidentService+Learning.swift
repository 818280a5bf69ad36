import Logging
import MusterCause
import MusterCore
import MusterIncident

extension IncidentService {
    package func close(
        _ incident: IncidentID,
        _ request: CloseRequest,
        by operatorName: String
    ) async throws(OperationError) {
        try request.check()
        let judge = request.judge
        try await known(incident).decide { incident throws(OperationError) in
            guard incident.closed == nil else {
                throw OperationError(.conflict, "incident \(incident.id) is closed already")
            }
            return [
                .closed(
                    by: operatorName,
                    confirmedCause: request.cause ?? "",
                    falseAlarm: request.falseAlarm == true ? true : nil,
                    judgement: judge(incident)
                )
            ]
        }
        await learn(from: fold(await eventsSince(incident: incident, sequence: 0), incident))
    }

    /// Takes in what a closed incident teaches.
    ///
    /// It is stored in the incident's record already; what fails here is made up for at the next start.
    func learn(from incident: Incident) async {
        guard incident.lesson != nil else { return }
        do throws(OperationError) {
            try await knowledge.learn(incident, at: now())
        } catch {
            logger.error(
                "an incident could not be learned from; it is tried again at the next start",
                metadata: ["incident": "\(incident.id)", "reason": "\(error)"]
            )
        }
    }

    package func accuracy(since: Timestamp) async -> AccuracyReport {
        AccuracyReport(
            facts.all,
            since: since,
            manualMinutes: configuration.manualMinutes,
            runbooks: book.records
        )
    }

    package func alertRules(since: Timestamp) async -> AlertReport { AlertReport(facts.all, since: since) }
}

extension CloseRequest {
    /// Most bytes of each text.
    static let textBytesMax = 1_024

    fileprivate func check() throws(OperationError) {
        for (key, text) in [("cause", cause), ("place", place), ("fix", fix)] {
            guard (text ?? "").utf8.count <= Self.textBytesMax else {
                throw OperationError(.malformed, "\(key) is longer than \(Self.textBytesMax) bytes")
            }
        }
        if falseAlarm == true, kind != nil {
            throw OperationError(
                .malformed,
                "a false alarm has no kind of cause; leave out one of falseAlarm and kind"
            )
        }
    }

    /// What it says of the cause; nil when it says nothing.
    fileprivate var judge: @Sendable (Incident) -> CauseJudgement? {
        { incident in
            let follows: AccuracyGrade? =
                if falseAlarm == true {
                    incident.gradeOfFalseAlarm
                } else {
                    kind.map { incident.grade(against: $0, at: place) }
                }
            guard let grade = grade ?? follows else { return nil }
            return CauseJudgement(
                kind: kind,
                place: place,
                grade: grade,
                isGiven: self.grade != nil,
                fix: fix.flatMap { $0.isEmpty ? nil : $0 }
            )
        }
    }
}
