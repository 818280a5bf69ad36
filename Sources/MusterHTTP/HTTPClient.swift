import MusterCore

/// Makes requests with the distribution's libcurl.
///
/// Certificates are always checked, redirects are answers like any other, and only HTTP and HTTPS are spoken.
package struct HTTPClient: Sendable {
    package init() {}

    /// Makes one request; blocks the calling thread until the answer is there, at most for the request's timeout.
    ///
    /// - Throws: ``HTTPError``; an answer of any status is no error.
    package func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPResponse {
        try HTTPCheckedRequest(request).send(with: try CurlLibrary.shared())
    }

    /// Makes one request on a thread made for this; the caller's is not blocked.
    ///
    /// - Throws: ``HTTPError``, with the code `busy` when too many requests run and wait already.
    package func sendAsync(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await RequestThreads.shared.run { () throws(HTTPError) in try send(request) }
    }
}
