import MusterCore

/// Answers which metrics moved.
struct MetricsQuestion {
    let recorder: MetricsRecorder
    let window: TimeWindow
    let prefix: String
    /// What is missing of what others measure, in words.
    var problems: [String] = []
    let budget: QuestionBudget

    /// The present, after which nothing can have been recorded.
    let now: Timestamp

    private static let pointsMax = 600
    /// Gaps that are named one by one.
    private static let gapsMax = 4
    /// Bytes of a point on the wire, at most.
    private static let pointBytes = 20

    /// Scores all series; the ones that moved most come first and are the last to be left out.
    func answer(_ clock: QuestionClock) -> (Outcome, Answer?) {
        guard window.from < window.to else {
            return (Outcome(.refused, reason: "the window is empty: it ends before it begins"), nil)
        }
        var recording = recorder.recording(window)
        let keys = recording.keys(prefix: prefix)
        let room = budget.bytesMax / max(1, keys.count) / Self.pointBytes
        let pointsMax = min(Self.pointsMax, max(2, room))
        var answer = MetricsAnswer()
        for key in keys {
            guard !clock.mustStop else { return (clock.stopped, nil) }
            // Series without any point in the window have nothing to say.
            guard let series = recording.series(key), series.windowStart < series.values.count else {
                continue
            }
            answer.series.append(series.scored(pointsMax: pointsMax))
        }
        answer.series.sort {
            (abs($1.score), $0.name, $0.subject) < (abs($0.score), $1.name, $1.subject)
        }
        let dropped = max(0, answer.series.count - budget.rowsMax)
        answer.series.removeLast(dropped)
        var reasons = missing(recording)
        if dropped > 0 { reasons.append("\(dropped) series with the smallest scores were left out") }
        let outcome = Outcome(
            reasons.isEmpty ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: dropped
        )
        return (outcome, .metrics(answer))
    }

    /// Parts of the window about which nothing is known, in words.
    private func missing(_ recording: MetricsRecording) -> [String] {
        var reasons: [String] = []
        let gaps = recording.gaps(now: now)
        for gap in gaps.prefix(Self.gapsMax) {
            reasons.append("little or nothing was recorded from \(gap.from) to \(gap.to)")
        }
        if gaps.count > Self.gapsMax {
            reasons.append("nor in \(gaps.count - Self.gapsMax) later stretches of time")
        }
        if let problem = recording.problem, !gaps.isEmpty { reasons.append(problem) }
        // Whoever asks for other series does not miss these.
        if PrometheusScrape.prefix.hasPrefix(prefix) || prefix.hasPrefix(PrometheusScrape.prefix) {
            reasons += problems
        }
        if recording.damaged > 0 { reasons.append("\(recording.damaged) stored pieces are damaged") }
        return reasons
    }
}
