import MusterCore

/// Makes requests with the distribution's libcurl.
///
/// Certificates are always checked, redirects are answers like any other, and only HTTP and HTTPS are spoken.
package struct HTTPClient: Sendable {
    package init() {}

    /// Makes one request; blocks the calling thread until the answer is there, at most for the request's timeout.
    ///
    /// - Parameters:
    ///   - request: What to send.
    ///   - onBody: Is handed each piece of the answer's body as it comes, on the calling thread.
    /// - Returns: The whole answer.
    /// - Throws: ``HTTPError``; an answer of any status is no error.
    package func send(
        _ request: HTTPRequest,
        onBody: (UnsafeRawBufferPointer) -> Void = { _ in }
    ) throws(HTTPError) -> HTTPResponse {
        let checked = try HTTPCheckedRequest(request)
        let library = try CurlLibrary.shared()
        let result: Result<HTTPResponse, HTTPError> = withoutActuallyEscaping(onBody) { onBody in
            do throws(HTTPError) { return .success(try checked.send(with: library, onBody: onBody)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Makes one request on a thread made for this; the caller's is not blocked.
    ///
    /// - Throws: ``HTTPError``, with the code `busy` when too many requests run and wait already.
    package func sendAsync(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        try await RequestThreads.shared.run { () throws(HTTPError) in try send(request) }
    }
}
