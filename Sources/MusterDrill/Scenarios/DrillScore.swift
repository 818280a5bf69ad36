import MusterCore

/// How many drills Muster got right.
struct DrillScore: Encodable, Hashable {
    var faults = 0
    /// Of these, with the right cause and kind first.
    var right = 0
    var noFault = 0
    /// Of these, called so and left alone.
    var noFaultRight = 0
    /// Drills in which Muster acted although the verdict was novel.
    var actedWhenNovel = 0
    /// Could not be played; counted as not right.
    var failed = 0

    init(_ reports: [DrillReport]) {
        for report in reports {
            if report.kindExpected == nil {
                noFault += 1
                if report.causeIsRight { noFaultRight += 1 }
            } else {
                faults += 1
                if report.causeIsRight { right += 1 }
            }
            if report.verdict == .novel, !report.acted.isEmpty { actedWhenNovel += 1 }
            if report.error != nil { failed += 1 }
        }
    }

    /// `17 of 18 faults: right cause and kind first; no-fault 2 of 2`.
    var text: String {
        var text =
            "\(right) of \(faults) faults: right cause and kind first; no-fault \(noFaultRight) of \(noFault)"
        if actedWhenNovel > 0 { text += "; ACTED on something novel in \(actedWhenNovel)" }
        if failed > 0 { text += "; \(failed) could not be played" }
        return text
    }

    private enum CodingKeys: String, CodingKey {
        case faults
        case right
        case noFault = "no_fault"
        case noFaultRight = "no_fault_right"
        case actedWhenNovel = "acted_when_novel"
        case failed
    }

    /// A row for each report, for people.
    static func table(_ reports: [DrillReport]) -> [String] {
        let width = reports.map(\.scenario.rawValue.count).max() ?? 0
        func padded(_ text: String, _ count: Int) -> String {
            text + String(repeating: " ", count: max(0, count - text.count))
        }
        return reports.map { report in
            let name = padded(report.scenario.rawValue, width)
            if let error = report.error { return "FAILED  \(name)  \(error.prefix(160))" }
            let found = report.kindFound?.rawValue ?? "nothing"
            let probability = report.probability.map { $0.percentText } ?? "-"
            return "\(report.causeIsRight ? "right " : "WRONG ")  \(name)  "
                + "\(padded(report.verdict?.rawValue ?? "none", 7))  \(padded(probability, 5))  "
                + "\(padded(found, 16))  \(report.found ?? "")"
        }
    }
}
