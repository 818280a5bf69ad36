import MusterCore

/// One HTTP request.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Of the schemes `http` and `https`, without user and password.
    package var url: String
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// For everything together: name, connection, TLS, answer.
    package var timeout: Duration
    /// Largest body of the answer in bytes; a larger one is an error.
    package var bodyLimit: Int
    /// Authorities in PEM that the server's certificate is checked by; nil for the system's.
    package var caFile: String?

    package init(
        method: String,
        url: String,
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(10),
        bodyLimit: Int = 1 << 20,
        caFile: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.bodyLimit = bodyLimit
        self.caFile = caFile
    }
}

/// The answer to a request.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// In the order in which they came, names in lower case.
    package var headers: [(String, String)]
    package var body: [UInt8]
    package var timings: HTTPTimings
    /// When the server's own certificate ends; nil without TLS.
    package var certificateExpires: Timestamp?
}

/// Milliseconds from the start of a request to the end of each phase; nil for a phase that there was not.
package struct HTTPTimings: Hashable, Sendable {
    package var dns: Double?
    package var connect: Double?
    package var tls: Double?
    package var firstByte: Double?
    package var total: Double?
}
