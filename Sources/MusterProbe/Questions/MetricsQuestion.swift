import MusterCore

/// Answers which metrics moved.
struct MetricsQuestion {
    let recorder: MetricsRecorder
    let window: TimeWindow
    let prefix: String
    let budget: QuestionBudget

    private static let pointsMax = 600
    /// Bytes of a point on the wire, at most.
    private static let pointBytes = 20

    /// Scores all series; the ones that moved most come first and are the last to be left out.
    func answer(_ clock: QuestionClock) -> (Outcome, Answer?) {
        guard window.from < window.to else {
            return (Outcome(.refused, reason: "the window is empty: it ends before it begins"), nil)
        }
        let recorded = recorder.series(prefix: prefix, window: window)
        // Series without any point in the window have nothing to say.
        let known = recorded.filter { $0.windowStart < $0.values.count }
        let room = budget.bytesMax / max(1, known.count) / Self.pointBytes
        let pointsMax = min(Self.pointsMax, max(2, room))
        var answer = MetricsAnswer()
        for series in known {
            guard !clock.mustStop else { return (clock.stopped, nil) }
            answer.series.append(series.scored(pointsMax: pointsMax))
        }
        answer.series.sort {
            (abs($1.score), $0.name, $0.subject) < (abs($0.score), $1.name, $1.subject)
        }
        let dropped = max(0, answer.series.count - budget.rowsMax)
        answer.series.removeLast(dropped)
        guard dropped == 0 else {
            let reason = "\(dropped) series with the smallest scores were left out"
            return (Outcome(.partial, reason: reason, rowsDropped: dropped), .metrics(answer))
        }
        return (Outcome(.ok), .metrics(answer))
    }
}
