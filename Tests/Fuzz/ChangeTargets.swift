import MusterCore

@testable import MusterCause

/// Diffs of commits and of what deploy tools tell, through the whole engine that names the culprit.
///
/// Inputs are texts with a zero byte between them: what was logged, a line each, then a diff for each change.
enum ChangeTargets {
    static let all = [FuzzTarget(name: "change-diff", run: run)]

    private static let onset = Timestamp(seconds: 1_795_600_000)
    /// Far more than any input takes, on a slow machine and without optimisation.
    private static let timeMax = Duration.seconds(5)
    /// More than the longest sentence about a cause: names and hosts, and what its diff says.
    private static let causeBytesMax = 2_000

    private static func run(_ bytes: [UInt8]) {
        let texts = bytes.split(separator: 0, maxSplits: 8, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let lines = texts[0].split(separator: "\n").prefix(20).map(String.init)
        let diffs = Array(texts.dropFirst())
        let start = ContinuousClock.now
        check(ChangeJudge.rank(window(diffs), against: symptom(lines)), of: diffs.count)
        check(CauseRanking.rank(input(lines, diffs)))
        let spent = ContinuousClock.now - start
        precondition(spent < timeMax, "\(bytes.count) bytes took \(spent)")
    }

    // MARK: Recorded commits

    private static func window(_ diffs: [String]) -> ChangeWindow {
        let commits = diffs.enumerated().map { number, diff in
            CodeChange(
                id: "commit-\(number)",
                message: String(diff.prefix(80)),
                at: onset - .seconds(600 + number),
                files: diff.split(separator: "\n").filter { $0.hasPrefix("+++ ") }
                    .map { String($0.dropFirst(4)) },
                diff: diff
            )
        }
        return ChangeWindow(
            commits: commits,
            deploys: commits.prefix(4).map {
                Deploy(service: "orders", at: onset - .seconds(60), commit: $0.id)
            },
            flags: [FlagChange(name: "split_payment", service: "orders", at: onset - .seconds(5))]
        )
    }

    private static func symptom(_ lines: [String]) -> Symptom {
        var symptom = Symptom(
            services: ["orders", "web"],
            service: "orders",
            onset: onset,
            alertedAt: onset + .seconds(60)
        )
        symptom.texts = lines.map { Symptom.Text($0, weight: 1) }
        symptom.outsideFailures = lines.prefix(2).map {
            Symptom.OutsideFailure(peer: "api.parcels.example", service: "orders", text: $0)
        }
        symptom.newValues = ["deadline_ms": Set(lines.prefix(2))]
        symptom.oldValues = ["deadline_ms": Set(lines.suffix(2))]
        return symptom
    }

    private static func check(_ ranking: ChangeRanking, of count: Int) {
        precondition(ranking.changes.count == count, "no change is lost")
        let all = ranking.changes + [ranking.none]
        check(all.map(\.probability))
        let total = all.reduce(0) { $0 + $1.probability }
        precondition(abs(total - 1) < 1e-9, "changes and none of them are together \(total)")
        for reason in all.flatMap(\.reasons) {
            precondition(reason.weight.isFinite, reason.text)
            precondition(reason.text.utf8.count <= ChangeReason.textBytesMax, reason.text)
        }
    }

    // MARK: Deploys of a live incident

    private static func input(_ lines: [String], _ diffs: [String]) -> RankingInput {
        var findings = [finding(0, .logs, about: lines.first ?? "")]
        findings[0].exemplars = Array(lines.prefix(5))
        for (number, diff) in diffs.enumerated() {
            var found = finding(UInt64(number + 1), .change, about: "\(number)")
            found.change = Change(
                kind: number.isMultiple(of: 2) ? .deploy : .config,
                at: onset - .seconds(60 + number),
                service: "orders",
                summary: "a new release",
                diff: diff,
                reference: "\(number)"
            )
            findings.append(found)
        }
        return RankingInput(
            findings: findings,
            onset: onset,
            service: "orders",
            related: [],
            hosts: [],
            coverage: Coverage(asked: 1, outcomes: ["ok": 1]),
            unseen: [],
            knowledge: RankingInput.Knowledge(alertIsKnown: false, causes: [])
        )
    }

    private static func finding(_ number: UInt64, _ kind: Finding.Kind, about subject: String) -> Finding {
        Finding(
            id: FindingID(uuid: UUIDv7(at: onset, random: (0, number))),
            kind: kind,
            text: "a finding",
            hosts: [],
            service: "orders",
            subject: String(subject.prefix(200)),
            onset: onset,
            effect: 0.8,
            coverage: Coverage(asked: 1, outcomes: ["ok": 1])
        )
    }

    private static func check(_ ranking: Ranking) {
        check(ranking.hypotheses.map(\.probability))
        for hypothesis in ranking.hypotheses {
            precondition(hypothesis.cause.utf8.count <= causeBytesMax, hypothesis.cause)
        }
    }

    private static func check(_ probabilities: [Double]) {
        precondition(probabilities.allSatisfy((0...1).contains), "\(probabilities)")
        precondition(probabilities.reduce(0, +) <= 1 + 1e-9, "\(probabilities)")
    }
}
