import MusterCore
import MusterHTTP

/// Whether a URL answers, how long each phase takes, and when the server's certificate ends.
package enum HTTPCheck {
    /// A page of health that is larger than this is no such page.
    private static let bodyBytesMax = 1 << 20

    /// Blocks for at most about the target's timeout.
    package static func run(_ target: DependencyTarget, url: String, caFile: String?) -> DependencyCheck {
        var check = target.emptyCheck
        let clock = CheckClock()
        let request = HTTPRequest(
            method: "GET",
            url: url,
            timeout: target.timeout,
            bodyLimit: bodyBytesMax,
            caFile: caFile
        )
        do {
            let response = try HTTPClient().send(request)
            check.status = response.status
            check.healthy = (200..<400).contains(response.status)
            if !check.healthy { check.reason = "HTTP status \(response.status)" }
            check.dnsMilliseconds = response.timings.dns
            check.connectMilliseconds = response.timings.connect
            check.tlsMilliseconds = response.timings.tls
            check.firstByteMilliseconds = response.timings.firstByte
            check.certificateExpires = response.certificateExpires
        } catch {
            check.reason = SecretMask.mask(error.message)
        }
        check.totalMilliseconds = clock.milliseconds
        return check
    }
}
