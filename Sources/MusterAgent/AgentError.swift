import Glibc

/// Why the agent can't do what it was asked to on this host.
package struct AgentError: Error, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The command line is not understood.
        case usage
        /// A file that the agent needs is missing, wrong or not safe.
        case configuration
        /// The host does not let the agent do it.
        case system
        /// The coordinator said no.
        case refused
        /// The coordinator can't be reached now; trying again may help.
        case unavailable
    }

    package var code: Code
    /// What happened and what to do.
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { message }

    /// The exit code of a command that ended with it, as `muster` has them.
    package var exitCode: Int32 {
        switch code {
        case .usage: 64
        case .configuration, .system: 1
        case .refused: 3
        case .unavailable: 69
        }
    }

    /// An error of a system call, with the words of `errno`.
    static func system(_ what: String, errno code: Int32) -> AgentError {
        AgentError(.system, "\(what): \(SystemText.error(code))")
    }
}

/// Words for what the system says in numbers.
enum SystemText {
    static func error(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
