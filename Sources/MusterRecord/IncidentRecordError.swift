/// Why a record, or a part of it, can't be written, read or trusted.
package struct IncidentRecordError: Error, Sendable, CustomStringConvertible {
    /// Kinds that callers tell apart.
    package enum Code: String, Sendable {
        /// It can't be understood or is not what was written.
        case corrupt
        /// Anything else.
        case failed
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?
    /// Sequence number of the event at which it is wrong, 0 for the header; nil when no place can be named.
    package let place: Int?

    package init(_ code: Code, _ message: String, at place: Int? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.cause = cause
    }

    package var description: String { cause.map { "\(message): \($0)" } ?? message }
}
