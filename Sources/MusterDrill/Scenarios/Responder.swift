import MusterCore

/// The people and mishaps of a drill while an incident runs: who approves, and what gets killed when.
final class Responder {
    private let stage: Stage
    private let options: DrillOptions
    private let alertAt: Timestamp
    private let approves: Bool
    private var approved: Set<PlanID> = []
    private var coordinatorKilled = false
    private var agentKilled = false

    init(stage: Stage, options: DrillOptions, alertAt: Timestamp, approves: Bool) {
        self.stage = stage
        self.options = options
        self.alertAt = alertAt
        self.approves = approves
    }

    var reactions: IncidentWatch.Reactions {
        IncidentWatch.Reactions(
            approve: { [self] in try approve($0, of: $1) },
            actionRuns: { [self] in try actionRuns(on: $0) },
            tick: { [self] in try tick() }
        )
    }

    /// Plays the approver at the keyboard.
    ///
    /// A coordinator that is away is asked again on the next turn.
    private func approve(_ plan: PlanID, of incident: IncidentID) throws {
        guard approves, !approved.contains(plan) else { return }
        let approver = stage.people.approver
        let command = approver.command(["approve", "\(incident)", "\(plan)"])
        let result = try command.run()
        if result.status == 0 {
            approved.insert(plan)
            stage.narrator.typed(command.line, as: approver.name, answer: result.output)
        } else if !options.mayLoseCoordinator {
            throw DrillError(.process, "\(command.line) ended with status \(result.status): \(result.errors)")
        }
    }

    private func actionRuns(on host: String) throws {
        guard options.killAgentDuringAction, !agentKilled else { return }
        agentKilled = true
        stage.narrator.say("Mishap: the agent on \(host) is killed (SIGKILL) while its action runs.")
        try stage.restartAgent(on: host)
    }

    private func tick() throws {
        guard let after = options.killCoordinatorAfter, !coordinatorKilled, WallClock.now() - alertAt >= after
        else { return }
        coordinatorKilled = true
        stage.narrator.say("Mishap: the coordinator is killed (SIGKILL) and started again.")
        try stage.coordinator.killAndRestart()
    }
}

extension DrillOptions {
    /// Whether calls to the coordinator may fail for a while.
    var mayLoseCoordinator: Bool { killCoordinatorAfter != nil }
}
