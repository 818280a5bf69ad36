import MusterCore

extension IncidentDirective {
    /// What should happen, in one line.
    package var text: String {
        switch self {
        case .record(let event): event.text
        case .collectContext: "collect the context"
        case .investigate(let round): "investigate, round \(round)"
        case .matchRunbook: "look for a runbook"
        case .check(let step): "check step \(step + 1)"
        case .propose(let step): "propose a plan for step \(step + 1)"
        case .look(let plan, let wave):
            "look at the stop condition of plan \(plan.short) before wave \(wave + 1)"
        case .issueTicket(let plan, let host): "issue a ticket for plan \(plan.short) to \(host.name)"
        case .deliver(let ticket): "deliver ticket \(ticket)"
        case .follow(let ticket): "follow ticket \(ticket)"
        case .conclude(let ticket, let keep):
            "have the change of ticket \(ticket) \(keep ? "kept" : "taken back")"
        case .verify(let step): "verify step \(step + 1)"
        case .tell(let purpose): "tell people (\(purpose.text))"
        case .measureImpact: "measure the impact"
        case .draftPostMortem: "draft the post-mortem"
        }
    }
}

extension NotificationPurpose {
    /// What a message is for, in a word or two.
    package var text: String {
        switch self {
        case .opened: "opened"
        case .damped: "damped"
        case .ranked: "ranked"
        case .approval(let plan): "approval of plan \(plan.short)"
        case .step(let step): "step \(step + 1)"
        case .escalated: "escalated"
        case .resolved: "resolved"
        case .postMortem: "post-mortem"
        case .glassBroken(let plan): "break-glass on plan \(plan.short)"
        case .rollbackFailed(let ticket): "rollback of ticket \(ticket) failed"
        }
    }
}
