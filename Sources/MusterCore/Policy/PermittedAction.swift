/// What a host will do for a ticket: nothing in it comes from the wire unchecked.
package struct PermittedAction: Hashable, Sendable {
    package var forward: Execution
    /// Nil when it can't be taken back.
    package var rollback: Execution?
    /// Whose word it rests on, for the log: `ana` or `ana (runbook)`.
    package var authority: String
    /// Whether it rests on a signed runbook rather than on approvals of this very plan.
    package var isPreApproved = false
    /// Whom it rests on when one person alone set it going.
    package var breakGlass: BreakGlass?
    /// What the host has to see with its own eyes first.
    package var confirmations: [PermittedCheck] = []

    package init(forward: Execution, rollback: Execution?, authority: String) {
        self.forward = forward
        self.rollback = rollback
        self.authority = authority
    }
}

/// Something to look at, ready to be looked at.
package enum PermittedCheck: Hashable, Sendable {
    case sql(RunbookCheck)
    case command(CommandExecution)
}

/// Something to run, ready to be run.
package enum Execution: Hashable, Sendable {
    case command(CommandExecution)
    case sql(SQLExecution)

    /// For people: `"/usr/bin/systemctl" "restart" "shop" as deploy`, or `SELECT … on orders`.
    package var text: String {
        switch self {
        case .command(let command):
            command.argv.map { "\"\($0)\"" }.joined(separator: " ")
                + (command.user.isEmpty ? "" : " as \(command.user)")
        case .sql(let sql): sql.statement + (sql.target.isEmpty ? "" : " on \(sql.target)")
        }
    }

    /// What the rate limit counts: the action's name or the database target.
    package var subject: String {
        switch self {
        case .command(let command): "command:\(command.name)"
        case .sql(let sql): "sql:\(sql.target)"
        }
    }
}

/// A program with its arguments; there is no shell.
package struct CommandExecution: Hashable, Sendable {
    package var name: String
    package var argv: [String]
    /// Empty for the agent's own.
    package var user: String
    package var timeout: Duration
    package var outputBytesMax: Int
    package var surroundings: CommandSurroundings

    package init(
        name: String,
        argv: [String],
        user: String,
        timeout: Duration,
        outputBytesMax: Int,
        surroundings: CommandSurroundings = CommandSurroundings()
    ) {
        self.name = name
        self.argv = argv
        self.user = user
        self.timeout = timeout
        self.outputBytesMax = outputBytesMax
        self.surroundings = surroundings
    }
}

/// Folder and environment of a command; nothing else of the agent's own reaches it.
package struct CommandSurroundings: Hashable, Sendable {
    /// One variable of the command's environment.
    package enum Variable: Hashable, Sendable {
        /// The value that the policy gives.
        case fixed(String)
        /// The value that it has in the agent's own environment: for secrets, which then stand in no ledger.
        case passed
    }

    /// Most variables that a policy names for one action.
    package static let variablesMax = 64

    /// Absolute path; `/` unless the policy names another.
    package var folder = "/"
    /// By name; PATH and LANG are always there and may be named too.
    package var environment: [String: Variable] = [:]

    package init(folder: String = "/", environment: [String: Variable] = [:]) {
        self.folder = folder
        self.environment = environment
    }
}

/// A statement for the acting role.
package struct SQLExecution: Hashable, Sendable {
    package var target: String
    package var statement: String
    package var timeout: Duration

    package init(target: String, statement: String, timeout: Duration) {
        self.target = target
        self.statement = statement
        self.timeout = timeout
    }
}
