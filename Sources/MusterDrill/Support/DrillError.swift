/// What kept a drill from going on, in words for whoever runs it.
package struct DrillError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The command or a file it names makes no sense.
        case usage
        /// Something that has to be installed is not there.
        case missing
        /// A process could not be started, or ended when it should not have.
        case process
        /// A network namespace, an address or a connection.
        case network
        case database
        case file
        /// Something did not happen in the time it should take.
        case timeout
        /// The person at the keyboard, or whoever sent a signal, wants it to end.
        case interrupted
    }

    package var code: Code
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, and the cause after it when there is one.
    package var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}
