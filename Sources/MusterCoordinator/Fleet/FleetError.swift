/// Why something could not be done with a host, a token or the fleet's record.
package struct FleetError: Error, Sendable, CustomStringConvertible {
    /// Kinds that callers tell apart.
    package enum Code: String, Sendable, Codable, CaseIterable {
        /// No connection to the host; trying again helps once it is back.
        case unreachable
        /// Sent, but nobody knows whether it arrived; ask the host's ledger.
        case undetermined
        /// No such host or token.
        case unknown
        /// The host's identity is no longer trusted.
        case revoked
        /// A token, certificate or request that is not accepted as it is.
        case refused
        /// Something that was given can't be used as it is, for example a selector.
        case invalid
        /// Too much at once; trying again helps.
        case busy
        /// The record of the fleet could not be read or written.
        case store
        /// The port could not be opened, or TLS could not be set up.
        case listen
    }

    package let code: Code
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
