/// Why the host could not be looked at.
package struct ProbeError: Error, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// Not there.
        case missing
        /// There, but this process may not read it.
        case denied
        /// There, but reading it failed.
        case unreadable
        /// The disk, or the room set aside on it, has no place for more.
        case full
        /// Read, but not understood.
        case malformed
        /// The question is not allowed or makes no sense.
        case refused
        /// The other side can't be reached.
        case unavailable
        /// The other side answered that it failed.
        case failed
        /// The deadline passed.
        case timeout
        /// It was sent, and nobody knows whether it took effect; must not be tried again.
        case indeterminate
    }

    package var code: Code
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { message }
}
