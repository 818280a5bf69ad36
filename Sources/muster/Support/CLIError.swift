import ArgumentParser

/// How a command ends, as the numbers that scripts see.
enum CommandStatus: Int32 {
    case done = 0
    case failed = 1
    /// Not every host answered in full.
    case partial = 2
    case denied = 3
    case usage = 64
    case unavailable = 69
    case tryAgain = 75

    var code: ExitCode { ExitCode(rawValue) }
}

/// Why a command did not do what it should.
struct CLIError: Error, CustomStringConvertible {
    let status: CommandStatus
    let message: String
    let cause: (any Error)?

    init(_ status: CommandStatus, _ message: String, cause: (any Error)? = nil) {
        self.status = status
        self.message = message
        self.cause = cause
    }

    var description: String { cause.map { "\(message): \($0)" } ?? message }
}
