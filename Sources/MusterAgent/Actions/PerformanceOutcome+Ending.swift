import MusterCore

extension PerformanceOutcome {
    /// How an interrupted action ended, by what a probe found; it is not run again in either case.
    ///
    /// Success of the probe is that it took effect, exit status 1 that it did not.
    func settlement(by probe: String) -> (state: ActionState, reason: String) {
        let text = "the agent was interrupted while the action ran; "
        switch self {
        case .succeeded: return (.done, text + "\(probe) says that it took effect")
        case .failed(let result) where result.exitStatus == 1:
            return (.failed, text + "\(probe) says that it did not take effect")
        case .failed(let result), .untouched(let result), .indeterminate(let result):
            let reason = "\(probe) can't tell how it ended (\(result.reason)); look at the host"
            return (.indeterminate, text + reason)
        }
    }

    /// How taking something back ended, with why it was taken back.
    func rollbackEnding(reason: String) -> (state: ActionState, result: ActionResult) {
        var (state, result): (ActionState, ActionResult) =
            switch self {
            case .succeeded(let found): (.rolledBack, found)
            case .failed(let found), .untouched(let found): (.rollbackFailed, found)
            case .indeterminate(let found): (.indeterminate, found)
            }
        result.reason = [reason, result.reason].filter { !$0.isEmpty }.joined(separator: "; then: ")
        return (state, result)
    }
}
