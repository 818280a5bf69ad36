/// Why an operation was not carried out; each code has one HTTP status.
package struct OperationError: Error, Sendable, CustomStringConvertible {
    /// Kinds that callers tell apart.
    package enum Code: String, Sendable, Codable, CaseIterable {
        /// What was sent makes no sense; sending it again won't help.
        case malformed
        /// No such incident, plan, host, token or operator.
        case notFound = "not-found"
        /// It is in a state that does not allow this, for example decided already.
        case conflict
        /// This person may not.
        case denied
        /// Too much at once; trying again helps.
        case busy
        /// Something that is needed does not work now, for example the disk; trying again may help.
        case unavailable
    }

    package let code: Code
    /// What is wrong and what to do, for people.
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String {
        cause.map { "\(message): \($0)" } ?? message
    }
}
