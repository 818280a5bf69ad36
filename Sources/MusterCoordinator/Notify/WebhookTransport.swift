import MusterCore
import MusterHTTP

/// Posts messages over HTTPS or HTTP with the system's libcurl.
package struct WebhookTransport: MessageTransport {
    private let client: HTTPClient
    private let caFile: String?

    /// - Parameters:
    ///   - client: Its threads do the work.
    ///   - caFile: Authorities that the other side's certificate is checked by; nil for the system's.
    package init(client: HTTPClient = HTTPClient(), caFile: String?) {
        self.client = client
        self.caFile = caFile
    }

    package func post(_ body: [UInt8], to url: String, timeout: Duration) async throws {
        let request = HTTPRequest(
            method: "POST",
            url: url,
            headers: [("Content-Type", "application/json")],
            body: body,
            timeout: timeout,
            bodyLimit: 64 << 10,
            caFile: caFile
        )
        let response = try await client.sendAsync(request)
        guard (200..<300).contains(response.status) else {
            throw StateFileError(message: "the webhook answered \(response.status)")
        }
    }
}
