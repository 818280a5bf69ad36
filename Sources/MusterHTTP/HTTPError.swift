/// Why a request brought no answer.
package struct HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Kinds that callers tell apart.
    package enum Code: String, Sendable, CaseIterable {
        /// The URL or a header can't be used.
        case invalid
        /// libcurl is not there.
        case libraryMissing
        /// The name has no address.
        case resolve
        /// No connection.
        case connect
        /// The other side could not prove who it is, or TLS failed.
        case tls
        /// The deadline passed.
        case timeout
        /// The answer is larger than the caller wants.
        case tooLarge
        /// The connection broke, or what came was no HTTP.
        case broken
        /// Too many requests wait already.
        case busy
    }

    package let code: Code
    /// Names the host, never credentials.
    package let message: String
    /// How far the request came; nil when it was not even begun.
    package let timings: HTTPTimings?

    package init(_ code: Code, _ message: String, timings: HTTPTimings? = nil) {
        self.code = code
        self.message = message
        self.timings = timings
    }

    package var description: String { message }
}
