internal import COpenSSL

/// Why a key, a certificate, a signature or a TLS session was not accepted.
package struct IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The bytes are not what they should be.
        case malformed
        /// Well formed, but of a kind that is not used here.
        case unsupported
        /// The certificate of the peer is not one that we accept.
        case untrusted
        /// The peer did not accept us or our certificate.
        case refusedByPeer
        /// The connection ended or failed below TLS.
        case disconnected
        /// The peer broke the TLS protocol or speaks another one.
        case protocolViolation
        /// The library failed for reasons of its own, such as memory.
        case library
    }

    package var code: Code
    /// What happened, in a sentence for whoever has to fix it.
    package var message: String
    /// What the library said; empty when it said nothing.
    package var cause: String

    package init(_ code: Code, _ message: String, cause: String = "") {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { cause.isEmpty ? message : "\(message) (\(cause))" }

    /// Whether the same attempt may succeed later without anybody changing anything.
    package var retryCanHelp: Bool { code == .disconnected || code == .library }

    /// An error with what OpenSSL has left in this thread's queue.
    static func library(_ message: String) -> IdentityError {
        IdentityError(.library, message, cause: OpenSSLErrors.drain().text)
    }
}

/// What OpenSSL reported on this thread since the queue was last emptied.
struct OpenSSLErrors {
    private(set) var codes: [UInt] = []

    /// Takes everything out of the queue.
    static func drain() -> OpenSSLErrors {
        var errors = OpenSSLErrors()
        while true {
            let code = ERR_get_error()
            if code == 0 { return errors }
            errors.codes.append(code)
        }
    }

    /// Empties the queue; called before a call whose errors will be looked at.
    static func clear() { ERR_clear_error() }

    /// The reasons, oldest first.
    var text: String {
        let reasons = codes.map { code in
            ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        }
        return reasons.joined(separator: "; ")
    }

    /// The alert that the peer sent, as a number of the IANA registry.
    var alert: Int32? { codes.lazy.map { muster_alert($0) }.first { $0 >= 0 } }

    /// Whether the peer closed the connection without saying so.
    var isUnexpectedEnd: Bool { codes.contains { muster_is_unexpected_eof($0) != 0 } }
}
