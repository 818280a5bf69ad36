import MusterCore
import Synchronization

extension LogRecorder {
    /// Lines inside a window, and how often each template stands there; lines of no service belong to all.
    ///
    /// Reads the log files again where the index says that they may hold such lines.
    package func logs(
        window: TimeWindow,
        service: String,
        level: LogLevel?,
        text: String,
        refinement: LogRefinement = LogRefinement(),
        budget: QuestionBudget,
        isCancelled: @Sendable () -> Bool
    ) -> (Outcome, LogsAnswer) {
        guard isConfigured else {
            return (Outcome(.refused, reason: "no logs are configured on this host"), LogsAnswer())
        }
        return withoutActuallyEscaping(isCancelled) { isCancelled in
            let clock = QuestionClock(budget, isCancelled: isCancelled)
            // What was written a moment ago counts too.
            tickForQuestion()
            let query = LogQuery(
                window: window,
                level: level,
                text: text,
                service: service,
                refinement: refinement,
                rowsMax: budget.rowsMax,
                linesBytesMax: budget.bytesMax,
                now: WallMoment.now
            )
            do throws(ProbeError) { return try logs(query, clock) } catch {
                return (Outcome(.refused, reason: error.message), LogsAnswer())
            }
        }
    }

    private func logs(_ query: LogQuery, _ clock: QuestionClock) throws(ProbeError) -> (Outcome, LogsAnswer) {
        let opened = StretchFiles(files, scratch: scratch, journal: journal, mustStop: { clock.mustStop })
        // Copies: whoever follows the logs does not wait for those who ask.
        let (indexed, services, miner, older, known) = state.withLock { state in
            let index = state.record.index
            let inputs = Self.inputs(of: query.service, state.record.services)
            let logs = state.follower.logs.filter { log in
                inputs.contains(log.input) && !index.reaches(query.window.from, in: log.path)
            }
            return (
                index.stretches(query.window, level: query.level, inputs: inputs),
                state.record.services,
                state.record.miner,
                logs,
                index.identities
            )
        }
        let stretches =
            opened.rotated(of: older, in: query.window, known: known) + indexed + entries(of: query.window)
        var search = try LogSearch(
            files: files,
            opened: opened,
            parser: parser,
            query: query,
            miner: miner,
            mustStop: { clock.mustStop }
        )
        search.search(
            stretches.map {
                ($0, service: $0.isJournal ? "" : String(decoding: services[$0.input], as: UTF8.self))
            }
        )
        let answer = search.finish()
        if clock.wasCancelled { return (clock.stopped, LogsAnswer()) }
        var reasons = search.reasons
        let isWhole = reasons.isEmpty
        if let lost = losses.inWords { reasons.append(lost) }
        if search.rowsDropped > 0 {
            reasons.append("\(search.rowsDropped) more lines are counted, not listed")
        }
        let outcome = Outcome(
            isWhole ? .ok : .partial,
            reason: reasons.joined(separator: "; "),
            rowsDropped: search.rowsDropped
        )
        return (outcome, answer)
    }
}
