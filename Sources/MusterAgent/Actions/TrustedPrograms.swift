import MusterCore

/// The programs behind a policy's actions: nobody else may have written what this host runs.
///
/// A script's interpreter and what a program loads are as safe as the program's author made them; they are not looked
/// at. What takes something back is not stopped by this: a host must always be able to go back.
extension HostPolicy {
    /// Throws a sentence when a program that the plan would have this host run could be somebody else's.
    ///
    /// Names that the policy does not list are the judge's business.
    func checkPrograms(of plan: Plan) throws(PolicyRefusal) {
        try checkProgram(of: plan.action)
        if let rollback = plan.rollback { try checkProgram(of: rollback) }
        if case .command(let name, _)? = plan.verification?.check { try checkProgram(named: name) }
        if case .command(let name, _)? = plan.precondition { try checkProgram(named: name) }
    }

    /// The same for what is looked at before an action, which a signed runbook may name too.
    func checkPrograms(of looks: [PermittedCheck]) throws(PolicyRefusal) {
        for case .command(let command) in looks { try checkProgram(named: command.name) }
    }

    /// Whether nobody else could have written the program that looks after the plan's action.
    func trustsVerification(of plan: Plan) -> Bool {
        guard case .command(let name, _)? = plan.verification?.check else { return true }
        return action(name)?.programObjection == nil
    }

    private func checkProgram(of action: Action) throws(PolicyRefusal) {
        if case .command(let name, _) = action { try checkProgram(named: name) }
    }

    private func checkProgram(named name: String) throws(PolicyRefusal) {
        if let objection = action(name)?.programObjection { throw PolicyRefusal(objection) }
    }
}

extension PolicyAction {
    /// Why this host does not run the action's program; nil when nobody else could have written it.
    var programObjection: String? {
        do throws(AgentError) {
            try TrustedPath.check(program: argv.first ?? "")
            return nil
        } catch {
            return "the program of action \(name) is not run: \(error.message)"
        }
    }
}
