import ArgumentParser

/// The command line for operators.
@main
struct Muster: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster",
        abstract: "Ask the fleet, follow incidents, approve what Muster proposes.",
        discussion: """
            Where the coordinator is and who you are comes from options (--server, --ca, --token-file), the \
            environment (MUSTER_SERVER, MUSTER_CA, MUSTER_TOKEN_FILE) or config.yaml in ~/.config/muster \
            (MUSTER_CONFIG names another folder); "muster login" writes that file.

            EXIT CODES
              0   done                        64  wrong usage
              1   failed                      69  the coordinator can't be reached
              2   partial: not every host     75  busy; try again
                  answered
              3   denied

            EXAMPLES
              muster login --server https://muster.example:8443 --ca ca.pem --token-file token
              muster fleet
              muster ask requests --on service=checkout --since 15m
              muster incident show latest
              muster approve latest
            """,
        version: "0.1.0",
        subcommands: [
            FleetCommand.self, AskCommand.self,
            IncidentsCommand.self, IncidentCommand.self, IncidentCloseCommand.self, ApproveCommand.self,
            RejectCommand.self,
            PlanCommand.self, FreezeCommand.self, UnfreezeCommand.self, PostMortemCommand.self,
            ChangeCommand.self, RunbookCommand.self, KnowledgeCommand.self, ReportCommand.self,
            LoginCommand.self, OperatorCommand.self, ApproversCommand.self, TokenCommand.self,
            AgentCommand.self,
            DrillCommand.self, EvaluateCommand.self,
        ]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as CLIError {
            Terminal.error("muster: \(error)")
            exit(withError: error.status.code)
        } catch {
            exit(withError: error)
        }
    }
}
